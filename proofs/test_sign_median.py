"""Which gradient noise biases Grams: g = ∇f with w held, stochastic gradient g + ξ, E ξ = 0.

    E sign(g + ξ) changes its sign exactly where 0 is a median of g + ξ
    ξ = −c with probability q, else h = cq/(1 − q):  at g = c if q > 1/2, at g = −h if q < 1/2, at 0 only if q = 1/2
    E sign(g + ξ)|m| = g if β₁ = 0;  < 0 if q > 1/2 and 2qc(1 − β₁)/(2q − 1) < g < c

Ours. A step whose size does not depend on the present sign settles at the median; Grams' size does depend on it, the
less the nearer β₁ is to 1. So Grams climbs towards the median where the last line says so, but not everywhere.
"""

from dataclasses import replace
from fractions import Fraction as Q
from typing import Any

import pytest
import sympy as sp

from grams_theory.claims import by_id, sign_median
from grams_theory.symbolic.proof import prove
from proofs.by_hand import sign

T = 10


def law(q, c=Q(1)):
    return {-c: q, c * q / (1 - q): 1 - q}


def expected(value, g, noise):
    return sum(p * value(g + xi) for xi, p in noise.items())


def grams(g, noise, beta):
    """E sign(g_T)|m̂_T| over all noise histories, and the weight θ of g_T in m̂_T, which is 1 − β as T → ∞."""
    weight = (1 - beta) / (1 - beta**T)
    past = {Q(0): Q(1)}
    for _ in range(T - 1):
        after = {}
        for m, p in past.items():
            for xi, share in noise.items():
                key = beta * m + (1 - beta) * (g + xi)
                after[key] = after.get(key, 0) + p * share
        past = after
    total = sum(
        p * share * sign(g + xi) * abs(beta * m + (1 - beta) * (g + xi))
        for m, p in past.items()
        for xi, share in noise.items()
    )
    return total / (1 - beta**T), weight


def test_it_is_proved_from_expectation(proved):
    proved("sign-median", axioms=("expectation",))


@pytest.mark.parametrize(("q", "median"), [(Q(3, 4), Q(1)), (Q(9, 10), Q(1)), (Q(1, 3), Q(-1, 2))])
def test_the_sign_changes_at_the_median(q, median):
    noise, step = law(q), Q(1, 100)
    assert expected(sign, median - step, noise) < 0 < expected(sign, median + step, noise)
    assert expected(lambda x: x, Q(0), noise) == 0
    assert expected(sign, Q(0), noise) == 1 - 2 * q != 0


def test_a_symmetric_law_is_not_biased():
    assert expected(sign, Q(0), law(Q(1, 2))) == 0
    assert expected(sign, Q(1, 2), law(Q(1, 2))) == 0  # nor has it a single rest point


def test_skewness_alone_does_not_bias():
    """Three values with mean 0 and median 0, but a third moment: 0 is a rest point."""
    noise = {Q(-2): Q(1, 4), Q(0): Q(5, 8), Q(4): Q(1, 8)}
    assert expected(lambda x: x, Q(0), noise) == 0 != expected(lambda x: x**3, Q(0), noise)
    assert expected(sign, Q(-1, 10), noise) < 0 < expected(sign, Q(1, 10), noise)


@pytest.mark.parametrize("g", [Q(0), Q(1, 3), Q(2)])
def test_without_memory_there_is_no_bias(g):
    assert grams(g, law(Q(9, 10)), Q(0))[0] == g


@pytest.mark.parametrize(("q", "beta"), [(Q(9, 10), Q(7, 10)), (Q(3, 4), Q(9, 10)), (Q(9, 10), Q(9, 10))])
def test_grams_climbs_where_the_claim_says_so(q, beta):
    """After T steps, with the weight θ of the present gradient in place of 1 − β."""
    _, weight = grams(Q(1, 2), law(q), beta)
    edge = 2 * q * weight / (2 * q - 1)
    assert edge < 1
    for share in (Q(1, 100), Q(1, 2), Q(99, 100)):
        assert grams(edge + share * (1 - edge), law(q), beta)[0] < 0


def test_but_it_need_not_reach_the_median():
    """q = 3/5, β₁ = 9/10: it climbs from the minimiser, and turns back long before g = 1."""
    noise, beta = law(Q(3, 5)), Q(9, 10)
    assert grams(Q(1, 10), noise, beta)[0] < 0 < grams(Q(1, 5), noise, beta)[0]


@pytest.mark.parametrize(
    ("part", "condition"),
    [("q > 1/2: up to g = c", "q ≥ 1/2"), ("any β: up towards g = c", "1% wider")],
    ids=["q = 1/2 included", "an edge lower by one percent"],
)
def test_a_planted_fault_is_not_proved(monkeypatch, part, condition):
    stated = sign_median.formal()
    q, c, g, beta = (sp.Symbol(name, real=True) for name in ("q", "c", "g", "β"))
    half = sp.Rational(1, 2)
    premise, conclusion = stated.conclusions[part].args
    if condition == "q ≥ 1/2":
        premise = premise.xreplace({q > half: q >= half})
    else:
        edge: Any = 2 * q * c * (1 - beta) < (2 * q - 1) * g
        assert premise.has(edge)
        premise = premise.xreplace({edge: sp.Rational(99, 100) * edge.lhs < edge.rhs})
    weaker = replace(stated, conclusions={**stated.conclusions, part: sp.Implies(premise, conclusion)})
    monkeypatch.setattr(sign_median, "formal", lambda: weaker)
    attempt = prove(replace(by_id("sign-median"), formal=lambda: weaker))
    assert str(attempt.failure).startswith(f"{part}: the implication is false")
