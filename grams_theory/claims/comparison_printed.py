"""The loss-descent comparison, with the step-size condition as printed.

    f L-smooth, η ≤ min{ 2⟨u∘g, 1[u∘g≥0]⟩/(L‖u∘1[u∘g≥0]‖²), 2⟨|g|, |u|⟩/(L‖u‖²), 2⟨u∘g, 1[u∘g<0]⟩/(L‖u∘1[u∘g<0]‖²) }
    ⇒ ΔL_G ≤ ΔL_C ≤ 0.

After Lemma 4.2 in the paper; its number is not known to us. Needs nothing more: no η > 0 satisfies the premise.
The third bound is negative if some uᵢgᵢ < 0, and 0/0 if none is.
"""

from grams_theory.core.algebra import dot, norm2
from grams_theory.core.claim import SMOOTH, Claim, OneStep
from grams_theory.core.verdict import Verdict


def first_two_bounds(s):
    """The smaller of the step sizes of Lemma 3.9 and Lemma 4.2, shape (B,)."""
    cautious = 2 * dot(s.g, s.a) / (s.smoothness * norm2(s.a))
    grams = 2 * dot(abs(s.g), abs(s.u)) / (s.smoothness * norm2(s.u))
    return cautious.minimum(grams)


def step_size(s):
    printed = -2 * dot(s.g, s.b) / (s.smoothness * norm2(s.b))
    return first_two_bounds(s).minimum(printed)


def margin(s):
    cautious = s.change("CautiousAdam")
    return {"ΔL_G ≤ ΔL_C": cautious - s.change("Grams"), "ΔL_C ≤ 0": -cautious}


def prove_vacuous(p):
    import sympy as sp

    from grams_theory.symbolic.proof import reals
    from grams_theory.symbolic.rules import misaligned

    u, g, uj, gj, rest, others, E, N, L, eta = reals("u g u_j g_j E_rest N_rest E N L eta")
    term, square = misaligned(u, g, u * g), misaligned(u, g, u**2)

    p.implies("a term of ⟨u∘g, 1[u∘g<0]⟩", [], sp.Le(term, 0))
    p.implies("a term of ‖u∘1[u∘g<0]‖²", [], sp.Ge(square, 0, evaluate=False))
    terms = p.lift("the other terms", "a term of ⟨u∘g, 1[u∘g<0]⟩", sp.Le(rest, 0), {rest: term})
    squares = p.lift("the other squares", "a term of ‖u∘1[u∘g<0]‖²", sp.Ge(others, 0), {others: square})
    one = [sp.Lt(uj * gj, 0), sp.Eq(E, uj * gj + rest), sp.Eq(N, uj**2 + others)]
    numerator = p.implies("if u_j g_j < 0 for some j, the numerator is negative", [*one[:2], terms], E < 0)
    denominator = p.implies("… and the denominator positive", [one[0], one[2], squares], N > 0)
    p.implies(
        "… so no step size is admitted",
        [numerator, denominator, L > 0, eta > 0, sp.Le(eta, 2 * E / (L * N))],
        sp.false,
    )
    p.implies(
        "if no u_j g_j < 0, numerator and denominator are 0: 0/0 is no number",
        [sp.Ge(u * g, 0)],
        [sp.Eq(term, 0), sp.Eq(square, 0)],
    )


CLAIM = Claim(
    id="comparison-printed",
    title="Grams descends at least as far as Cautious (as printed)",
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
    margin=margin,
    prove_vacuous=prove_vacuous,
    argument=("alignment", "lemma-3.9", "lemma-4.2"),
    note="If 0/0 is read as no condition, only u with M empty remain, and there the two steps agree wherever gᵢ ≠ 0.",
    place=(4, 2, 1),
)
