"""`median-bias` with w held: the sign of D(w) = E[sign(g)|m|].

The momentum before the present gradient is m' = w + M, stationary; x = βm' + θ(w − 1) is m after ξ = −1, y = x + 4θ is
m after ξ = 3, and θ = 1 − β. E|x| is bounded below by A = E[x²] and B = E[x⁴], which are rational in β.
"""

from grams_theory.claims import _median_setting as setting

BELOW, ABOVE, ADAM = (
    "frozen w < 1: Grams climbs",
    "frozen w ≥ 1: Grams descends",
    "frozen w: Adam's step is w",
)


def conclusions():
    import sympy as sp

    from grams_theory.symbolic.proof import reals

    w, D, adam = reals("w̄ D E[m]")
    return {BELOW: sp.Implies(w < 1, D < 0), ABOVE: sp.Implies(w >= 1, D > 0), ADAM: sp.Eq(adam, w)}


def _variables():
    from grams_theory.symbolic.proof import reals

    w, beta, m = reals("w̄ β M")
    return w, beta, m, 1 - beta


def _after(w, beta, m):
    """x."""
    return beta * (w + m) + (1 - beta) * (w - 1)


def _moments():
    from grams_theory.symbolic.proof import reals

    return reals("E[M] E[M²] E[M³] E[M⁴]")


def expectations(p):
    """What is used of E, by name; two facts about numbers that it is applied to come first."""
    import sympy as sp

    from grams_theory.symbolic.moments import discrete_moments, expect
    from grams_theory.symbolic.proof import reals

    w, beta, m, theta = _variables()
    xi, x, s, A, B, size_x, size_y, mean_y, D, adam = reals("ξ x s A B E|x| E|y| E[y] D E[m]")
    moments, noise = [sp.Integer(1), *_moments()], discrete_moments(setting.noise_law(), 4)
    after = _after(w, beta, m)
    root = p.define(s, sp.sqrt(B / A))
    quartic = p.implies(
        "|x| above a quartic", [], sp.Implies(s > 0, sp.Ge(2 * s**3 * abs(x), 3 * s**2 * x**2 - x**4))
    )
    triangle = p.implies("|y| ≤ |x| + 4θ", [beta < 1], sp.Le(abs(x + 4 * theta), abs(x) + 4 * theta))
    stationary = [
        sp.Eq(moments[k], expect((beta * m + theta * xi) ** k, {m: moments, xi: noise})) for k in range(1, 5)
    ]
    return {
        **{f"E[M^{k}]": equation for k, equation in enumerate(stationary, 1)},
        "A": sp.Eq(A, expect(after**2, {m: moments})),
        "B": sp.Eq(B, expect(after**4, {m: moments})),
        "A² ≤ B": sp.Ge(B, A**2),
        "E|x|": sp.Implies(quartic, sp.Implies(s > 0, sp.Ge(2 * s**3 * size_x, 3 * s**2 * A - B))),
        "E|x| ≥ 0": sp.Ge(size_x, 0),
        "E|y|": sp.Implies(triangle, sp.Le(size_y, size_x + 4 * theta)),
        "E|y| ≥ 0": sp.Ge(size_y, 0),
        "E|y| ≥ E[y]": sp.Ge(size_y, mean_y),
        "E[y]": sp.Eq(mean_y, expect(after + 4 * theta, {m: moments})),
        "D": sp.Eq(D, sp.sign(w + 3) * size_y / 4 + 3 * sp.sign(w - 1) * size_x / 4),
        "E[m]": sp.Eq(adam, expect(beta * (w + m) + theta * (w + xi), {m: moments, xi: noise})),
    }, {"s": root, "E|x|": quartic, "E|y|": triangle}


def conclude(p, expected, pointwise):
    """The three parts, from `expectations` once they are axioms."""
    import sympy as sp

    from grams_theory.symbolic.moments import discrete_moments, expect, stationary_moments
    from grams_theory.symbolic.proof import reals

    w, beta, m, theta = _variables()
    s, A, B, size_x = reals("s A B E|x|")
    long = [beta >= sp.Rational(setting.SMALLEST_BETA), beta < 1]
    moments = stationary_moments(beta, theta, discrete_moments(setting.noise_law(), 4))
    known = []
    for k, symbol in enumerate(_moments(), 1):
        scaled = p.identity(
            f"(1 − β^{k}) E[M^{k}]", (1 - beta**k) * (symbol - moments[k]), 0, [expected[f"E[M^{k}]"], *known]
        )
        known.append(p.implies(f"E[M^{k}]", [scaled, *long], sp.Eq(symbol, moments[k])))
    p.conclude(ADAM, [expected["E[m]"], known[0]])

    second, fourth = (sp.cancel(expect(_after(w, beta, m) ** k, {m: moments})) for k in (2, 4))
    common = (1 + beta) ** 3 * (1 + beta**2) * (1 + beta + beta**2)
    slack = sp.expand(sp.cancel((second**3 - 4 * theta**2 * fourth) * common))
    values = [
        p.identity("A = E[x²]", A, second, [expected["A"], *known[:2]]),
        p.identity("B = E[x⁴]", B, fourth, [expected["B"], *known]),
    ]
    cleared = p.identity("A³ − 4θ²B, cleared", (A**3 - 4 * theta**2 * B) * common, slack, values)
    positive = p.implies("A³ > 4θ²B", long, slack > 0)
    wide = p.implies("A³ > 4θ²B, undone", [cleared, positive, *long], sp.Gt(A**3, 4 * theta**2 * B))

    spread = p.implies("A, B > 0", [wide, expected["A² ≤ B"]], [A > 0, B > 0])
    scale = p.implies("s²A = B", [pointwise["s"], spread], [s > 0, sp.Eq(s**2 * A, B)])
    weighed = p.implies(
        "2s³E|x| ≥ 3s²A − B",
        [pointwise["E|x|"], expected["E|x|"], scale],
        2 * s**3 * size_x >= 3 * s**2 * A - B,
    )
    large = p.implies("E|x| > 2θ", [weighed, scale, spread, wide, beta < 1], size_x > 2 * theta)
    p.conclude(
        BELOW, [expected["D"], pointwise["E|y|"], expected["E|y|"], expected["E|y| ≥ 0"], large, beta < 1]
    )
    mean = p.identity("E[y] = w + 3θ", reals("E[y]")[0], w + 3 * theta, [expected["E[y]"], known[0]])
    p.conclude(ABOVE, [expected["D"], expected["E|y| ≥ E[y]"], expected["E|x| ≥ 0"], mean, beta < 1])
