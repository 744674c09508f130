"""When Grams descends at least as far as Cautious on every convex L-smooth f, exactly.

With a = u∘1[u∘g≥0] (cautious step) and r = sign(g)∘|u| (Grams' step), so that ⟨g, r − a⟩ = Σ |uᵢgᵢ| over uᵢgᵢ < 0:

    ΔL_G ≤ ΔL_C for every convex L-smooth f with ∇f(w) = g
    if and only if   η L (‖r‖² − ‖a‖² + ‖r − a‖ ‖r + a‖) ≤ 4⟨g, r − a⟩.

Where no gᵢ is 0 this is η ≤ 2β/(L(‖b‖²/2 + ‖b‖√(‖a‖² + ‖b‖²/4))), b = r − a, β = ⟨g, b⟩.

Ours; amends comparison-sign-repaired. "If" needs the two-point comparison of convex functions, "only if" that it is
attained: by a convex quadratic φ whose curvature is 0 or L.
"""

from grams_theory.claims import _comparison
from grams_theory.claims.comparison_sharp import prove_directions, reading
from grams_theory.claims.two_point_comparison_convex import CLAIM as TWO_POINT_COMPARISON
from grams_theory.core.algebra import dot, norm2
from grams_theory.core.claim import Claim, Formal, OneStep
from grams_theory.core.definitions import CONVEX, SMOOTH
from grams_theory.core.verdict import Verdict
from grams_theory.symbolic.reading import read


def step_size(s):
    difference, total = s.r - s.a, s.r + s.a
    root = (norm2(difference) * norm2(total)).sqrt()
    return 4 * dot(s.g, difference) / (s.smoothness * (dot(difference, total) + root))


def _spread(a, r):
    """‖r‖² − ‖a‖² + ‖r − a‖ ‖r + a‖."""
    from grams_theory.symbolic.gram import norm2

    return norm2(r) - norm2(a) + _comparison.lengths(a, r)


def formal():
    import sympy as sp

    from grams_theory.symbolic.gram import Space, dot, norm2
    from grams_theory.symbolic.proof import reals

    g, a, r, b, x, z, n = Space("g a r b x z n").vectors()
    of_grams, of_cautious, L, eta = reals("ΔL_G ΔL_C L η")
    condition = sp.Le(eta * L * _spread(a, r), 4 * dot(g, r - a))
    fails = sp.And(eta > 0, sp.Not(condition))
    return Formal(
        {
            "if": sp.Implies(condition, sp.Le(of_grams, of_cautious)),
            **_comparison.only_if(fails, (g, a, r, x, z, n), sp.Integer(0), L, eta),
            "r = a + b": sp.Implies(
                sp.Eq(dot(a, b), 0),
                sp.Eq(_spread(a, a + b), norm2(b) + 2 * sp.sqrt(norm2(b)) * sp.sqrt(norm2(a) + norm2(b) / 4)),
            ),
        },
        (L > 0, eta >= 0),
        {"ΔL_G": "f(w − ηr) − f(w)", "ΔL_C": "f(w − ηa) − f(w)", "g": "∇f(w)", **_comparison.legend("a")},
    )


def attained():
    """r + a = (6, 8) and r − a = (0, 8); H is 2 times the projection on their bisector."""
    H = [["1/5", "3/5"], ["3/5", "9/5"]]
    return {"ΔL_G ≤ ΔL_C": {"H": H, "g": ["9/2", "9/2"], "u": [3, -8], "eta": "1/2", "smoothness": 2}}


def prove(p):
    import sympy as sp

    from grams_theory.symbolic.gram import Space
    from grams_theory.symbolic.inequalities import cauchy_schwarz
    from grams_theory.symbolic.proof import reals

    g, a, r, b, x, z, n = Space("g a r b x z n").vectors()
    vectors = (g, a, r, x, z, n)
    of_grams, of_cautious, L, eta, Delta = reals("ΔL_G ΔL_C L η Δ")
    acute, slope = prove_directions(p, g, a, r)
    two_points = p.cite(
        TWO_POINT_COMPARISON,
        "at x₁ = −ηa, x₂ = −ηr",
        {Delta: of_grams - of_cautious},
        {"g": g, "x1": -eta * a, "x2": -eta * r},
    )
    p.conclude("if", [two_points, acute, _comparison.prove_scaling(p, a, r, eta), eta >= 0])

    fails = sp.Not(formal().conclusions["if"].args[0])
    spread = cauchy_schwarz(p, "Cauchy–Schwarz of r − a and r + a", r - a, r + a)
    apart = p.square("‖r − a‖² ≥ 0", r - a)
    _comparison.prove_only_if(p, [fails, slope, spread, apart], vectors, sp.Integer(0), L, eta)

    sizes = [p.square("‖a‖² ≥ 0", a), p.square("‖b‖² ≥ 0", b)]
    p.conclude("r = a + b", sizes)


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
    formal=formal,
    margin=read(_comparison.ordered(formal, "ΔL_G ≤ ΔL_C"), reading),
    attained=attained,
    prove=prove,
    amends="comparison-sign-repaired",
    place=(4, 2, 6),
)
