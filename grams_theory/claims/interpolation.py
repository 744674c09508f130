"""What bounds on the curvature of f say about its values and gradients at two points.

    curvature of f in [μ, L], d = x − y ⇒
    f(x) − f(y) − ⟨∇f(y), d⟩ ≥ (μ/2)‖d‖² + ⟨∇f(x) − ∇f(y) − μd, t⟩ − ((L−μ)/2)‖t‖² for every t.

Classical. At the best t, (∇f(x) − ∇f(y) − μd)/(L−μ), it is the interpolation inequality. The bounds on the curvature
are premises, used on the way from x and from y to x − t: they follow from smoothness (μ = −L) or convexity (μ = 0).
"""

from typing import Any

from grams_theory.core.claim import Claim, Formal
from grams_theory.core.verdict import Verdict

Pair = tuple[Any, Any, Any, Any]
"""f(x) − f(y), ∇f(x), ∇f(y) and x − y."""


def formal():
    import sympy as sp

    from grams_theory.symbolic.gram import Space, dot, norm2
    from grams_theory.symbolic.proof import reals

    p, q, d, t = Space("p q d t").vectors()
    rise, way, mu, L = reals("Δ Δ_t mu L")
    bound = mu / 2 * norm2(d) + dot(p - q - mu * d, t) - (L - mu) / 2 * norm2(t)
    return Formal(
        {"interpolation": sp.Ge(rise - dot(q, d), bound)},
        curvature_bounds(rise, way, p, q, d, t, mu, L),
        {"Δ": "f(x) − f(y)", "Δ_t": "f(x − t) − f(y)", "p": "∇f(x)", "q": "∇f(y)", "d": "x − y"},
    )


def curvature_bounds(rise, way, p, q, d, t, mu, L):
    """The curvature is at least μ on the way from y to x − t, and at most L from x to x − t."""
    import sympy as sp

    from grams_theory.symbolic.gram import dot, norm2

    return (
        sp.Ge(way - dot(q, d - t), mu / 2 * norm2(d - t)),
        sp.Le(way - rise + dot(p, t), L / 2 * norm2(t)),
    )


def prove(p):
    p.conclude("interpolation", formal().premises)


def slack(rise, p, q, d, mu, L):
    """Δ − ⟨q, d⟩ − (μ/2)‖d‖² − ‖p − q − μd‖²/(2(L−μ)), not negative by the interpolation inequality."""
    from grams_theory.symbolic.gram import dot, norm2

    return rise - dot(q, d) - mu / 2 * norm2(d) - norm2(p - q - mu * d) / (2 * (L - mu))


def interpolate(proof, where, pair: Pair, mu, L, establish):
    """Establish `slack(*pair, mu, L)` ≥ 0, where `establish(name, …)` establishes the bounds on the curvature.

    It receives a name and the arguments of `curvature_bounds`.
    """
    from grams_theory.symbolic.gram import dot
    from grams_theory.symbolic.inequalities import substitute
    from grams_theory.symbolic.proof import reals

    rise, way, mu_, L_ = reals("Δ Δ_t mu L")
    change, p, q, d = pair
    (between,) = reals(f"Δ_t({where})")
    t = (p - q - mu * d) / (L - mu)
    establish(where, change, between, p, q, d, t, mu, L)
    cited = proof.cite(
        CLAIM, where, {rise: change, way: between, mu_: mu, L_: L}, {"p": p, "q": q, "d": d, "t": t}
    )
    best = change - dot(q, d) - slack(*pair, mu, L)
    equal = proof.identity(f"{where}: at the best t", cited.rhs, best)
    return substitute(proof, f"{where}: interpolation inequality", cited, equal)


CLAIM = Claim(
    id="interpolation",
    title="Values and gradients of f at two points",
    source="Classical: Y. Nesterov, Lectures on Convex Optimization, theorem 2.1.5, for curvature in [0, L]",
    statement=(
        "curvature of f in [μ, L], d = x − y ⇒ f(x) − f(y) − ⟨∇f(y), d⟩ ≥ "
        "(μ/2)‖d‖² + ⟨∇f(x) − ∇f(y) − μd, t⟩ − ((L−μ)/2)‖t‖² for every t"
    ),
    latex=(
        r"f(x)-f(y)-\langle\nabla f(y),d\rangle\ \ge\ \tfrac\mu2\lVert d\rVert^2"
        r"+\langle\nabla f(x)-\nabla f(y)-\mu d,t\rangle-\tfrac{L-\mu}2\lVert t\rVert^2,\quad d=x-y"
    ),
    recorded=Verdict.PROVED,
    formal=formal,
    prove=prove,
    place=(4, 2, 3, 1),
)
