"""How far a convex f may differ at two points near w, when only L and the gradient g at w are known.

    f convex and L-smooth, g = ∇f(w), ⟨x₁, x₂⟩ ≥ 0 ⇒
    f(w + x₂) − f(w + x₁) ≤ ⟨g, x₂ − x₁⟩ + (L/4)(‖x₂‖² − ‖x₁‖² + ‖x₂ − x₁‖ ‖x₂ + x₁‖)

Ours. Needs the descent lemma, interpolation, and two-point-curvature with μ = 0. No smaller bound is true: see
two-point-attained.
"""

from grams_theory.claims.descent_lemma import CLAIM as DESCENT_LEMMA
from grams_theory.claims.interpolation import curvature_bounds, interpolate
from grams_theory.claims.two_point_comparison import along_steps
from grams_theory.claims.two_point_curvature import CLAIM as TWO_POINT_CURVATURE
from grams_theory.claims.two_point_curvature import pairs
from grams_theory.core.claim import Claim, Formal, OneStep
from grams_theory.core.definitions import CONVEX, SMOOTH
from grams_theory.core.verdict import Verdict
from grams_theory.symbolic.reading import read


def formal():
    import sympy as sp

    from grams_theory.symbolic.gram import Space, dot, norm2
    from grams_theory.symbolic.proof import reals

    g, x1, x2 = Space("g x1 x2").vectors()
    change, L = reals("Δ L")
    lengths = sp.sqrt(norm2(x2 - x1) * norm2(x2 + x1))
    bend = L / 4 * (norm2(x2) - norm2(x1) + lengths)
    return Formal(
        {"bound": sp.Implies(sp.Ge(dot(x1, x2), 0), sp.Le(change, dot(g, x2 - x1) + bend))},
        (L > 0,),
        {"Δ": "f(w + x₂) − f(w + x₁)", "g": "∇f(w)"},
    )


def reading(s):
    return along_steps(s, {"Cautious to Grams": ("CautiousAdam", s.a, "Grams", s.r)})


def prove(p):
    import sympy as sp

    from grams_theory.symbolic.gram import Space, dot
    from grams_theory.symbolic.proof import reals

    g, k1, k2, x1, x2 = Space("g k1 k2 x1 x2").vectors()
    change, D1, D2, mu, L = reals("Δ Δ₁ Δ₂ mu L")
    zero = sp.Integer(0)
    p.implies("L ≥ 0", [L > 0], L >= 0)
    for where, pair in pairs(g, k1, k2, x1, x2, D1, D1 + change).items():
        interpolate(p, where, pair, zero, L, lambda *at: _by_convexity(p, *at))
    bound = p.cite(
        TWO_POINT_CURVATURE,
        "μ = 0",
        {D1: D1, D2: D1 + change, mu: zero},
        {"g": g, "k1": k1, "k2": k2, "x1": x1, "x2": x2},
    )
    acute = p.discharge("⟨x₁, x₂⟩ ≥ 0", bound, sp.Ge(dot(x1, x2), 0))
    p.conclude("bound", [acute])


def _by_convexity(p, where, change, way, at_x, at_y, d, t, mu, L):
    from grams_theory.symbolic.gram import dot
    from grams_theory.symbolic.proof import reals

    (Delta,) = reals("Δ")
    _, upper = curvature_bounds(change, way, at_x, at_y, d, t, mu, L)
    p.assume(CONVEX, f"{where}: from y to x − t", way - dot(at_y, d - t))
    from_x = p.cite(DESCENT_LEMMA, f"{where}: from x to x − t", {Delta: way - change}, {"g": at_x, "d": -t})
    p.implies(f"{where}: curvature at most L", [from_x], upper)


CLAIM = Claim(
    id="two-point-comparison-convex",
    title="The loss at two points near one gradient, f convex",
    source="Ours",
    statement=(
        "f convex and L-smooth, g = ∇f(w), ⟨x₁,x₂⟩ ≥ 0 ⇒ "
        "f(w+x₂) − f(w+x₁) ≤ ⟨g, x₂−x₁⟩ + (L/4)(‖x₂‖² − ‖x₁‖² + ‖x₂−x₁‖‖x₂+x₁‖)"
    ),
    latex=(
        r"f(w+x_2)-f(w+x_1)\le\langle g,x_2-x_1\rangle+\tfrac L4\bigl("
        r"\lVert x_2\rVert^2-\lVert x_1\rVert^2+\lVert x_2-x_1\rVert\lVert x_2+x_1\rVert\bigr)"
    ),
    recorded=Verdict.PROVED,
    assumptions=(SMOOTH, CONVEX),
    setting=OneStep(("Grams", "CautiousAdam")),
    formal=formal,
    margin=read(formal, reading),
    prove=prove,
    place=(4, 2, 4, 1),
)
