"""When Grams descends at least as far as Cautious on every convex L-smooth f, exactly.

With a = u∘1[u∘g≥0] (cautious step), r = sign(g)∘|u| (Grams' step) and β = ⟨g, r − a⟩ = Σ |uᵢgᵢ| over uᵢgᵢ < 0:

    ΔL_G ≤ ΔL_C for every convex L-smooth f   if and only if   η L (‖r‖² − ‖a‖² + ‖r − a‖ ‖r + a‖) ≤ 4β.

Where no gᵢ is 0 this is η ≤ 2β/(L(‖b‖²/2 + ‖b‖√(‖a‖² + ‖b‖²/4))), b = r − a.

Ours; amends comparison-sign-repaired. Needs the two-point comparison. "Only if": a quadratic attains the bound.
"""

from grams_theory.claims.comparison_sharp import prove_directions
from grams_theory.core.algebra import dot, norm2
from grams_theory.core.claim import CONVEX, SMOOTH, Claim, OneStep
from grams_theory.core.verdict import Verdict


def step_size(s):
    difference, total = s.r - s.a, s.r + s.a
    root = (norm2(difference) * norm2(total)).sqrt()
    return 4 * dot(s.g, difference) / (s.smoothness * (dot(difference, total) + root))


def margin(s):
    return {"ΔL_G ≤ ΔL_C": s.change("CautiousAdam") - s.change("Grams")}


def prove(p):
    import sympy as sp

    from grams_theory.symbolic.gram import Space, dot, norm2
    from grams_theory.symbolic.inequalities import cauchy_schwarz
    from grams_theory.symbolic.proof import reals

    acute, first = prove_directions(p)
    slope, beta, minus, plus, L, eta, gap = reals("⟨g,r−a⟩ beta ‖r−a‖ ‖r+a‖ L eta ΔL_G−ΔL_C")
    r2, a2 = reals("‖r‖² ‖a‖²")
    spread = r2 - a2 + minus * plus
    two_points = p.cite(
        "two-point-comparison",
        "x₁ = −ηa, x₂ = −ηr, curvature in [0, L]: ΔL_G − ΔL_C ≤ −η⟨g, r−a⟩ + (L/4)η²(‖r‖²−‖a‖²+‖r−a‖‖r+a‖)",
        sp.Implies(acute, sp.Le(gap, -eta * slope + L / 4 * eta**2 * spread)),
        r"\Delta L_G-\Delta L_C\le-\eta\langle g,r-a\rangle"
        r"+\tfrac L4\eta^2(\lVert r\rVert^2-\lVert a\rVert^2+\lVert r-a\rVert\lVert r+a\rVert)",
    )
    premise = sp.Le(eta * L * spread, 4 * beta)
    p.implies("if", [two_points, acute, first, premise, eta >= 0], sp.Le(gap, 0))

    m, q = Space("m q").vectors()  # r − a = ‖r−a‖ m and r + a = ‖r+a‖ q
    unit, normal = [norm2(m) - 1, norm2(q) - 1], m + q
    x1, x2 = -eta / 2 * (plus * q - minus * m), -eta / 2 * (plus * q + minus * m)

    def square(z):
        return dot(normal, z) ** 2 / norm2(normal)

    p.identity(
        "f(w + x) = ⟨g, x⟩ + (L/2)⟨m+q, x⟩²/‖m+q‖² attains the bound",
        L / 2 * (square(x2) - square(x1)),
        L / 4 * eta**2 * minus * plus * (dot(m, q) + 1),
        given=unit,
    )
    p.identity(
        "where ‖r‖² − ‖a‖² = ‖r−a‖‖r+a‖⟨m, q⟩", norm2(x2) - norm2(x1), eta**2 * minus * plus * dot(m, q)
    )
    cauchy_schwarz(p, "its curvature is at most L: ⟨n, x⟩² ≤ ‖n‖²‖x‖²", *Space("n x").vectors())
    p.implies(
        "only if", [sp.Eq(gap, -eta * beta + L / 4 * eta**2 * spread), eta > 0, sp.Not(premise)], gap > 0
    )


CLAIM = Claim(
    id="comparison-sharp-convex",
    title="Grams descends at least as far as Cautious, f convex (exact condition)",
    source="Ours",
    statement=(
        "ΔL_G ≤ ΔL_C for every convex L-smooth f with ∇f(w) = g ⇔ η L (‖r‖² − ‖a‖² + ‖r−a‖ ‖r+a‖) ≤ 4⟨g, r−a⟩"
    ),
    latex=(
        r"\Delta L_G\le\Delta L_C\ \ \forall f\text{ convex, }L\text{-smooth}\iff"
        r"\eta L(\lVert r\rVert^2-\lVert a\rVert^2+\lVert r-a\rVert\lVert r+a\rVert)\le4\langle g,r-a\rangle"
    ),
    recorded=Verdict.PROVED,
    assumptions=(SMOOTH, CONVEX),
    setting=OneStep(("Grams", "CautiousAdam"), step_size),
    margin=margin,
    prove=prove,
    uses=("two-point-comparison",),
    amends="comparison-sign-repaired",
    place=(4, 2, 6),
)
