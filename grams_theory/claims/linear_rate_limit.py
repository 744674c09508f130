"""How much better the linear rate, and its condition on the step size, could be.

In one dimension f(w) = (L/2)w² has μ = L, and the first step of every optimizer from Adam to Grams, for all betas,
multiplies the gap by (1 − ημ/(G + ε))² exactly: no rate above 2ημ/(G + ε) holds, and linear-rate has 1 − δ times it.
With δ ≥ 1 + θ/2, θ = 1 − β₁, its Lyapunov function rises along Adam where g = 0 and v̂ = 0 (as β₂ = 0) and β₁ᵗ has died
out; for δ ≤ 1 it never does.
"""

from typing import Any

from grams_theory.core.claim import Claim, Formal
from grams_theory.core.definitions import ADAM, AMS
from grams_theory.core.verdict import Verdict

LEGEND = {
    "g": "∇f(w) at w = w₁",
    "s": "the first step of AMS(λ): there m̂ = g and v̂ = g²",
    "e": "m̂ − g where g = 0",
    "θ": "1 − β₁",
}


def formal():
    import sympy as sp

    from grams_theory.symbolic.proof import reals

    w, g, s, G, L, eta, eps, rho, lam, e, delta, theta = reals("w g s G L η ε ρ λ e δ θ")
    gap, next_gap = L * w**2 / 2, L * (w - eta * s) ** 2 / 2
    ams: Any = AMS.build
    adam: Any = ADAM.build
    turned = L * eta * adam(e, 0, eps)
    long: Any = (2 * delta >= 2 + theta, sp.Ne(e, 0))
    return Formal(
        {
            "first step": sp.Eq(next_gap, (1 - eta * L / (G + eps)) ** 2 * gap),
            "no better rate": sp.Implies(next_gap <= (1 - rho) * gap, rho <= 2 * eta * L / (G + eps)),
            "no longer step": sp.Implies(
                sp.And(*long),
                sp.Gt(turned**2 + ((1 - theta) * (e + turned)) ** 2, e**2),
            ),
        },
        (
            *(L > 0, eps > 0, theta > 0, theta <= 1, sp.Eq(L * eta, delta * theta * eps)),
            *(sp.Ne(w, 0), sp.Eq(g, L * w), sp.Eq(s, ams(adam(g, g**2, eps), g, lam))),
            *(G >= 0, sp.Eq(G**2, 2 * L * gap)),
        ),
        LEGEND,
    )


def prove(p):
    import sympy as sp

    from grams_theory.symbolic.proof import reals

    w, g, s, G, L, eta, eps, rho, lam = reals("w g s G L η ε ρ λ")
    e, delta, theta, x, y = reals("e δ θ x y")
    gap, next_gap = L * w**2 / 2, L * (w - eta * s) ** 2 / 2
    slope, bound = sp.Eq(g, L * w), sp.Eq(G**2, 2 * L * gap)
    step = sp.Eq(s, p.use(AMS, p.use(ADAM, g, g**2, eps), g, lam))
    size = p.implies("G = |g₁|", [slope, bound, G >= 0, L > 0], sp.Eq(abs(g), G))
    length = p.implies("the first step", [size, step, G >= 0, eps > 0], sp.Eq(s * (G + eps), g))
    length = p.implies("the first step from w", [length, slope, G >= 0, eps > 0], sp.Eq(s, L * w / (G + eps)))
    p.identity("the gap after it", next_gap, (1 - eta * L / (G + eps)) ** 2 * gap, given=[length])
    p.conclude("first step")

    factor = p.define(x, eta * L / (G + eps))
    moved = p.implies("the first step in x", [length, factor, G >= 0, eps > 0], sp.Eq(eta * s, x * w))
    after = p.identity("the gap in x", next_gap, (1 - x) ** 2 * gap, given=[moved])
    rate = p.implies(
        "a rate that the first step has",
        [after, L > 0, sp.Ne(w, 0)],
        sp.Implies(next_gap <= (1 - rho) * gap, rho <= 2 * x),
    )
    p.conclude("no better rate", [rate, factor])

    turned = L * eta * p.use(ADAM, e, 0, eps)
    units = p.define(y, delta * theta)
    turn = p.implies(
        "the step at g = 0", [sp.Eq(L * eta, delta * theta * eps), units, eps > 0], sp.Eq(turned, y * e)
    )
    grown = p.implies(
        "the growth of V at g = 0",
        [units, 2 * delta >= 2 + theta, theta > 0, theta <= 1],
        y**2 + ((1 - theta) * (1 + y)) ** 2 > 1,
    )
    square = p.identity(
        "the growth in units of e",
        turned**2 + ((1 - theta) * (e + turned)) ** 2,
        (y**2 + ((1 - theta) * (1 + y)) ** 2) * e**2,
        given=[turn],
    )
    c, z = reals("c z")
    larger = p.implies("times e²", [sp.Eq(z, c * e**2), c > 1, sp.Ne(e, 0)], z > e**2)
    p.instance("V grows", larger, {z: square.lhs, c: grown.lhs})
    p.conclude("no longer step")


CLAIM = Claim(
    id="linear-rate-limit",
    title="The linear rate is within a factor of the best possible",
    source="Ours",
    statement=(
        "f(w) = (L/2)w² in one dimension: after the first step of AMS(λ) f(w₂) − f* = (1 − ημ/(G + ε))²(f(w₁) − f*), "
        "so ρ ≤ 2ημ/(G + ε) for every linear rate ρ; for η ≥ (1 + θ/2)θε/L Adam can raise f − f* + ‖m̂ − g‖²/(2L)"
    ),
    latex=(
        r"f(w)=\tfrac L2w^2:\quad f(w_2)-f^\star=\Bigl(1-\frac{\eta\mu}{G+\varepsilon}\Bigr)^2(f(w_1)-f^\star)"
    ),
    recorded=Verdict.PROVED,
    formal=formal,
    prove=prove,
    note="linear-rate proves 2(1 − δ)ημ/(G + ε) for η = δθε/L: half of the best at δ = 1/2, all of it as δ → 0.",
    place=(4, 15, 2),
)
