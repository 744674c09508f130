"""Along exact gradients, every optimizer between Adam and Grams decreases one Lyapunov function.

AMS(λ), λ in [−1, 1], keeps Adam's u_i where u_i g_i ≥ 0 and takes λ u_i elsewhere: λ = 1 is Adam, 0 is Cautious
Adam (unscaled mask), −1 is Grams; λ may even change from step to step and from coordinate to coordinate.
With e_t = m̂_t − g_t, θ = 1 − β₁, D_t = 1/(√v̂_t + ε) and V_t = f(w_t) − f* + ‖e_t‖²/(2L), for L-smooth f that is
bounded below, any β₂, and η = δθε/L with 0 ≤ δ ≤ 1:

    V_{t+1} ≤ V_t − (1 − δ) η (⟨g_t, D_t g_t⟩ + ‖e_t‖²/ε),    V_1 = f(w₁) − f*,
    ‖g_t‖ ≤ G = √(2L(f(w₁) − f*)),    ⟨g_t, D_t g_t⟩ ≥ ‖g_t‖²/(G + ε).

In a quadratic form of g_i and e_i, all of the family is below Adam, and there the bound is a perfect square at
D_i = 1/ε. Steps that are longer by the factor 1 + θ/2 can raise V (linear-rate-limit).
"""

from typing import Any

from grams_theory.claims._ams_run import (
    LEGEND,
    OPTIMIZERS,
    all_premises,
    gradient_below_gap,
    premises,
    reading,
)
from grams_theory.claims._small_step import longest_step_size
from grams_theory.claims.descent_lemma import CLAIM as DESCENT_LEMMA
from grams_theory.core.claim import Claim, Formal, Run
from grams_theory.core.definitions import ADAM, AMS, BOUNDED, MOMENT, SMOOTH
from grams_theory.core.verdict import Verdict
from grams_theory.symbolic.reading import read


def on_runs():
    import sympy as sp

    from grams_theory.symbolic.proof import reals

    F, F_next, gg, gDg, ee, ee_next = reals("F F⁺ ⟨g,g⟩ ⟨g,Dg⟩ ⟨e,e⟩ ⟨e⁺,e⁺⟩")
    eta, eps, L, delta, G = reals("η ε L δ G")
    return Formal(
        {
            "Lyapunov inequality": sp.Le(
                F_next + ee_next / (2 * L), F + ee / (2 * L) - (1 - delta) * eta * (gDg + ee / eps)
            ),
            "gradients bounded": sp.Le(gg, G**2),
            "steps long enough": sp.Le(gg, (G + eps) * gDg),
        },
        all_premises(),
        LEGEND,
    )


def formal():
    import sympy as sp

    from grams_theory.symbolic.proof import reals

    m, q, e = reals("m q e")
    found = on_runs()
    start: Any = (sp.Eq(m, 0), sp.Eq(q, 1))
    return Formal(
        {
            **found.conclusions,
            "no error at first": sp.Implies(sp.And(*start), sp.Eq(e, 0)),
        },
        found.premises,
        found.legend,
    )


def reads(r):
    return {name: reading(r, name) for name in OPTIMIZERS}


def powers(p, rule):
    """q = β₁^{t−1} and p = β₂^{t−1} lie in [0, 1]."""
    from grams_theory.symbolic.proof import reals

    q, power, theta, beta2 = reals("q p θ β₂")
    bounded = [q >= 0, q <= 1, power >= 0, power <= 1]
    after = {q: (1 - theta) * q, power: beta2 * power}
    p.implies("powers stay in [0, 1]", [*rule["constants"], *bounded], [b.xreplace(after) for b in bounded])
    return p.induction("powers", bounded, {q: 1, power: 1}, after)


def error_growth(p, rule, bounded):
    """e⁺ = (1 − θ⁺)(e − k) with a weight θ⁺ ≥ θ on the last gradient: θ‖e⁺‖² ≤ θ(1 − θ)‖e‖² + (1 − θ)²‖k‖²."""
    import sympy as sp

    from grams_theory.symbolic.proof import reals

    g, g_next, e, e_next, q, theta = reals("g g⁺ e e⁺ q θ")
    constants, beta = rule["constants"], 1 - theta
    weight = p.implies(
        "the last gradient weighs at least θ = 1 − β₁",
        [*constants, bounded],
        [1 - beta * q > 0, 1 - beta * q <= 1 - beta**2 * q],
    )
    p.implies(
        "the weights add up to more than 0", [weight], [sp.Ne(1 - beta * q, 0), sp.Ne(1 - beta**2 * q, 0)]
    )
    recursion = p.identity(
        "recursion of the error e = m̂ − g",
        e_next * (1 - beta**2 * q),
        beta * (1 - beta * q) * (e - (g_next - g)),
        given=[*rule["momentum"], *rule["next momentum"]],
    )
    short = p.implies(
        "the error is at most β₁|e − k|",
        [*constants, weight, recursion],
        e_next**2 <= beta**2 * (e - (g_next - g)) ** 2,
    )
    p.implies(
        "Young's inequality, in one coordinate",
        [*constants, short],
        theta * e_next**2 <= theta * beta * e**2 + beta**2 * (g_next - g) ** 2,
    )
    ee, ee_next, kk = reals("⟨e,e⟩ ⟨e⁺,e⁺⟩ ⟨k,k⟩")
    return p.lift(
        "Young's inequality",
        "Young's inequality, in one coordinate",
        theta * ee_next <= theta * beta * ee + beta**2 * kk,
    )


def preconditioner(p, rule, powers):
    """0 < D ≤ 1/ε, as v̂ averages squares."""
    from grams_theory.symbolic.proof import reals

    v, g, beta2, v_hat, D, eps = reals("v g β₂ v̂ D ε")
    after = {v: p.use(MOMENT, v, g**2, beta2)}
    p.implies("an average of squares stays ≥ 0", [*rule["constants"], v >= 0], (v >= 0).xreplace(after))
    squares = p.induction("v ≥ 0", v >= 0, {v: 0}, after)
    average = p.implies("v̂ ≥ 0", [*rule["constants"], *rule["second moment"], powers, squares], v_hat >= 0)
    return average, p.implies(
        "0 < D ≤ 1/ε",
        [*rule["constants"], *rule["preconditioner"], average],
        [D > 0, D * eps >= 0, D * eps <= 1],
    )


def first_order(p, rule, bounds):
    """2δε⟨g, s⟩ − δ²ε²‖s‖² + ‖e‖² ≥ 2δ(1 − δ)(ε⟨g, Dg⟩ + ‖e‖²) for each step s of the family."""
    from grams_theory.symbolic.proof import reals

    g, e, D, m_hat, s, delta, eps, z = reals("g e D m̂ s δ ε z")
    gs, ss, ee, gDg = reals("⟨g,s⟩ ⟨s,s⟩ ⟨e,e⟩ ⟨g,Dg⟩")
    ahead = p.implies("no step is behind Adam's", [*rule["step"], bounds], g * s >= g * D * m_hat)
    short = p.implies("no step is longer than Adam's", [*rule["step"], bounds], s**2 <= (D * m_hat) ** 2)
    along, length = 2 * delta * g * (g + e), (delta * (g + e)) ** 2
    left = 2 * delta * (1 - delta)
    square = p.identity(
        "Adam's step: a perfect square where z = εD is 1",
        z * along - z**2 * length + e**2 - left * (z * g**2 + e**2),
        z * (delta * g + (1 - delta) * e) ** 2
        + (1 - z) * ((delta**2 + (1 - delta) ** 2) * e**2 + z * length),
    )
    adam = p.implies(
        "Adam's step",
        [square, z >= 0, z <= 1],
        z * along - z**2 * length + e**2 >= left * (z * g**2 + e**2),
    )
    adam = p.instance("Adam's step at z = εD", adam, {z: eps * D})
    sized = [*rule["momentum"][1:], delta >= 0, eps > 0]
    p.implies("first order", [ahead, *sized], 2 * delta * eps * g * s >= eps * D * along)
    p.implies("second order", [short, *sized], delta**2 * eps**2 * s**2 <= (eps * D) ** 2 * length)
    x, x0, y, y0, c, d = reals("x x₀ y y₀ c d")
    order = p.implies("order of sums", [x >= x0, y <= y0, x0 - y0 + c >= d], x - y + c >= d)
    values = {
        x: 2 * delta * eps * g * s,
        x0: eps * D * along,
        y: delta**2 * eps**2 * s**2,
        y0: (eps * D) ** 2 * length,
        c: e**2,
        d: left * (eps * D * g**2 + e**2),
    }
    p.instance("every step, in one coordinate", order, values)
    return p.lift(
        "every step",
        "every step, in one coordinate",
        2 * delta * eps * gs - delta**2 * eps**2 * ss + ee >= left * (eps * gDg + ee),
    )


def decrease(p, rule, young, first):
    """2L(V⁺ − V) ≤ −2δθ(1 − δ)(ε⟨g, Dg⟩ + ‖e‖²), and Lη = δθε."""
    import sympy as sp

    from grams_theory.symbolic.gram import Space, norm2
    from grams_theory.symbolic.proof import reals

    F, F_next, change, eta, eps, L, theta, delta = reals("F F⁺ Δ η ε L θ δ")
    gs, ss, ee, ee_next, gDg = reals("⟨g,s⟩ ⟨s,s⟩ ⟨e,e⟩ ⟨e⁺,e⁺⟩ ⟨g,Dg⟩")
    g, s, k = Space("g s k").vectors()
    lemma = p.cite(DESCENT_LEMMA, "from w along −ηs", {change: F_next - F}, {"g": g, "d": -eta * s})
    smooth = p.assume(SMOOTH, "at w and w⁺ = w − ηs", norm2(k), eta**2 * norm2(s))
    size = rule["step size"]
    x, y, along, bend, loss, part = reals("x y a b A B")
    p.implies("descent", [lemma], F_next - F <= -eta * gs + L * eta**2 * ss / 2)
    first_term = p.identity("2Lη⟨g, s⟩", 2 * L * (eta * gs), 2 * delta * theta * eps * gs, given=size[:1])
    second_term = p.identity(
        "L²η²‖s‖²", 2 * L * (L * eta**2 * ss / 2), delta**2 * theta**2 * eps**2 * ss, given=size[:1]
    )
    scaled = p.implies(
        "multiplication by 2L",
        [x <= -along + bend, sp.Eq(2 * L * along, loss), sp.Eq(2 * L * bend, part), L > 0],
        2 * L * x <= -loss + part,
    )
    values = {
        x: F_next - F,
        along: eta * gs,
        bend: L * eta**2 * ss / 2,
        loss: first_term.rhs,
        part: second_term.rhs,
    }
    function = p.instance("decrease of f", scaled, values)
    error = p.implies(
        "growth of the error",
        [young, smooth, *size, *rule["constants"]],
        ee_next <= (1 - theta) * ee + theta * (1 - theta) ** 2 * delta**2 * eps**2 * ss,
    )
    length = p.square("‖s‖² ≥ 0", s)
    weights = p.implies(
        "θ + (1 − θ)² ≤ 1",
        [*rule["constants"], length],
        theta * delta**2 * eps**2 * ss * (theta + (1 - theta) ** 2) <= theta * delta**2 * eps**2 * ss,
    )
    scaled = p.implies(
        "θ times the first-order bound",
        [first, theta > 0],
        theta * (2 * delta * eps * gs - delta**2 * eps**2 * ss + ee)
        >= 2 * theta * delta * (1 - delta) * (eps * gDg + ee),
    )
    p.implies(
        "decrease of 2LV",
        [function, error, weights, scaled],
        2 * L * (F_next - F) + ee_next - ee <= -2 * theta * delta * (1 - delta) * (eps * gDg + ee),
    )
    rate = (1 - delta) * eta * (gDg + ee / eps)
    units = p.identity(
        "in units of η", 2 * theta * delta * (1 - delta) * (eps * gDg + ee), 2 * L * rate, given=size[:1]
    )
    p.instance(
        "division by 2L",
        p.implies(
            "division",
            [2 * L * (x - y) + ee_next - ee <= -loss, sp.Eq(loss, 2 * L * part), L > 0],
            x + ee_next / (2 * L) <= y + ee / (2 * L) - part,
        ),
        {x: F_next, y: F, loss: units.lhs, part: rate},
    )
    return p.conclude("Lyapunov inequality")


def bounds_along_the_run(p, rule, powers, average, bounds, lyapunov):
    """V_t ≤ Δ, so ‖g_t‖ ≤ G, so √v̂_t ≤ G in every coordinate, for all t."""
    import sympy as sp

    from grams_theory.symbolic.gram import Space
    from grams_theory.symbolic.proof import reals

    F, F_next, L, Delta, G, eps = reals("F F⁺ L Δ G ε")
    gi, v, v_hat, power, beta2, D = reals("g v v̂ p β₂ D")
    gg, ee, ee_next, gDg = reals("⟨g,g⟩ ⟨e,e⟩ ⟨e⁺,e⁺⟩ ⟨g,Dg⟩")
    g, e = Space("g e").vectors()
    error = p.square("‖e‖² ≥ 0", e)
    p.implies("a weighted square, in one coordinate", [bounds], D * gi**2 >= 0)
    positive = p.lift("⟨g, Dg⟩ ≥ 0", "a weighted square, in one coordinate", gDg >= 0)
    below = F + ee / (2 * L) <= Delta
    p.implies(
        "V does not increase",
        [lyapunov, below, positive, error, *rule["step size"], *rule["constants"]],
        F_next + ee_next / (2 * L) <= Delta,
    )
    below = p.induction("V_t ≤ Δ", below, {F: Delta, ee: 0}, {F: F_next, ee: ee_next})
    gap = gradient_below_gap(p, "w", g, F, L)
    bounded = p.conclude("gradients bounded", [gap, below, error, *rule["gradient bound"], L > 0])

    p.implies("a square", [], sp.Ge(gi**2, 0, evaluate=False))
    coordinate = p.summand("gᵢ² ≤ ‖g‖²", "a square", gg)
    after = {v: p.use(MOMENT, v, gi**2, beta2), power: beta2 * power}
    small = v <= (1 - power) * G**2
    p.implies(
        "an average of squares below G² stays below",
        [small, coordinate, bounded, *rule["constants"]],
        small.xreplace(after),
    )
    small = p.induction("v_t ≤ (1 − β₂ᵗ)G²", small, {v: 0, power: 1}, after)
    root = p.implies(
        "v̂ ≤ G²",
        [small, coordinate, bounded, powers, *rule["second moment"], *rule["constants"]],
        v_hat <= G**2,
    )
    large = p.implies(
        "D ≥ 1/(G + ε)",
        [root, average, *rule["preconditioner"], *rule["gradient bound"][:1], eps > 0],
        D * (G + eps) >= 1,
    )
    p.implies("steps long enough, in one coordinate", [large], gi**2 <= (G + eps) * D * gi**2)
    p.lift("steps are long enough", "steps long enough, in one coordinate", gg <= (G + eps) * gDg)
    p.conclude("steps long enough")


def prove(p):
    from grams_theory.symbolic.proof import reals

    g, g_next, e, e_next, s, D, L = reals("g g⁺ e e⁺ s D L")
    p.constant(*reals("θ β₂ ε δ η Δ G"))
    rule = premises(*(lambda *q, d=d: p.use(d, *q) for d in (AMS, ADAM, MOMENT)))
    p.coordinates(g=g, Dg=D * g, s=s, e=e, **{"e⁺": e_next}, k=g_next - g)
    p.implies("L ≥ 0", rule["constants"], L >= 0)
    bounded = powers(p, rule)
    young = error_growth(p, rule, bounded)
    average, bounds = preconditioner(p, rule, bounded)
    first = first_order(p, rule, bounds)
    lyapunov = decrease(p, rule, young, first)
    bounds_along_the_run(p, rule, bounded, average, bounds, lyapunov)
    p.conclude("no error at first", [*rule["momentum"], *rule["constants"]])


CLAIM = Claim(
    id="ams-lyapunov",
    title="One Lyapunov function for the family from Adam to Grams",
    source="Ours: the deterministic part of Lemma 4.14 made explicit",
    statement=(
        "f L-smooth and bounded below, exact gradients, λ in [−1, 1], η = δ(1 − β₁)ε/L, 0 ≤ δ ≤ 1 ⇒ along AMS(λ), with "
        "e = m̂ − g, D = 1/(√v̂ + ε), V = f − f* + ‖e‖²/(2L), G = √(2L(f(w₁) − f*)): "
        "V_{t+1} ≤ V_t − (1 − δ)η(⟨g_t, D_t g_t⟩ + ‖e_t‖²/ε), ‖g_t‖ ≤ G and ‖g_t‖² ≤ (G + ε)⟨g_t, D_t g_t⟩"
    ),
    latex=(
        r"\eta=\delta\,\frac{(1-\beta_1)\varepsilon}L\ \Rightarrow\ V_{t+1}\le V_t-(1-\delta)\,\eta\,"
        r"\bigl(\langle g_t,D_tg_t\rangle+\tfrac1\varepsilon\lVert e_t\rVert^2\bigr),\quad"
        r" V_t=f(w_t)-f^\star+\tfrac1{2L}\lVert\hat m_t-g_t\rVert^2"
    ),
    recorded=Verdict.PROVED,
    assumptions=(SMOOTH, BOUNDED),
    setting=Run(OPTIMIZERS, step_size=longest_step_size),
    formal=formal,
    margin=read(on_runs, reads),
    prove=prove,
    place=(4, 13, 1),
)
