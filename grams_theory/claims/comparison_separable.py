"""Grams descends at least as far as Cautious on separable f, with the sign-repaired third bound alone.

    f L-smooth and separable, η ≤ 2⟨g, r − a⟩/(L‖r − a‖²) ⇒ ΔL_G ≤ ΔL_C,

with a = u∘1[u∘g≥0], r = sign(g)∘|u|, so that ⟨g, r − a⟩ = Σ |uᵢgᵢ| over uᵢgᵢ < 0. Where no gᵢ is 0, r − a is
−u∘1[u∘g<0] and the condition is the third bound of comparison-sign-repaired.

Ours; amends comparison-sign-repaired, whose failures need coordinates that interact. Needs the descent lemma, along
each basis vector eᵢ.
"""

from grams_theory.claims import _comparison
from grams_theory.claims.comparison_sharp import reading
from grams_theory.claims.descent_lemma import CLAIM as DESCENT_LEMMA
from grams_theory.core.algebra import dot, norm2
from grams_theory.core.claim import Claim, Formal, OneStep
from grams_theory.core.definitions import CAUTIOUS, GRAMS, SEPARABLE, SMOOTH
from grams_theory.core.verdict import Verdict
from grams_theory.symbolic.reading import read


def step_size(s):
    difference = s.r - s.a
    return 2 * dot(s.g, difference) / (s.smoothness * norm2(difference))


def formal():
    import sympy as sp

    from grams_theory.symbolic.gram import Space, dot, norm2
    from grams_theory.symbolic.proof import reals

    g, a, r = Space("g a r").vectors()
    of_grams, of_cautious, L, eta = reals("ΔL_G ΔL_C L η")
    condition = sp.Le(eta * L * norm2(r - a), 2 * dot(g, r - a))
    return Formal(
        {"if": sp.Implies(condition, sp.Le(of_grams, of_cautious))},
        (L >= 0, eta >= 0),
        {"ΔL_G": "f(w − ηr) − f(w)", "ΔL_C": "f(w − ηa) − f(w)", "g": "∇f(w)"},
    )


def attained():
    return {"ΔL_G ≤ ΔL_C": {"H": [[2, 0], [0, 2]], "g": [1, 1], "u": [3, -8], "eta": "1/8", "smoothness": 2}}


def prove(p):
    import sympy as sp

    from grams_theory.symbolic.gram import Space, dot, norm2
    from grams_theory.symbolic.proof import reals

    g, a, r, k, e = Space("g a r k e").vectors()  # k = ∇f(w − ηaᵢeᵢ), e = eᵢ
    u, gi, L, eta, phi_r, phi_a = reals("u g L η φ_r φ_a")
    of_grams, of_cautious, along_r, along_a, across, S, Delta = reals("ΔL_G ΔL_C Δ_r Δ_a Δ_ra S Δ")
    grams, cautious = p.use(GRAMS, u, gi), p.use(CAUTIOUS, u, gi)
    p.shared(eta)
    p.coordinates(g=gi, a=cautious, r=grams)
    basis = [p.basis(e, {"g": gi})]
    parts = [
        p.assume(SEPARABLE, "at w − ηrᵢeᵢ and w, φ_r = fᵢ(wᵢ − ηrᵢ) − fᵢ(wᵢ)", along_r, phi_r),
        p.assume(SEPARABLE, "at w − ηaᵢeᵢ and w, φ_a = fᵢ(wᵢ − ηaᵢ) − fᵢ(wᵢ)", along_a, phi_a),
        p.assume(SEPARABLE, "at w − ηrᵢeᵢ and w − ηaᵢeᵢ", across, phi_r - phi_a),
    ]
    descents = [
        p.cite(DESCENT_LEMMA, f"from {start}", {Delta: change}, {"g": slope, "d": move * e})
        for start, change, slope, move in (
            ("w along −ηrᵢeᵢ", along_r, g, -eta * grams),
            ("w along −ηaᵢeᵢ", along_a, g, -eta * cautious),
            ("w − ηaᵢeᵢ along −η(rᵢ − aᵢ)eᵢ", across, k, eta * (cautious - grams)),
        )
    ]
    difference = grams - cautious
    p.implies(
        "in one coordinate",
        [*parts, *descents, *basis],
        sp.Le(phi_r - phi_a, -eta * gi * difference + L / 2 * eta**2 * difference**2),
    )
    total = p.lift(
        "summed",
        "in one coordinate",
        sp.Le(S, -eta * dot(g, r - a) + L / 2 * eta**2 * norm2(r - a)),
        {S: phi_r - phi_a},
    )
    whole = p.assume(SEPARABLE, "at w − ηr and w − ηa", of_grams - of_cautious, S)
    p.conclude("if", [total, whole, eta >= 0])


CLAIM = Claim(
    id="comparison-separable",
    title="Grams descends at least as far as Cautious, f separable",
    source="Ours",
    statement="f L-smooth and separable, η ≤ 2⟨g, r−a⟩/(L‖r−a‖²) ⇒ ΔL_G ≤ ΔL_C",
    latex=r"\eta\le\tfrac{2\langle g,r-a\rangle}{L\lVert r-a\rVert^2}\ \Rightarrow\ \Delta L_G\le\Delta L_C",
    recorded=Verdict.PROVED,
    assumptions=(SMOOTH, SEPARABLE),
    setting=OneStep(("Grams", "CautiousAdam"), step_size),
    formal=formal,
    margin=read(_comparison.ordered(formal, "ΔL_G ≤ ΔL_C"), reading),
    attained=attained,
    prove=prove,
    amends="comparison-sign-repaired",
    place=(4, 2, 7),
)
