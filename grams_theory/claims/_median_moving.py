"""`median-bias` with nothing held: a bound below for the time average of E f(w_t).

Pathwise, w stays in [−4, 2] and the averages stay bounded (induction); late enough, h = κ sign(g)|u| is nearly
sign(g)|m|, κ = 99ε/100. For every state (m, w) a certificate bounds SCALE E[h] + E[P(m⁺)] − P(m) + FLOOR by w².
Then the potential U = E[P(m)] − SCALE (κ/η) E[w] sums up (induction), as w⁺ = w − (η/κ)h.
"""

from dataclasses import dataclass
from typing import Any

from grams_theory.claims import _median_certificate as found
from grams_theory.claims import _median_setting as setting
from grams_theory.core.definitions import ADAM, GRAMS, MOMENT

AVERAGE = "moving w: Σ E f(w_t)"


@dataclass(frozen=True)
class Path:
    """What holds along every run."""

    invariant: list[Any]
    """Bounds of every state."""
    always: dict[str, Any]
    """invariant ⇒ what follows from it, by name."""
    late: Any
    followed: Any
    """h is nearly sign(g)|m⁺|, late enough."""
    moved: Any
    """w⁺ = w − (η/κ)h."""
    potential: Any
    """Bounds of P(m)."""


def conclusions():
    import sympy as sp

    from grams_theory.symbolic.proof import reals

    loss, steps, eta, eps = reals("Σf n η ε")
    return {
        AVERAGE: sp.Ge(loss, sp.Rational(setting.FLOOR) / 2 * steps - (400 + sp.Rational(91, 50) * eps / eta))
    }


def premises():
    import sympy as sp

    from grams_theory.symbolic.proof import reals

    w, g, start, beta2, eta, eps = reals("w g w₁ β₂ η ε")
    noisy = sp.Eq(sp.Mul(*(g - w - value for value in setting.noise_law())), 0)
    return (noisy, start >= -4, start <= 2, beta2 >= 0, beta2 < 1, eta > 0, eps >= 100, 5 * eta <= eps)


def _constants():
    import sympy as sp

    return sp.Rational(9, 10), sp.Rational(1, 10), sp.Rational(setting.FLOOR), sp.Rational(found.SCALE)


def _potential(z):
    import sympy as sp

    return sp.Add(*(sp.Rational(c) * z**k for k, c in enumerate(found.P)))


def _slack(share, size_x, size_y, change, w):
    """w² − FLOOR − SCALE E[h] − ΔP, if E[h] = share |x| + |y|/4."""
    _, _, floor, scale = _constants()
    return w**2 - floor - scale * (share * size_x + size_y / 4) - change


def drift(p):
    """The slack is ≥ 0 with |y|/4 − (45/64)|x| for E[h] if −4 ≤ w ≤ 1, with |y|/4 + (3/4)|x| if 1 ≤ w ≤ 2, |m| ≤ 5."""
    import sympy as sp

    from grams_theory.symbolic.certificates import positivstellensatz
    from grams_theory.symbolic.facts import conjuncts
    from grams_theory.symbolic.proof import reals

    m, w, X, Y, change = reals("m w x y ΔP")
    at = _at_state()
    orders = {
        "0 ≤ x ≤ y": (1, 1, X >= 0, X, found.ABOVE),
        "x ≤ 0 ≤ y": (-1, 1, sp.And(X <= 0, Y >= 0), -X * Y, found.BETWEEN),
        "x ≤ y ≤ 0": (-1, -1, Y <= 0, -Y, found.BELOW),
    }
    below, above = -sp.Rational(45, 64), sp.Rational(3, 4)
    climbing, falling = [w >= -4, w <= 1], [w >= 1, w <= 2, m >= -5, m <= 5]
    results = {}
    for side, share, bounds in (("below", below, climbing), ("at and above", above, falling)):
        where, cases = sp.And(*bounds), []
        for order, (sx, sy, condition, multiplier, (free, left, right)) in orders.items():
            case: Any = sp.Ge(_slack(share, sx * X, sy * Y, change, w), 0)
            name, stated = f"drift {side} the median, {order}", case.xreplace(at)
            if share == below:
                window, ordered = (w + 4) * (1 - w), multiplier.xreplace(at)
                terms = [(sp.Integer(1), free), (window, left), (ordered, right)]
                certified = positivstellensatz(p, name, stated.lhs, (m, w), terms)
                sure = p.discharge(f"{name}: where", certified, sp.Ge(window, 0), sp.Ge(ordered, 0))
                signs = p.implies(
                    f"{name}: multipliers",
                    [],
                    [sp.Implies(where, sp.Ge(window, 0)), sp.Implies(condition, sp.Ge(multiplier, 0))],
                )
                signs = p.instance(f"{name}: multipliers there", signs, at)
                sure = p.implies(
                    f"{name}: then", [sure, signs], sp.Implies(sp.And(where, condition.xreplace(at)), stated)
                )
            else:
                local = [*bounds, *conjuncts([condition.xreplace(at)])]
                sure = p.discharge(f"{name}: where", p.implies(name, local, stated), *local)
            cases.append((sure, sp.Implies(sp.And(where, condition), case)))
        shifted: Any = sp.Eq(Y, X + sp.Rational(4, 10))
        total = sp.Implies(
            sp.And(shifted, *(generic for _, generic in cases)),
            sp.Implies(where, sp.Ge(_slack(share, abs(X), abs(Y), change, w), 0)),
        )
        whole = p.implies(f"{side} the median, the three orderings are all", [], total)
        here = p.instance(f"drift {side} the median: instance", whole, at)
        results[side] = p.implies(
            f"drift {side} the median", [here, *(sure for sure, _ in cases)], here.args[1]
        )
    return results


def _at_state():
    """x, y and ΔP = E[P(m⁺)] − P(m) in the state (m, w)."""
    import sympy as sp

    from grams_theory.symbolic.proof import reals

    m, w, X, Y, change = reals("m w x y ΔP")
    beta, theta, *_ = _constants()
    x = sp.expand(beta * m + theta * (w - 1))
    y = x + 4 * theta
    return {X: x, Y: y, change: sp.expand(3 * _potential(x) / 4 + _potential(y) / 4 - _potential(m))}


def combine(p, sides):
    """From h after each ξ to E[h]: SCALE E[h] + ΔP + FLOOR ≤ w² in the state (m, w), as an implication."""
    import sympy as sp

    from grams_theory.symbolic.proof import reals

    m, w, X, Y, change, left, right, mean = reals("m w x y ΔP h₋ h₊ h̄")
    _, _, floor, scale = _constants()
    at = _at_state()
    bounded = sp.And(w >= -4, w <= 2, m >= -5, m <= 5)
    averaged: Any = sp.Eq(mean, 3 * left / 4 + right / 4)
    steps: Any = sp.And(
        averaged,
        left <= abs(X),
        sp.Or(w - 1 >= 0, left <= -sp.Rational(15, 16) * abs(X)),
        right <= abs(Y),
    )
    below: Any = sp.Implies(w <= 1, sp.Ge(_slack(-sp.Rational(45, 64), abs(X), abs(Y), change, w), 0))
    above: Any = sp.Implies(w >= 1, sp.Ge(_slack(sp.Rational(3, 4), abs(X), abs(Y), change, w), 0))
    stated = sp.Le(scale * mean + change + floor, w**2)
    whole = p.implies("E[h] on either side", [], sp.Implies(sp.And(below, above, steps), stated))
    here = p.instance("E[h] on either side: instance", whole, at)
    inside = [w >= -4, w <= 2, m >= -5, m <= 5]
    cases = p.implies(
        "either side of the median",
        list(sides.values()),
        sp.Implies(sp.And(*inside), sp.And(below.xreplace(at), above.xreplace(at))),
    )
    return p.implies(
        "drift in every state",
        [here, cases],
        sp.Implies(sp.And(bounded, steps.xreplace(at)), stated.xreplace(at)),
    )


def path(p):
    """Nothing leaves its bounds, and h is nearly sign(g)|m⁺| from step LATE on."""
    import sympy as sp

    from grams_theory.symbolic.proof import reals

    beta, _, _, _ = _constants()
    w, m, v, q, q2, g, start, beta2, eta, eps = reals("w m v β₁ᵗ β₂ᵗ g w₁ β₂ η ε")
    w_next, m_next, v_next, q_next, q2_next = reals("w⁺ m⁺ v⁺ β₁ᵗ⁺¹ β₂ᵗ⁺¹")
    m_hat, v_hat, u, kappa, h, size = reals("m̂ v̂ u κ h c")
    noisy, *premise = premises()
    begin, _, memory, forgets, positive, large, short = premise

    decay = [p.define(q_next, beta * q), p.define(q2_next, beta2 * q2)]
    moments = [
        p.define(m_next, p.use(MOMENT, m, g, beta)),
        p.define(v_next, p.use(MOMENT, v, g**2, beta2)),
    ]
    hats = [p.define(m_hat, m_next / (1 - q_next)), p.define(v_hat, v_next / (1 - q2_next))]
    update = p.define(u, p.use(ADAM, m_hat, v_hat, eps))
    step = p.define(w_next, w - eta * p.use(GRAMS, u, g))
    constant = p.define(kappa, 99 * eps / 100)
    scaled = p.define(h, kappa * p.use(GRAMS, u, g))
    normaliser = p.define(size, (1 - q_next) * (sp.sqrt(v_hat) + eps))

    interval = [w >= -4, w <= 2]
    powers = [q >= 0, q <= 1, q2 >= 0, q2 <= 1]
    averages = [sp.Le(abs(m), 5 * (1 - q)), v >= 0, v <= 25 * (1 - q2)]
    invariant = [*interval, *powers, *averages]

    gradient = p.implies("noisy gradients are bounded", [*interval, noisy], [g >= -5, g <= 5])
    square = p.implies("g² ≤ 25", [gradient], [sp.Ge(g**2, 0, evaluate=False), g**2 <= 25])
    decayed = p.implies(
        "powers of β₁ and β₂", [*decay, *powers, memory, forgets],
        [q_next >= 0, q_next <= beta, q_next <= 1, q2_next >= 0, q2_next < 1, q2_next <= 1],
    )  # fmt: skip
    first = p.implies(
        "|m| ≤ 5(1 − β₁ᵗ)",
        [moments[0], decay[0], averages[0], gradient],
        sp.Le(abs(m_next), 5 * (1 - q_next)),
    )
    second = p.implies(
        "v ≤ 25(1 − β₂ᵗ)",
        [moments[1], decay[1], *averages[1:], square, memory, forgets],
        [v_next >= 0, v_next <= 25 * (1 - q2_next)],
    )
    corrected = p.implies("|m̂| ≤ 5", [hats[0], first, decayed], abs(m_hat) <= 5)
    spread = p.implies("v̂ ≤ 25", [hats[1], second, decayed], [v_hat >= 0, v_hat <= 25])
    root = p.implies("√v̂ ≤ 5", [spread], [sp.Ge(sp.sqrt(v_hat), 0), sp.sqrt(v_hat) <= 5])
    brief = p.implies(
        "a step is no longer than 1", [update, corrected, root, positive, large, short], eta * abs(u) <= 1
    )
    p.implies("[−4, 2] is never left", [step, *interval, noisy, brief, positive], [w_next >= -4, w_next <= 2])
    p.implies("the start is inside", [begin, premise[1]], [begin, premise[1]])
    whole = p.implies(
        "|u| c = |m|, with the averages' hats undone", [update, *hats, normaliser, decayed, root, large],
        sp.Eq(abs(u) * size, abs(m_next)),
    )  # fmt: skip
    late = sp.Le(q, sp.Rational(9, 10) ** (setting.LATE - 1))
    steady = p.implies(
        f"from step {setting.LATE} on c varies by at most 1/15",
        [normaliser, decay[0], decayed, root, constant, large],
        sp.Implies(late, sp.And(size >= kappa, 15 * size <= 16 * kappa)),
    )
    near = sp.And(h <= abs(m_next), sp.Or(g >= 0, h <= -sp.Rational(15, 16) * abs(m_next)))
    followed = p.implies(
        "h is at most |m|, and at most −(15/16)|m| where g < 0",
        [steady, whole, scaled, constant, large],
        sp.Implies(late, near),
    )
    moved = p.implies("w⁺ = w − (η/κ)h", [step, scaled, constant], sp.Eq(kappa * (w - w_next), eta * h))
    small = p.implies("|m| ≤ 5", [averages[0], powers[0]], [m >= -5, m <= 5])
    potential = p.implies("P varies by at most 800", [small], [_potential(m) <= 790, _potential(m) >= -10])
    always = {
        name: p.discharge(f"{name} in every state inside", formula, *invariant)
        for name, formula in (("h", followed), ("m", small), ("P", potential))
    }
    p.induction(
        "every state is inside",
        invariant,
        {w: start, m: sp.Integer(0), v: sp.Integer(0), q: sp.Integer(1), q2: sp.Integer(1)},
        {w: w_next, m: m_next, v: v_next, q: q_next, q2: q2_next},
    )
    return Path(invariant, always, late, followed, moved, potential)


def expectations(path):
    """What is used of E: over the present ξ, which is independent of the state, and over the state."""
    import sympy as sp

    from grams_theory.symbolic.proof import reals

    w, X, Y, change, g, h, m_next, eta, kappa = reals("w x y ΔP g h m⁺ η κ")
    left, right, mean = reals("h₋ h₊ h̄")
    W, W_next, W0, P, P_next, P0, H, square = reals("E[w] E[w⁺] E[w]₀ E[P] E[P⁺] E[P]₀ E[h] E[w²]")
    _, _, floor, scale = _constants()
    at = _at_state()
    after = [
        path.followed.xreplace({g: w + value, m_next: at[state], h: outcome})
        for value, state, outcome in ((-1, X, left), (3, Y, right))
    ]
    averaged: Any = sp.Eq(mean, 3 * left / 4 + right / 4)
    in_state = sp.Implies(path.late, sp.Le(scale * mean + change + floor, w**2).xreplace(at))
    return {
        "ξ": sp.Implies(path.followed, sp.And(averaged, *after)),
        "in every state": in_state,
        "drift": sp.Implies(in_state, sp.Le(scale * H + P_next - P + floor, square)),
        "w⁺": sp.Implies(path.moved, sp.Eq(kappa * (W - W_next), eta * H)),
        "P": sp.Implies(path.potential, sp.And(P >= -10, P0 <= 790)),
        "w": sp.Implies(sp.And(*path.invariant[:2]), sp.And(W <= 2, W0 >= -4)),
    }


AXIOMS = ("ξ", "drift", "w⁺", "P", "w")
"""Which of the `expectations` are true of E; "in every state" is what must be proved for the second."""


def conclude(p, path, expected, states):
    """The sum of the drifts over n steps."""
    import sympy as sp

    from grams_theory.symbolic.proof import reals

    _, _, floor, scale = _constants()
    W, W_next, W0, P, P_next, P0, H, square = reals("E[w] E[w⁺] E[w]₀ E[P] E[P⁺] E[P]₀ E[h] E[w²]")
    U, U_next, start, total, steps, loss, eta, eps, kappa = reals("U U⁺ U₀ Σ n Σf η ε κ")
    positive, large = eta > 0, eps >= 100
    constant = sp.Eq(kappa, 99 * eps / 100, evaluate=False)
    everywhere = p.implies(
        "drift at every step",
        [states, expected["ξ"], path.always["h"], path.always["m"], *path.invariant],
        expected["in every state"],
    )
    mean = p.implies(
        "drift on the average", [everywhere, expected["drift"]], sp.Le(scale * H + P_next - P + floor, square)
    )
    motion = p.implies("E[w⁺]", [path.moved, expected["w⁺"]], sp.Eq(kappa * (W - W_next), eta * H))
    bounds = p.implies(
        "P and w are bounded on the average",
        [expected["P"], expected["w"], path.always["P"], *path.invariant],
        [P >= -10, P0 <= 790, W <= 2, W0 >= -4],
    )
    potentials = [
        p.define(symbol, value - scale * kappa / eta * weight)
        for symbol, value, weight in ((U, P, W), (U_next, P_next, W_next), (start, P0, W0))
    ]
    step = p.implies(
        "one step of the potential U",
        [*potentials[:2], motion, mean, positive, constant, large],
        U_next - U <= square - floor,
    )
    summed = sp.Le(U - start, total - steps * floor)
    p.implies(
        "the sum is inherited",
        [step, summed],
        sp.Le(U_next - start, total + square - (steps + 1) * floor),
    )
    p.induction(
        "the sum over n steps",
        summed,
        {U: start, total: sp.Integer(0), steps: sp.Integer(0)},
        {U: U_next, total: total + square, steps: steps + 1},
    )
    ends = p.implies(
        "the potential is bounded",
        [bounds, potentials[0], potentials[2], constant, positive, large],
        U - start >= -800 - sp.Rational(91, 25) * eps / eta,
    )
    halved = p.define(loss, total / 2)
    p.conclude(AVERAGE, [ends, summed, halved, positive, large])
