"""When Grams descends at least as far as Cautious on convex functions, exactly.

    ΔL_G ≤ ΔL_C for every convex L-smooth f with ∇f(w) = g   ⇔   η L (‖r‖² − ‖a‖² + ‖r−a‖ ‖r+a‖) ≤ 4β

with a = u∘1[u∘g≥0], r = sign(g)∘|u| and β = Σ |uᵢgᵢ| over uᵢgᵢ < 0. Ours. True in both directions: a convex
quadratic that curves in one direction only attains it. Convexity allows a larger step than smoothness alone,
and is needed.
"""

from fractions import Fraction as Q

import sympy as sp

from grams_theory.symbolic.proof import prove
from proofs.by_hand import CALCULUS, cautious, dot, grams, minus, quadratic, reflection, root, times, within
from proofs.planted import restated

L, g, u = Q(2), [Q(1), Q(1)], [Q(3), Q(-8)]
a, r = cautious(u, g), grams(u, g)
plus, b = minus(r, times(-1, a)), minus(r, a)  # (6, 8) and (0, 8)
lengths = root(dot(b, b)) * root(dot(plus, plus))
T = reflection(plus, b, L)
H = [[(T[i][j] + L * (i == j)) / 2 for j in range(2)] for i in range(2)]  # L times the projection on T's axis
threshold = 4 * dot(g, b) / (L * (dot(r, r) - dot(a, a) + lengths))


def change_between(H, eta):
    """ΔL_G − ΔL_C."""
    f = quadratic(g, H)
    return f(times(-eta, r)) - f(times(-eta, a))


def test_it_is_proved_from_the_two_point_comparison(proved):
    proved(
        "comparison-sharp-convex",
        axioms=CALCULUS,
        uses=("two-point-comparison-convex", "two-point-attained"),
    )


def test_a_projection_attains_it():
    assert within(H, 0, L)
    assert change_between(H, threshold) == 0


def test_one_percent_above_the_threshold_it_is_false():
    assert change_between(H, threshold * Q(99, 100)) < 0 < change_between(H, threshold * Q(101, 100))


def test_convexity_allows_a_larger_step():
    assert threshold == Q(1, 9) > 2 * dot(g, b) / (L * lengths) == Q(1, 10)


def test_without_convexity_it_is_false():
    assert within(T, -L, L)
    assert not within(T, 0, L)
    assert change_between(T, threshold) > 0


def test_a_planted_fault_a_condition_one_percent_weaker_is_not_proved():
    def edit(part):
        condition, conclusion = part.args
        return sp.Implies(sp.Le(condition.lhs, sp.Rational(101, 100) * condition.rhs), conclusion)

    attempt = prove(restated("comparison-sharp-convex", "if", edit))
    assert not attempt.complete
    assert str(attempt.failure).startswith("if: the implication is false")
