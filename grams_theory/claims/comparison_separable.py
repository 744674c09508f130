"""Grams descends at least as far as Cautious on separable f, with the sign-repaired third bound alone.

    f L-smooth and separable, η ≤ 2β/(L‖r − a‖²) ⇒ ΔL_G ≤ ΔL_C,

with a = u∘1[u∘g≥0], r = sign(g)∘|u| and β = ⟨g, r − a⟩ = Σ |uᵢgᵢ| over uᵢgᵢ < 0. Where no gᵢ is 0, r − a is
−u∘1[u∘g<0] and the condition is the third bound of comparison-sign-repaired.

Ours; amends comparison-sign-repaired, whose failures need coordinates that interact. Needs the descent lemma.
"""

from grams_theory.core.algebra import dot, norm2
from grams_theory.core.claim import SEPARABLE, SMOOTH, Claim, OneStep
from grams_theory.core.verdict import Verdict


def step_size(s):
    difference = s.r - s.a
    return 2 * dot(s.g, difference) / (s.smoothness * norm2(difference))


def margin(s):
    return {"ΔL_G ≤ ΔL_C": s.change("CautiousAdam") - s.change("Grams")}


def prove(p):
    import sympy as sp

    from grams_theory.symbolic.proof import reals
    from grams_theory.symbolic.rules import cautious, grams, misaligned

    u, g, L, eta, fr, fa = reals("u g L eta φ_r φ_a")
    gap, slope, beta, square = reals("ΔL_G−ΔL_C ⟨g,r−a⟩ beta ‖r−a‖²")
    r, a, loss = grams(u, g), cautious(u, g), -misaligned(u, g, u * g)

    def within(change, step):
        return sp.Le(abs(change + eta * g * step), L / 2 * eta**2 * step**2)

    grams_step, cautious_step = (
        p.cite(
            f"descent-lemma: fᵢ at wᵢ − η{name}ᵢ",
            f"φ_{name} = fᵢ(wᵢ − η{name}ᵢ) − fᵢ(wᵢ): |φ_{name} + ηgᵢ{name}ᵢ| ≤ (L/2)η²{name}ᵢ²",
            within(change, step),
            rf"|\varphi_{name}+\eta g_i{name}_i|\le\tfrac L2\eta^2{name}_i^2",
        )
        for name, change, step in (("r", fr, r), ("a", fa, a))
    )
    p.implies(
        "in one coordinate",
        [grams_step, cautious_step, sp.Implies(sp.Eq(r, a), sp.Eq(fr, fa))],
        sp.Le(fr - fa, -eta * g * (r - a) + L / 2 * eta**2 * (r - a) ** 2),
    )
    p.implies("⟨g, r − a⟩, in one coordinate", [], sp.Eq(g * (r - a), loss))
    total = p.lift(
        "summed",
        "in one coordinate",
        sp.Le(gap, -eta * slope + L / 2 * eta**2 * square),
        {gap: fr - fa, slope: g * (r - a), square: (r - a) ** 2},
    )
    first = p.lift(
        "⟨g, r − a⟩ = β",
        "⟨g, r − a⟩, in one coordinate",
        sp.Eq(slope, beta),
        {slope: g * (r - a), beta: loss},
    )
    p.implies("comparison", [total, first, eta >= 0, sp.Le(eta * L * square, 2 * beta)], sp.Le(gap, 0))


CLAIM = Claim(
    id="comparison-separable",
    title="Grams descends at least as far as Cautious, f separable",
    source="Ours",
    statement="f L-smooth and separable, η ≤ 2⟨g, r−a⟩/(L‖r−a‖²) ⇒ ΔL_G ≤ ΔL_C",
    latex=r"\eta\le\tfrac{2\langle g,r-a\rangle}{L\lVert r-a\rVert^2}\ \Rightarrow\ \Delta L_G\le\Delta L_C",
    recorded=Verdict.PROVED,
    assumptions=(SMOOTH, SEPARABLE),
    setting=OneStep(("Grams", "CautiousAdam"), step_size),
    margin=margin,
    prove=prove,
    uses=("descent-lemma",),
    amends="comparison-sign-repaired",
    place=(4, 2, 7),
)
