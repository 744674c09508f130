"""When Grams descends at least as far as Cautious, exactly.

    ΔL_G ≤ ΔL_C for every L-smooth f with ∇f(w) = g   ⇔   η L ‖r−a‖ ‖r+a‖ ≤ 2β

with a = u∘1[u∘g≥0], r = sign(g)∘|u| and β = Σ |uᵢgᵢ| over uᵢgᵢ < 0. Ours, in place of the paper's comparison.
True in both directions: a quadratic whose curvature is L or −L attains it. A coordinate with gᵢ = 0 ≠ uᵢ is
moved by the mask u∘g ≥ 0 and not by Grams, and so belongs to r − a.
"""

from fractions import Fraction as Q

import pytest
import sympy as sp

from grams_theory.symbolic.proof import prove
from proofs.by_hand import CALCULUS, cautious, dot, grams, minus, quadratic, reflection, root, times, within
from proofs.planted import restated

L = Q(2)
CASES = {
    "r + a = (6, 8), r − a = (0, 8)": ([Q(1), Q(1)], [Q(3), Q(-8)]),
    "g₃ = 0, r + a = (12, 4, 3), r − a = (0, 4, −3)": ([Q(1), Q(1), Q(0)], [Q(6), Q(-4), Q(3)]),
}
case = pytest.mark.parametrize(("g", "u"), CASES.values(), ids=CASES)


def change_between(g, u, H, eta):
    """ΔL_G − ΔL_C."""
    f = quadratic(g, H)
    return f(times(-eta, grams(u, g))) - f(times(-eta, cautious(u, g)))


def sum_and_difference(g, u):
    a, r = cautious(u, g), grams(u, g)
    return minus(r, times(-1, a)), minus(r, a)


def threshold(g, u):
    plus, b = sum_and_difference(g, u)
    return 2 * dot(g, b) / (L * root(dot(b, b)) * root(dot(plus, plus)))


def test_it_is_proved_from_the_two_point_comparison(proved):
    proved("comparison-sharp", axioms=CALCULUS, uses=("two-point-comparison", "two-point-attained"))


@case
def test_a_reflection_attains_it(g, u):
    H = reflection(*sum_and_difference(g, u), L)
    assert within(H, -L, L)
    assert change_between(g, u, H, threshold(g, u)) == 0


@case
def test_one_percent_above_the_threshold_it_is_false(g, u):
    H = reflection(*sum_and_difference(g, u), L)
    assert change_between(g, u, H, threshold(g, u) * Q(99, 100)) < 0
    assert change_between(g, u, H, threshold(g, u) * Q(101, 100)) > 0


@case
def test_with_one_percent_more_curvature_it_is_false(g, u):
    H = reflection(*sum_and_difference(g, u), L * Q(101, 100))
    assert change_between(g, u, H, threshold(g, u)) > 0


def test_it_asks_for_less_than_the_sign_repaired_bound():
    """η ≤ 2β/(L‖r − a‖²) alone would allow a larger step."""
    g, u = [Q(1), Q(1)], [Q(3), Q(-8)]
    _, b = sum_and_difference(g, u)
    assert threshold(g, u) == Q(1, 10) < 2 * dot(g, b) / (L * dot(b, b)) == Q(1, 8)


def test_a_planted_fault_a_condition_one_percent_weaker_is_not_proved():
    def edit(part):
        condition, conclusion = part.args
        return sp.Implies(sp.Le(condition.lhs, sp.Rational(101, 100) * condition.rhs), conclusion)

    attempt = prove(restated("comparison-sharp", "if", edit))
    assert not attempt.complete
    assert str(attempt.failure).startswith("if: the implication is false")
