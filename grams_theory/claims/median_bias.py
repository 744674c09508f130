"""With stochastic gradients Grams follows the median of the gradient, not its mean, and no step size cures it.

f(w) = w²/2 with stochastic gradients g = w + ξ, ξ = −1 with probability 3/4 and +3 with probability 1/4 (mean 0).
The minimiser is w = 0, the median of g vanishes at w = 1, where f = ½. Two statements are proved.

Frozen weight: let w be constant, the second moment be constant, and m' be the stationary momentum. For every
β₁ in [9/10, 1) Grams' expected step D(w) = E[sign(g)|m|], m = β₁m' + (1 − β₁)g, is negative (w grows) for all w < 1
and positive for all w ≥ 1: its only rest point is the median. Adam's expected step is E[m] = w.

Moving weight: nothing is frozen or replaced. Grams of Definitions 3.5 and 4.1 with β₁ = 9/10, any β₂, ε ≥ 100 (large,
so that √v̂ + ε is nearly constant), any η ≤ ε/5, started anywhere in [−4, 2], satisfies

    (1/n) Σ_t E f(w_t) ≥ 1/100 − (400 + 3ε/η)/n        (n steps from the 44th on).

So no bound on E f(w_t) − f* that vanishes as T → ∞ or η → 0 can hold for Grams. How much larger the bias is in
practice, with ε = 1e-8 and β₂ = 0.999, is measured on the production optimizers.
"""

from grams_theory.core.claim import Claim, Noise
from grams_theory.core.verdict import Verdict

FLOOR = "1/50"
"""Time average of E w² that Grams cannot get below."""

SMALLEST_BETA = "9/10"
"""The frozen statement is proved for β₁ from here to 1. At β₁ = 0 it is false: there Grams is Adam."""


def margin(n):
    return {
        "Grams rests beyond 1/2": n.mean("Grams") - 0.5,
        "loss floor": n.loss("Grams") - 0.01,
        "Adam rests near the minimiser": 0.1 - abs(n.mean("Adam")),
        "C-Adam is biased too": n.mean("CautiousAdam"),
    }


def noise_law():
    import sympy as sp

    return {-1: sp.Rational(3, 4), 3: sp.Rational(1, 4)}


def frozen_weight(p):
    """D(w) < 0 for w < 1 and D(w) > 0 for w ≥ 1, for every β in [9/10, 1)."""
    import sympy as sp

    from grams_theory.symbolic.moments import discrete_moments, expect, stationary_moments
    from grams_theory.symbolic.proof import reals

    w, beta, m, xi = reals("w β M ξ")
    theta = 1 - beta
    noise = discrete_moments(noise_law(), 4)
    central = stationary_moments(beta, theta, noise)  # M = m' − w
    p.identity("the noise has mean 0", noise[1], 0)
    for k in (2, 3, 4):
        again = expect((beta * m + theta * xi) ** k, {m: central, xi: noise})
        p.identity(f"E[M^{k}] is stationary: E[(βM + θξ)^{k}] = E[M^{k}], M = m' − w", again, central[k])

    x = beta * (w + m) + theta * (w - 1)
    A, B = (sp.cancel(expect(x**k, {m: central})) for k in (2, 4))
    common = (1 + beta) ** 3 * (1 + beta**2) * (1 + beta + beta**2)
    slack = sp.expand(sp.cancel((A**3 - 4 * theta**2 * B) * common))
    p.identity(
        "A³ − 4θ²B for A = E[x²], B = E[x⁴], x = βm' + θ(w − 1)", A**3 - 4 * theta**2 * B, slack / common
    )
    p.implies("A³ > 4θ²B", [beta >= sp.Rational(SMALLEST_BETA), beta < 1], slack > 0)

    value, s, first, second, fourth, D = reals("x s E|x| A B D")
    p.implies(
        "|x| above a quartic",
        [s > 0],
        sp.Ge(2 * s**3 * abs(value), 3 * s**2 * value**2 - value**4),
    )
    p.axiom(
        "expectation",
        "the expectation of a bounded random variable is linear and monotone; "
        "independent factors multiply; x is bounded as |ξ| ≤ 3",
        "P. Billingsley, Probability and Measure, sections 5 and 21",
    )
    mean_size = p.implies(
        "E|x| > 2θ (s² = B/A)",
        [
            2 * s**3 * first >= 3 * s**2 * second - fourth,
            sp.Eq(s**2 * second, fourth),
            s > 0,
            second > 0,
            second**3 > 4 * theta**2 * fourth,
            beta < 1,
        ],
        first > 2 * theta,
    )
    y = value + 4 * theta
    quarter = sp.Rational(1, 4)
    p.implies(
        "below the median: y = x + 4θ is m after ξ = 3, x is m after ξ = −1",
        [beta < 1, w < 1],
        quarter * sp.sign(w + 3) * abs(y) + 3 * quarter * sp.sign(w - 1) * abs(value)
        <= theta - abs(value) / 2,
    )
    p.implies(
        "D(w) < 0 for every w < 1: Grams climbs away from the minimiser",
        [sp.Le(D, theta - first / 2), mean_size],
        D < 0,
    )
    p.implies(
        "at and above the median",
        [beta < 1, w >= 1],
        quarter * sp.sign(w + 3) * abs(y) + 3 * quarter * sp.sign(w - 1) * abs(value) >= y / 4,
    )
    p.identity("E[y] = w + 3θ", expect(x + 4 * theta, {m: central}), w + 3 * theta)
    p.implies("D(w) > 0 for every w ≥ 1", [sp.Ge(D, (w + 3 * theta) / 4), w >= 1, beta < 1], D > 0)
    p.identity(
        "Adam's expected step is w", expect(beta * (w + m) + theta * (w + xi), {m: central, xi: noise}), w
    )


def invariant_interval(p):
    """w_t ∈ [−4, 2], |g_t|, |m̂_t|, √v̂_t ≤ 5 for all t, and from step 44 on a nearly constant normaliser."""
    import sympy as sp

    from grams_theory.symbolic.proof import reals

    w, g, a, eta, eps, r, weight, old, w_next = reals("w g a η ε r θ_t x̂ w⁺")
    inside = [w >= -4, w <= 2]
    noisy = sp.Eq((g - w - 3) * (g - w + 1), 0)  # ξ is 3 or −1
    p.implies("noisy gradients are bounded", [*inside, noisy], abs(g) <= 5)
    p.implies(
        "averages stay bounded (m̂; likewise v̂ with 25)",
        [weight >= 0, weight <= 1, abs(old) <= 5, abs(g) <= 5],
        abs((1 - weight) * old + weight * g) <= 5,
    )
    short = p.implies(
        "a step is no longer than 1 (a = η|m̂|/(√v̂ + ε))",
        [eta > 0, eps > 0, 5 * eta <= eps, r >= 0, abs(old) <= 5, sp.Eq(a * (r + eps), eta * abs(old))],
        [a >= 0, a <= 1],
    )
    p.implies(
        "[−4, 2] is never left",
        [*inside, noisy, short, sp.Eq(w_next, w - sp.sign(g) * a)],
        [w_next >= -4, w_next <= 2],
    )
    q, c, kappa = reals("q c κ")
    hundredth = sp.Rational(1, 100)
    late = p.implies(
        "from step 44 on, c = (1 − β₁^t)(√v̂ + ε) varies by at most 1/15 (κ = 99ε/100)",
        [
            q >= 0,
            q <= sp.Rational(9, 10) ** 44,
            eps >= 100,
            r >= 0,
            r <= 5,
            sp.Eq(c, (1 - q) * (r + eps)),
            sp.Eq(kappa, 99 * hundredth * eps),
        ],
        [c >= kappa, 15 * c <= 16 * kappa],
    )
    m, h = reals("m h")
    p.implies(
        "h = κ sign(g)|m|/c is at most |m|, and at most −(15/16)|m| where g < 0",
        [late, kappa > 0, sp.Eq(h * c, kappa * sp.sign(g) * abs(m))],
        [h <= abs(m), sp.Or(g >= 0, h <= -sp.Rational(15, 16) * abs(m))],
    )


def drift(p):
    """SCALE E[h] + E[P(m_t)] − P(m_{t−1}) + 1/50 ≤ w_t² for every state (m_{t−1}, w_t)."""
    import sympy as sp

    from grams_theory.claims import _median_certificate as found
    from grams_theory.symbolic.certificates import positivstellensatz
    from grams_theory.symbolic.proof import reals

    m, w, X, Y, change = reals("m w x y ΔP")
    beta, theta = sp.Rational(9, 10), sp.Rational(1, 10)
    floor, scale = sp.Rational(FLOOR), sp.Rational(found.SCALE)
    x = sp.expand(beta * m + theta * (w - 1))  # m_t after ξ = −1
    y = x + 4 * theta  # m_t after ξ = 3

    def P(z):
        return sp.Add(*(sp.Rational(c) * z**k for k, c in enumerate(found.P)))

    def slack(share, size_x, size_y, change):
        return w**2 - floor - scale * (share * size_x + size_y / 4) - change

    below, above = -sp.Rational(45, 64), sp.Rational(3, 4)  # of |x| in E[h] ≤ share |x| + |y|/4
    orderings = {
        "0 ≤ x ≤ y": (1, 1, x, found.ABOVE),
        "x ≤ 0 ≤ y": (-1, 1, -x * y, found.BETWEEN),
        "x ≤ y ≤ 0": (-1, -1, -y, found.BELOW),
    }
    exact_change = 3 * P(x) / 4 + P(y) / 4 - P(m)
    for name, (sx, sy, ordering, (free, left, right)) in orderings.items():
        terms = [(sp.Integer(1), free), ((w + 4) * (1 - w), left), (ordering, right)]
        poly = sp.expand(slack(below, sx * x, sy * y, exact_change))
        positivstellensatz(p, f"drift below the median, {name}", poly, (m, w), terms)
        p.implies(
            f"drift at and above the median, {name}",
            [w >= 1, w <= 2, m >= -5, m <= 5, sx * x >= 0, sy * y >= 0],
            sp.expand(slack(above, sx * x, sy * y, exact_change)) >= 0,
        )
    for name, share in {"below": below, "at and above": above}.items():
        p.implies(
            f"{name} the median, the three orderings are all",
            [
                sp.Eq(Y, X + 4 * theta),
                sp.Implies(X >= 0, slack(share, X, Y, change) >= 0),
                sp.Implies(sp.And(X <= 0, Y >= 0), slack(share, -X, Y, change) >= 0),
                sp.Implies(Y <= 0, slack(share, -X, -Y, change) >= 0),
            ],
            slack(share, abs(X), abs(Y), change) >= 0,
        )
    p.implies("P varies by at most 800", [m >= -5, m <= 5], [P(m) <= 790, P(m) >= -10])


def time_average(p):
    """Sum of the drifts: U_t = E[P(m_{t−1})] − SCALE (κ/η) E[w_t] changes by at most E[w_t²] − 1/50 a step."""
    import sympy as sp

    from grams_theory.claims import _median_certificate as found
    from grams_theory.symbolic.proof import reals

    floor, scale = sp.Rational(FLOOR), sp.Rational(found.SCALE)
    W, W_next, P, P_next, h, square, total, steps = reals("E[w] E[w⁺] E[P] E[P⁺] E[h] E[w²] Σ n")
    eta, kappa, eps, U, U_next, start = reals("η κ ε U U⁺ U₀")
    potential = [
        sp.Eq(U, P - scale * kappa / eta * W),
        sp.Eq(U_next, P_next - scale * kappa / eta * W_next),
        eta > 0,
        kappa > 0,
    ]
    step = p.implies(
        "one step of the potential U (w⁺ = w − (η/κ)h)",
        [*potential, sp.Eq(kappa * (W - W_next), eta * h), scale * h + P_next - P + floor <= square],
        U_next - U <= square - floor,
    )
    p.implies(
        "the sum is inherited (Σ = Σ E[w_s²] over n steps)",
        [step, U - start <= total - steps * floor],
        U_next - start <= (total + square) - (steps + 1) * floor,
    )
    p.axiom("induction", "the sum holds for every n", "principle of mathematical induction (Peano)")
    P0, W0 = reals("E[P]₀ E[w]₀")
    bounds = [P >= -10, P0 <= 790, W <= 2, W0 >= -4, sp.Eq(kappa, 99 * eps / 100), eps > 0, eta > 0]
    potentials = [sp.Eq(U, P - scale * kappa / eta * W), sp.Eq(start, P0 - scale * kappa / eta * W0)]
    ends = p.implies(
        "the potential is bounded",
        [*bounds, *potentials],
        U - start >= -800 - sp.Rational(81, 20) * eps / eta,
    )
    loss = reals("Σf")[0]
    p.implies(
        "average loss",
        [ends, U - start <= total - steps * floor, sp.Eq(loss, total / 2), steps >= 1, eps > 0, eta > 0],
        loss / steps >= floor / 2 - (400 + 3 * eps / eta) / steps,
    )


def prove(p):
    frozen_weight(p)
    invariant_interval(p)
    drift(p)
    time_average(p)


CLAIM = Claim(
    id="median-bias",
    title="With stochastic gradients Grams follows the median",
    source="this project; the limit of Theorem 4.15, which assumes exact gradients",
    statement=(
        "f(w) = w²/2, noise −1 (probability 3/4) or +3 (1/4). With w and v̂ frozen, β₁ in [9/10, 1): Grams' expected "
        "step increases w for every w < 1 and decreases it for every w ≥ 1, Adam's rests at 0. With nothing frozen, "
        "β₁ = 9/10, ε ≥ 100, any β₂, any η ≤ ε/5: the time average of E f(w_t) stays above 1/100 for Grams. "
        "Sampled with the default β and ε: mean w is above 1/2 for Grams, above 0 for C-Adam, within 1/10 for Adam"
    ),
    latex=(
        r"\liminf_{n\to\infty}\frac1n\sum_{t\le n}\mathbb E\,f(w_t)\ \ge\ \tfrac1{100}\quad\text{for every }\eta,\qquad"
        r"\mathbb E[\operatorname{sign}(g)\,|m|]<0\ \text{for } w<1,\ >0\ \text{for } w\ge1"
    ),
    recorded=Verdict.PROVED,
    setting=Noise(("Grams", "Adam", "CautiousAdam")),
    margin=margin,
    prove=prove,
    note="ε ≥ 100 only serves the proof: with ε = 1e-8 the production optimizer drifts all the way to the median.",
    place=(4, 15, 2),
)
