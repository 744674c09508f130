"""Which gradient noise biases Grams: any whose median differs from its mean.

One coordinate, g = ∇f(w) with w held; the stochastic gradient is g + ξ, E ξ = 0. Adam's expected step is 0 at g = 0.

Any law: E sign(g + ξ) = P(ξ > −g) − P(ξ < −g) changes its sign at g exactly if −g is a median of ξ, that is if 0 is a
median of the stochastic gradient. So a step whose size does not depend on the present sign (signSGD, and Grams as
β₁ → 1) settles where the median of the stochastic gradient vanishes: at g = 0 exactly if 0 is a median of the noise.

Every two-point law of mean 0: ξ = −c with probability q, ξ = h = cq/(1 − q) otherwise, c > 0. With the size R > 0, the
expected step is R(1 − 2q) for −h < g < c; it changes its sign at g = c if q > 1/2, at g = −h if q < 1/2, and vanishes
between if q = 1/2: unbiased exactly if q = 1/2.

Grams itself has the size |m|, m = βm' + (1 − β)(g + ξ), which does depend on the sign; m', stationary, is independent
of the present ξ. At β = 0 it is Adam, and not biased. For every law |D − β E|m'| E sign(g + ξ)| ≤ (1 − β) E|g + ξ|,
where D = E sign(g + ξ)|m|. With a two-point law, q > 1/2, Grams therefore climbs away from the minimiser wherever
2qc(1 − β)/(2q − 1) < g < c; there are such g if β > 1/(2q). With q < 1/2 the same happens in the mirror, ξ → −ξ.
Where g is smaller it need not climb: with q = 3/5, c = 1 and β = 9/10 it rests at about g = 1/8, before the median.
"""

from grams_theory.core.claim import Claim, Formal, Noise
from grams_theory.core.definitions import GRAMS, MOMENT
from grams_theory.core.verdict import Verdict

NEAR = 0.1
"""Ten of the longest steps: the step size is at most 1/100 in the sampled runs."""

TWO_POINT = (
    "q > 1/2: down to g = c",
    "q > 1/2: up to g = c",
    "q < 1/2: down to g = −h",
    "q < 1/2: up to g = −h",
)
"""Parts: which way a step of independent size goes on the average."""


def margin(n):
    return {
        "Grams settles at the median": NEAR - abs(n.mean("Grams") - 1),
        "Adam rests at the minimiser": NEAR - abs(n.mean("Adam")),
    }


def two_point(value, g, q, c, h):
    """E value(g + ξ)."""
    return q * value(g - c) + (1 - q) * value(g + h)


def formal():
    import sympy as sp

    from grams_theory.symbolic.proof import reals

    half = sp.Rational(1, 2)
    below, above, left, right = reals("P(ξ<−g) P(ξ>−g) S(g−0) S(g+0)")
    g, q, c, h, R, step = reals("g q c h R R·S")
    beta, sign, size, length, grams, mean = reals("β S E|m'| E|g+ξ| D E[m']")
    bound = 2 * q * c * (1 - beta)
    cases = (
        (sp.And(q > half, g >= c), step > 0),
        (sp.And(q > half, g < c), step < 0),
        (sp.And(q < half, g > -h), step > 0),
        (sp.And(q < half, g <= -h), step < 0),
    )
    return Formal(
        {
            "it rests only at a median": sp.Implies(
                sp.And(left <= 0, right >= 0), sp.And(below <= half, above <= half)
            ),
            "it rests at every median": sp.Implies(
                sp.And(below <= half, above <= half), sp.And(left <= 0, right >= 0)
            ),
            **dict(zip(TWO_POINT, (sp.Implies(*case) for case in cases), strict=True)),
            "between the two values": sp.Implies(sp.And(g > -h, g < c), sp.Eq(step, R * (1 - 2 * q))),
            "Adam: no bias": sp.Eq(mean, g),
            "β = 0: no bias": sp.Implies(sp.Eq(beta, 0), sp.Eq(grams, g)),
            "any β": sp.Le(abs(grams - beta * size * sign), (1 - beta) * length),
            "any β: up towards g = c": sp.Implies(
                sp.And(q > half, bound < (2 * q - 1) * g, g < c), grams < 0
            ),
        },
        (R > 0, c > 0, q > 0, q < 1, beta >= 0, beta < 1),
        {
            "g": "∂f/∂wᵢ",
            "ξ": "noise of that gradient, of mean 0; −c with probability q, else h = cq/(1 − q)",
            "S": "E sign(g + ξ); S(g ± 0) its limits from the right and the left",
            "R": "expected size of a step that does not depend on sign(g + ξ)",
            "E[m']": "E[m], too: Adam's expected step, but for the normaliser",
            "D": "E sign(g + ξ)|m|, m = βm' + (1 − β)(g + ξ): Grams' expected step, but for the normaliser",
        },
    )


def prove(p):
    import sympy as sp

    from grams_theory.symbolic.proof import reals

    below, at, above, left, right = reals("P(ξ<−g) P(ξ=−g) P(ξ>−g) S(g−0) S(g+0)")
    g, q, c, h, R, step = reals("g q c h R R·S")
    beta, sign, size, length, grams, m, x, mean = reals("β S E|m'| E|g+ξ| D m' x E[m']")

    now = p.use(MOMENT, m, x, beta)
    close = p.implies(
        "the size hardly depends on the sign if β is near 1 (x = g + ξ)",
        [beta >= 0, beta < 1],
        sp.Le(abs(p.use(GRAMS, now, x) - beta * sp.sign(x) * abs(m)), (1 - beta) * abs(x)),
    )
    same = sp.Eq(p.use(GRAMS, x, x), x)
    average = two_point(lambda value: value, g, q, c, h)
    upper = p.define(h, c * q / (1 - q))
    expected = {
        "total": sp.Eq(below + at + above, 1),
        "left": sp.Eq(left, above - below - at),
        "right": sp.Eq(right, above - below + at),
        "step": sp.Eq(step, R * sign),
        "sign": sp.Eq(sign, two_point(sp.sign, g, q, c, h)),
        "length": sp.Eq(length, two_point(sp.Abs, g, q, c, h)),
        "mean": sp.Eq(mean, p.use(MOMENT, mean, average, beta)),
        "size": sp.Ge(size, abs(mean)),
        "grams": sp.Implies(close, sp.Le(abs(grams - beta * size * sign), (1 - beta) * length)),
        "memoryless": sp.Implies(same, sp.Implies(sp.Eq(beta, 0), sp.Eq(grams, average))),
    }
    p.axiom(
        "expectation",
        "E is linear and monotone, E|X| ≥ |E X|, and the expectations of independent factors multiply",
        "P. Billingsley, Probability and Measure, sections 5 and 21",
        sp.And(*expected.values()),
    )
    total, limits = expected["total"], [expected["left"], expected["right"]]
    p.conclude("it rests only at a median", [total, *limits])
    p.conclude("it rests at every median", [total, *limits])

    law = [c > 0, q > 0, q < 1]
    high = p.implies("h > 0", [upper, *law], h > 0)
    centred = p.implies("E(g + ξ) = g", [upper, q < 1], sp.Eq(average, g))
    drift = [expected["step"], expected["sign"]]
    p.conclude("between the two values", drift)
    needed = ([high, c > 0, q < 1], [], [], [high, c > 0, q > 0])
    for part, given in zip(TWO_POINT, needed, strict=True):
        p.conclude(part, [*drift, *given, R > 0])

    p.conclude("β = 0: no bias", [expected["memoryless"], centred])
    bound = p.conclude("any β", [expected["grams"], close])
    inside = sp.And(g > 0, g < c)
    signs = p.implies(
        "E sign(g + ξ) for 0 < g < c", [expected["sign"], high], sp.Implies(inside, sp.Eq(sign, 1 - 2 * q))
    )
    lengths = p.implies(
        "E|g + ξ| for 0 < g < c",
        [expected["length"], high, upper, q < 1],
        sp.Implies(inside, sp.Eq(length, 2 * q * c - (2 * q - 1) * g)),
    )
    stationary = p.conclude("Adam: no bias", [expected["mean"], centred, beta < 1])
    large = p.implies("E|m'| ≥ g", [stationary, expected["size"], beta >= 0], sp.Ge(beta * (size - g), 0))
    pull = p.implies(
        "β E|m'|(1 − 2q) ≤ βg(1 − 2q)",
        [large],
        sp.Implies(q > sp.Rational(1, 2), sp.Le(beta * size * (1 - 2 * q), beta * g * (1 - 2 * q))),
    )
    p.conclude("any β: up towards g = c", [bound, signs, lengths, pull, c > 0, beta < 1])


CLAIM = Claim(
    id="sign-median",
    title="Which gradient noise biases Grams",
    source="Ours: `median-bias` for other noise",
    statement=(
        "For noise ξ of mean 0, E sign(∇f + ξ) changes sign exactly where 0 is a median of ∇f + ξ. If ξ = −c with "
        "probability q and cq/(1−q) otherwise: at ∇f = c if q > 1/2, at −cq/(1−q) if q < 1/2, and at ∇f = 0 only if "
        "q = 1/2. Grams with v̂ and w frozen is not biased if β₁ = 0; if q > 1/2 it climbs wherever "
        "2qc(1−β₁)/(2q−1) < ∇f < c"
    ),
    latex=(
        r"\mathbb E\operatorname{sign}(\nabla f+\xi)=0\ \Leftrightarrow\ \operatorname{med}(\nabla f+\xi)=0,\qquad"
        r"\tfrac{2qc(1-\beta_1)}{2q-1}<\nabla f<c\ \Rightarrow\ \mathbb E[\operatorname{sign}(\nabla f+\xi)\,|m|]<0"
    ),
    recorded=Verdict.PROVED,
    setting=Noise(("Grams", "Adam")),
    formal=formal,
    margin=margin,
    prove=prove,
    place=(4, 15, 3),
)
