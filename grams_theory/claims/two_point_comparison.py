"""How far f may differ at two points near w, when only L and the gradient g at w are known.

    f L-smooth, g = ∇f(w) ⇒ f(w + x₂) − f(w + x₁) ≤ ⟨g, x₂ − x₁⟩ + (L/2) √((‖x₁‖² + ‖x₂‖²)² − 4 max(0, ⟨x₁, x₂⟩)²)

If ⟨x₁, x₂⟩ ≥ 0 the root is ‖x₂ − x₁‖ ‖x₂ + x₁‖.

Ours: what the paper's comparisons of two steps need, since a difference of two upper bounds orders nothing.
Needs the descent lemma, interpolation, and two-point-curvature with μ = −L. No smaller bound is true: see
two-point-attained.
"""

from grams_theory.claims.descent_lemma import CLAIM as DESCENT_LEMMA
from grams_theory.claims.interpolation import curvature_bounds, interpolate
from grams_theory.claims.two_point_curvature import CLAIM as TWO_POINT_CURVATURE
from grams_theory.claims.two_point_curvature import pairs
from grams_theory.core.algebra import dot, norm2
from grams_theory.core.claim import Claim, Formal, OneStep
from grams_theory.core.definitions import SMOOTH
from grams_theory.core.verdict import Verdict
from grams_theory.symbolic.reading import read


def root(x1, x2):
    """√((‖x₁‖² + ‖x₂‖²)² − 4 max(0, ⟨x₁, x₂⟩)²) of two Gram vectors."""
    import sympy as sp

    from grams_theory.symbolic.gram import dot, norm2

    return sp.sqrt((norm2(x1) + norm2(x2)) ** 2 - 4 * sp.Max(0, dot(x1, x2)) ** 2)


def formal():
    import sympy as sp

    from grams_theory.symbolic.gram import Space, dot, norm2
    from grams_theory.symbolic.proof import reals

    g, x1, x2 = Space("g x1 x2").vectors()
    change, L = reals("Δ L")
    first, lengths = dot(g, x2 - x1), sp.sqrt(norm2(x2 - x1) * norm2(x2 + x1))
    return Formal(
        {
            "bound": sp.Le(change, first + L / 2 * root(x1, x2)),
            "on one side": sp.Implies(sp.Ge(dot(x1, x2), 0), sp.Le(change, first + L / 2 * lengths)),
        },
        (L > 0,),
        {"Δ": "f(w + x₂) − f(w + x₁)", "g": "∇f(w)"},
    )


def along_steps(s, pairs):
    """The reading of pairs (first optimizer, its step, second optimizer, its step), by label."""

    def between(first, x1, second, x2):
        """x₁, x₂ are −η times the steps."""
        square = s.eta * s.eta
        return {
            "Δ": s.change(second) - s.change(first),
            "⟨g,x1⟩": -s.eta * dot(s.g, x1),
            "⟨g,x2⟩": -s.eta * dot(s.g, x2),
            "⟨x1,x1⟩": square * norm2(x1),
            "⟨x1,x2⟩": square * dot(x1, x2),
            "⟨x2,x2⟩": square * norm2(x2),
            "L": s.smoothness,
        }

    return {label: between(*pair) for label, pair in pairs.items()}


def reading(s):
    steps = {
        "Cautious to Grams": ("CautiousAdam", s.a, "Grams", s.r),
        "Grams to Cautious": ("Grams", s.r, "CautiousAdam", s.a),
        "Adam to Grams": ("Adam", s.u, "Grams", s.r),
    }
    return along_steps(s, steps)


def attained():
    """r + a = (6, 8) and r − a = (0, 8); r + u = (4, 0) and r − u = (0, 2)."""
    turned = {
        "H": [["-8/5", "6/5"], ["6/5", "8/5"]],
        "g": [1, 1],
        "u": [3, -8],
        "eta": "1/10",
        "smoothness": 2,
    }
    swapped = {"H": [[0, 2], [2, 0]], "g": [1, 1], "u": [2, -1], "eta": 1, "smoothness": 2}
    return {"bound, Cautious to Grams": turned, "bound, Adam to Grams": swapped}


def prove(p):
    import sympy as sp

    from grams_theory.symbolic.gram import Space, dot
    from grams_theory.symbolic.proof import reals

    g, k1, k2, x1, x2 = Space("g k1 k2 x1 x2").vectors()
    change, D1, D2, mu, L, Delta = reals("Δ Δ₁ Δ₂ mu L Δ")

    p.implies("−L < L", [L > 0], [L > -L, L >= 0])
    for where, pair in pairs(g, k1, k2, x1, x2, D1, D1 + change).items():
        interpolate(p, where, pair, -L, L, lambda *at: _by_smoothness(p, *at))
    bound = p.cite(
        TWO_POINT_CURVATURE,
        "μ = −L",
        {D1: D1, D2: D1 + change, mu: -L},
        {"g": g, "k1": k1, "k2": k2, "x1": x1, "x2": x2},
    )
    acute = p.discharge("⟨x₁, x₂⟩ ≥ 0", bound, sp.Ge(dot(x1, x2), 0))
    one_side = p.conclude("on one side", [acute])

    ends = [
        p.cite(DESCENT_LEMMA, "from w along x₁", {Delta: D1}, {"g": g, "d": x1}),
        p.cite(DESCENT_LEMMA, "from w along x₂", {Delta: D1 + change}, {"g": g, "d": x2}),
    ]
    sizes = [p.square("‖x₁‖² ≥ 0", x1), p.square("‖x₂‖² ≥ 0", x2)]
    apart = p.square("‖x₂ − x₁‖² ≥ 0", x2 - x1)
    p.conclude("bound", [one_side, *ends, *sizes, apart])


def _by_smoothness(p, where, change, way, at_x, at_y, d, t, mu, L):
    from grams_theory.symbolic.proof import reals

    (Delta,) = reals("Δ")
    lower, upper = curvature_bounds(change, way, at_x, at_y, d, t, mu, L)
    from_y = p.cite(DESCENT_LEMMA, f"{where}: from y to x − t", {Delta: way}, {"g": at_y, "d": d - t})
    from_x = p.cite(DESCENT_LEMMA, f"{where}: from x to x − t", {Delta: way - change}, {"g": at_x, "d": -t})
    p.implies(f"{where}: curvature at least −L", [from_y], lower)
    p.implies(f"{where}: curvature at most L", [from_x], upper)


CLAIM = Claim(
    id="two-point-comparison",
    title="The loss at two points near one gradient",
    source="Ours",
    statement=(
        "f L-smooth, g = ∇f(w) ⇒ f(w+x₂) − f(w+x₁) ≤ ⟨g, x₂−x₁⟩ + (L/2)√((‖x₁‖²+‖x₂‖²)² − 4max(0, ⟨x₁,x₂⟩)²)"
    ),
    latex=(
        r"f(w+x_2)-f(w+x_1)\le\langle g,x_2-x_1\rangle"
        r"+\tfrac L2\sqrt{(\lVert x_1\rVert^2+\lVert x_2\rVert^2)^2-4\max(0,\langle x_1,x_2\rangle)^2}"
    ),
    recorded=Verdict.PROVED,
    assumptions=(SMOOTH,),
    setting=OneStep(("Grams", "CautiousAdam", "Adam")),
    formal=formal,
    margin=read(formal, reading),
    attained=attained,
    prove=prove,
    place=(4, 2, 4),
)
