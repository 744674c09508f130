"""When Grams descends at least as far as Cautious, exactly.

With a = u∘1[u∘g≥0] (cautious step) and r = sign(g)∘|u| (Grams' step), so that ⟨g, r − a⟩ = Σ |uᵢgᵢ| over uᵢgᵢ < 0:

    ΔL_G ≤ ΔL_C for every L-smooth f with ∇f(w) = g   if and only if   η L ‖r − a‖ ‖r + a‖ ≤ 2⟨g, r − a⟩.

Where no gᵢ is 0 this is η ≤ β/(L ‖b‖ √(‖a‖² + ‖b‖²/4)), b = r − a, β = ⟨g, b⟩. A coordinate with gᵢ = 0 ≠ uᵢ is moved
by the cautious step (mask ≥) and not by Grams: it enters r − a, which is why the condition is stated with r − a and
r + a.

Ours; amends comparison-sign-repaired. "If" needs the two-point comparison, "only if" that it is attained: by a
quadratic φ whose curvature is L or −L.
"""

from grams_theory.claims import _comparison
from grams_theory.claims.two_point_comparison import CLAIM as TWO_POINT_COMPARISON
from grams_theory.core.algebra import dot, norm2
from grams_theory.core.claim import Claim, Formal, OneStep
from grams_theory.core.definitions import CAUTIOUS, GRAMS, SMOOTH
from grams_theory.core.verdict import Verdict
from grams_theory.symbolic.reading import read


def step_size(s):
    difference, total = s.r - s.a, s.r + s.a
    return 2 * dot(s.g, difference) / (s.smoothness * (norm2(difference) * norm2(total)).sqrt())


def formal():
    import sympy as sp

    from grams_theory.symbolic.gram import Space, dot, norm2
    from grams_theory.symbolic.proof import reals

    g, a, r, b, x, z, n = Space("g a r b x z n").vectors()
    of_grams, of_cautious, L, eta = reals("ΔL_G ΔL_C L η")
    condition = sp.Le(eta * L * _comparison.lengths(a, r), 2 * dot(g, r - a))
    return Formal(
        {
            "if": sp.Implies(condition, sp.Le(of_grams, of_cautious)),
            **_comparison.only_if(sp.And(eta > 0, sp.Not(condition)), (g, a, r, x, z, n), -L, L, eta),
            "r = a + b": sp.Implies(
                sp.Eq(dot(a, b), 0),
                sp.Eq(norm2(b) * norm2(2 * a + b), 4 * norm2(b) * (norm2(a) + norm2(b) / 4)),
            ),
        },
        (L > 0, eta >= 0),
        {"ΔL_G": "f(w − ηr) − f(w)", "ΔL_C": "f(w − ηa) − f(w)", "g": "∇f(w)", **_comparison.legend("a")},
    )


def reading(s):
    return {"Grams": {"ΔL_G": s.change("Grams"), "ΔL_C": s.change("CautiousAdam")}}


def attained():
    """r + a = (6, 8) and r − a = (0, 8); H is 2 times the reflection that takes the one direction to the other."""
    H = [["-8/5", "6/5"], ["6/5", "8/5"]]
    return {"ΔL_G ≤ ΔL_C": {"H": H, "g": [5, 5], "u": [3, -8], "eta": "1/2", "smoothness": 2}}


def prove_directions(p, g, a, r):
    """What a and r have in common: ⟨a, r⟩ ≥ 0, ⟨g, r − a⟩ ≥ 0."""
    import sympy as sp

    from grams_theory.symbolic.gram import dot
    from grams_theory.symbolic.proof import reals

    u, gi = reals("u g")
    cautious, grams = p.use(CAUTIOUS, u, gi), p.use(GRAMS, u, gi)
    p.coordinates(g=gi, a=cautious, r=grams)
    p.implies("⟨a, r⟩ ≥ 0, in one coordinate", [], sp.Ge(cautious * grams, 0))
    p.implies("⟨g, r − a⟩ ≥ 0, in one coordinate", [], sp.Ge(gi * (grams - cautious), 0))
    acute = p.lift("⟨a, r⟩ ≥ 0", "⟨a, r⟩ ≥ 0, in one coordinate", sp.Ge(dot(a, r), 0))
    slope = p.lift("⟨g, r − a⟩ ≥ 0", "⟨g, r − a⟩ ≥ 0, in one coordinate", sp.Ge(dot(g, r - a), 0))
    return acute, slope


def prove(p):
    import sympy as sp

    from grams_theory.symbolic.gram import Space
    from grams_theory.symbolic.proof import reals

    g, a, r, _, x, z, n = Space("g a r b x z n").vectors()
    of_grams, of_cautious, L, eta, Delta = reals("ΔL_G ΔL_C L η Δ")
    acute, slope = prove_directions(p, g, a, r)
    two_points = p.cite(
        TWO_POINT_COMPARISON,
        "at x₁ = −ηa, x₂ = −ηr",
        {Delta: of_grams - of_cautious},
        {"g": g, "x1": -eta * a, "x2": -eta * r},
        ["on one side"],
    )
    p.conclude("if", [two_points, acute, _comparison.prove_scaling(p, a, r, eta), eta >= 0])

    squares = [p.square("‖r − a‖² ≥ 0", r - a), p.square("‖r + a‖² ≥ 0", r + a)]
    fails = sp.Not(formal().conclusions["if"].args[0])
    _comparison.prove_only_if(p, [fails, slope, *squares], (g, a, r, x, z, n), -L, L, eta)

    short = formal().conclusions["r = a + b"].args
    p.identity("where no gᵢ is 0", short[1].lhs, short[1].rhs, given=[short[0]])
    p.conclude("r = a + b")


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
    formal=formal,
    margin=read(_comparison.ordered(formal, "ΔL_G ≤ ΔL_C"), reading),
    attained=attained,
    prove=prove,
    amends="comparison-sign-repaired",
    place=(4, 2, 5),
)
