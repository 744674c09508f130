"""When Grams descends at least as far as Cautious, exactly.

With a = u∘1[u∘g≥0] (cautious step), r = sign(g)∘|u| (Grams' step) and β = ⟨g, r − a⟩ = Σ |uᵢgᵢ| over uᵢgᵢ < 0:

    ΔL_G ≤ ΔL_C for every L-smooth f   if and only if   η L ‖r − a‖ ‖r + a‖ ≤ 2β.

Where no gᵢ is 0 this is η ≤ β/(L ‖b‖ √(‖a‖² + ‖b‖²/4)), b = r − a. A coordinate with gᵢ = 0 ≠ uᵢ is moved by the
cautious step (mask ≥) and not by Grams: it enters r − a, which is why the condition is stated with r − a and r + a.

Ours; amends comparison-sign-repaired. Needs the two-point comparison. "Only if": a quadratic attains the bound.
"""

from grams_theory.core.algebra import dot, norm2
from grams_theory.core.claim import SMOOTH, Claim, OneStep
from grams_theory.core.verdict import Verdict


def step_size(s):
    difference, total = s.r - s.a, s.r + s.a
    return 2 * dot(s.g, difference) / (s.smoothness * (norm2(difference) * norm2(total)).sqrt())


def margin(s):
    return {"ΔL_G ≤ ΔL_C": s.change("CautiousAdam") - s.change("Grams")}


def prove_directions(p):
    """What a and r have in common: ⟨a, r⟩ ≥ 0, ⟨g, r − a⟩ = β."""
    import sympy as sp

    from grams_theory.symbolic.proof import reals
    from grams_theory.symbolic.rules import cautious, grams, misaligned

    u, g, inner, slope, beta = reals("u g ⟨a,r⟩ ⟨g,r−a⟩ beta")
    a, r, loss = cautious(u, g), grams(u, g), -misaligned(u, g, u * g)
    p.implies("⟨a, r⟩ ≥ 0, in one coordinate", [], sp.Ge(a * r, 0))
    p.implies("⟨g, r − a⟩, in one coordinate", [], sp.Eq(g * (r - a), loss))
    acute = p.lift("⟨a, r⟩ ≥ 0", "⟨a, r⟩ ≥ 0, in one coordinate", sp.Ge(inner, 0), {inner: a * r})
    first = p.lift(
        "⟨g, r − a⟩ = β",
        "⟨g, r − a⟩, in one coordinate",
        sp.Eq(slope, beta),
        {slope: g * (r - a), beta: loss},
    )
    return acute, first


def prove(p):
    import sympy as sp

    from grams_theory.symbolic.gram import Space, norm2
    from grams_theory.symbolic.proof import reals

    acute, first = prove_directions(p)
    slope, beta, minus, plus, L, eta, gap = reals("⟨g,r−a⟩ beta ‖r−a‖ ‖r+a‖ L eta ΔL_G−ΔL_C")
    two_points = p.cite(
        "two-point-comparison",
        "x₁ = −ηa, x₂ = −ηr, ⟨x₁, x₂⟩ ≥ 0: ΔL_G − ΔL_C ≤ −η⟨g, r−a⟩ + (L/2)η²‖r−a‖‖r+a‖",
        sp.Implies(acute, sp.Le(gap, -eta * slope + L / 2 * eta**2 * minus * plus)),
        r"\Delta L_G-\Delta L_C\le-\eta\langle g,r-a\rangle+\tfrac L2\eta^2\lVert r-a\rVert\lVert r+a\rVert",
    )
    premise = sp.Le(eta * L * minus * plus, 2 * beta)
    p.implies("if", [two_points, acute, first, premise, eta >= 0], sp.Le(gap, 0))

    attained = prove_attained(p, eta, L, minus, plus)
    p.implies("only if", [sp.Eq(gap, -eta * beta + attained), eta > 0, sp.Not(premise)], gap > 0)

    a, b = Space("a b", orthogonal=[("a", "b")]).vectors()
    p.identity(
        "where no gᵢ is 0: r = a + b, ⟨a, b⟩ = 0 and ‖r−a‖²‖r+a‖²",
        norm2(b) * norm2(2 * a + b),
        4 * norm2(b) * (norm2(a) + norm2(b) / 4),
    )


def prove_attained(p, eta, L, minus, plus):
    """A quadratic with curvature L and −L attains the two-point bound at x₁ = −ηa, x₂ = −ηr."""
    from grams_theory.symbolic.gram import Space, dot, norm2

    m, q, x = Space("m q x").vectors()  # r − a = ‖r−a‖ m and r + a = ‖r+a‖ q; any x
    unit, normal = [norm2(m) - 1, norm2(q) - 1], m + q

    def turn(z):
        return 2 * dot(normal, z) / norm2(normal) * normal - z

    def rise(direction, image):
        x1, x2 = -eta / 2 * (plus * direction - minus * m), -eta / 2 * (plus * direction + minus * m)
        return L / 2 * (dot(x2, image(x2)) - dot(x1, image(x1)))

    bound = L / 2 * eta**2 * minus * plus
    p.identity(
        "the reflection T that takes q to m keeps lengths: f(w + x) = ⟨g, x⟩ + (L/2)⟨x, Tx⟩ is L-smooth",
        norm2(turn(x)),
        norm2(x),
    )
    p.identity("it attains the bound", rise(q, turn), bound, given=unit)
    p.identity("if q = −m, T = −1 attains it", rise(-m, lambda z: -z), bound, given=unit)
    return bound


CLAIM = Claim(
    id="comparison-sharp",
    title="Grams descends at least as far as Cautious (exact condition)",
    source="Ours",
    statement="ΔL_G ≤ ΔL_C for every L-smooth f with ∇f(w) = g ⇔ η L ‖r−a‖ ‖r+a‖ ≤ 2⟨g, r−a⟩",
    latex=(
        r"\Delta L_G\le\Delta L_C\ \ \forall f\ L\text{-smooth}\iff"
        r"\eta L\lVert r-a\rVert\lVert r+a\rVert\le2\langle g,r-a\rangle"
    ),
    recorded=Verdict.PROVED,
    assumptions=(SMOOTH,),
    setting=OneStep(("Grams", "CautiousAdam"), step_size),
    margin=margin,
    prove=prove,
    uses=("two-point-comparison",),
    amends="comparison-sign-repaired",
    place=(4, 2, 5),
)
