"""The loss-descent comparison, with the signed third bound.

    f L-smooth, η ≤ min{ 2⟨u∘g, 1[u∘g≥0]⟩/(L‖u∘1[u∘g≥0]‖²), 2⟨|g|, |u|⟩/(L‖u‖²), 2⟨u∘g, 1[u∘g<0]⟩/(L‖u∘1[u∘g<0]‖²) }
    ⇒ ΔL_G ≤ ΔL_C ≤ 0.

After Lemma 4.2 in the paper; its wording and number are not known to us. Needs nothing more: no η > 0 satisfies the
premise. With u⁻ = u∘1[u∘g<0], the third bound 2⟨g, u⁻⟩/(L‖u⁻‖²) is negative if some uᵢgᵢ < 0, and 0/0 if none is.
"""

from grams_theory.core.algebra import dot, norm2
from grams_theory.core.claim import Claim, Formal, OneStep
from grams_theory.core.definitions import MISALIGNED, SMOOTH
from grams_theory.core.verdict import Verdict
from grams_theory.symbolic.reading import read


def first_two_bounds(s):
    """The smaller of the step sizes of Lemma 3.9 and Lemma 4.2, shape (B,)."""
    cautious = 2 * dot(s.g, s.a) / (s.smoothness * norm2(s.a))
    grams = 2 * dot(abs(s.g), abs(s.u)) / (s.smoothness * norm2(s.u))
    return cautious.minimum(grams)


def step_size(s):
    third = -2 * dot(s.g, s.b) / (s.smoothness * norm2(s.b))
    return first_two_bounds(s).minimum(third)


def comparison():
    """What the claim concludes."""
    import sympy as sp

    from grams_theory.symbolic.proof import reals

    of_grams, of_cautious = reals("ΔL_G ΔL_C")
    return Formal({"ΔL_G ≤ ΔL_C": sp.Le(of_grams, of_cautious), "ΔL_C ≤ 0": sp.Le(of_cautious, 0)})


def reading(s):
    return {"Grams": {"ΔL_G": s.change("Grams"), "ΔL_C": s.change("CautiousAdam")}}


def formal():
    """That no step size is admitted."""
    import sympy as sp

    from grams_theory.symbolic.gram import Space, dot, norm2
    from grams_theory.symbolic.proof import reals

    g, minus = Space("g u⁻").vectors()
    L, eta = reals("L η")
    slope, square = dot(g, minus), norm2(minus)
    return Formal(
        {
            "no step size": sp.Implies(square > 0, eta > 2 * slope / (L * square)),
            "0/0": sp.Implies(sp.Eq(square, 0), sp.Eq(slope, 0)),
        },
        (L > 0, eta > 0),
        {"u⁻": "u∘1[u∘g<0], which is 0 if and only if no uᵢgᵢ < 0"},
    )


def prove_vacuous(p):
    import sympy as sp

    from grams_theory.symbolic.gram import Space, dot
    from grams_theory.symbolic.inequalities import cauchy_schwarz
    from grams_theory.symbolic.proof import reals

    g, minus = Space("g u⁻").vectors()
    u, gi, L, eta = reals("u g L η")
    misaligned = p.use(MISALIGNED, u, gi, u)
    p.coordinates(**{"g": gi, "u⁻": misaligned})
    p.implies("a term of ⟨g, u⁻⟩", [], sp.Le(gi * misaligned, 0))
    numerator = p.lift("⟨g, u⁻⟩ ≤ 0", "a term of ⟨g, u⁻⟩", sp.Le(dot(g, minus), 0))
    p.conclude("no step size", [numerator, L > 0, eta > 0])
    product = cauchy_schwarz(p, "Cauchy–Schwarz of g, u⁻", g, minus)
    p.conclude("0/0", [product])


CLAIM = Claim(
    id="comparison-printed",
    title="Grams descends at least as far as Cautious (signed third bound)",
    source="Section 4, the comparison of loss descent; statement reconstructed, its number is not known to us",
    statement=(
        "f L-smooth, η ≤ min{2⟨u∘g,1[u∘g≥0]⟩/(L‖u∘1[u∘g≥0]‖²), 2⟨|g|,|u|⟩/(L‖u‖²), "
        "2⟨u∘g,1[u∘g<0]⟩/(L‖u∘1[u∘g<0]‖²)} ⇒ ΔL_G ≤ ΔL_C ≤ 0"
    ),
    latex=(
        r"\eta\le\min\Bigl\{\tfrac{2\langle u\circ g,\mathbf 1[u\circ g\ge0]\rangle}"
        r"{L\lVert u\circ\mathbf 1[u\circ g\ge0]\rVert^2},\tfrac{2\langle|g|,|u|\rangle}{L\lVert u\rVert^2},"
        r"\tfrac{2\langle u\circ g,\mathbf 1[u\circ g<0]\rangle}{L\lVert u\circ\mathbf 1[u\circ g<0]\rVert^2}\Bigr\}"
        r"\ \Rightarrow\ \Delta L_G\le\Delta L_C\le0"
    ),
    recorded=Verdict.VACUOUS,
    assumptions=(SMOOTH,),
    setting=OneStep(("Grams", "CautiousAdam"), step_size),
    formal=formal,
    margin=read(comparison, reading),
    prove_vacuous=prove_vacuous,
    argument=("alignment", "lemma-3.9", "lemma-4.2"),
    note="If 0/0 is read as no condition, only u with M empty remain, and there the two steps agree wherever gᵢ ≠ 0.",
    place=(4, 2, 1),
)
