"""How far f can differ at two points near w, when its curvature is in [μ, L].

    ⟨x₁, x₂⟩ ≥ 0  ⇒  f(w+x₂) − f(w+x₁) ≤ ⟨g, x₂−x₁⟩ + ((L+μ)/4)(‖x₂‖² − ‖x₁‖²) + ((L−μ)/4) ‖x₂−x₁‖ ‖x₂+x₁‖

Ours; two-point-comparison is the case μ = −L, two-point-comparison-convex the case μ = 0. True, and attained for
every μ by a quadratic of curvatures μ and L. With ⟨x₁, x₂⟩ < 0 it is false.
"""

from fractions import Fraction as Q

import pytest
import sympy as sp

from grams_theory.symbolic.proof import prove
from proofs.by_hand import dot, minus, quadratic, reflection, root, times, within
from proofs.planted import restated

L, g = Q(2), [Q(1), Q(1)]
x1, x2 = [Q(3), Q(0)], [Q(3), Q(8)]  # x₂ + x₁ = (6, 8), x₂ − x₁ = (0, 8)
T = reflection([Q(6), Q(8)], [Q(0), Q(8)], Q(1))


def hessian(mu, top):
    """Curvature μ where T is −1, `top` where it is 1."""
    return [[(top - mu) / 2 * T[i][j] + (top + mu) / 2 * (i == j) for j in range(2)] for i in range(2)]


def bound(x1, x2, mu):
    lengths = root(
        dot(minus(x2, x1), minus(x2, x1)) * dot(minus(x2, times(-1, x1)), minus(x2, times(-1, x1)))
    )
    squares = dot(x2, x2) - dot(x1, x1)
    return dot(g, minus(x2, x1)) + (L + mu) / 4 * squares + (L - mu) / 4 * lengths


def rise(mu, top=L):
    f = quadratic(g, hessian(mu, top))
    return f(x2) - f(x1)


def test_it_is_proved_from_three_interpolation_inequalities(proved):
    proved("two-point-curvature")


@pytest.mark.parametrize("mu", [Q(-2), Q(-1, 3), Q(0), Q(1)])
def test_a_quadratic_attains_it(mu):
    assert within(hessian(mu, L), mu, L)
    assert rise(mu) == bound(x1, x2, mu)


@pytest.mark.parametrize("mu", [Q(-2), Q(0), Q(1)])
def test_with_one_percent_more_curvature_it_is_false(mu):
    assert rise(mu, Q(101, 100) * L) > bound(x1, x2, mu)


def test_for_points_on_two_sides_it_is_false():
    """(L/2) t|t| has curvature −L, then L."""
    x1, x2 = [Q(-3), Q(0)], [Q(4), Q(0)]
    climb = dot(g, minus(x2, x1)) + L / 2 * (x1[0] ** 2 + x2[0] ** 2)
    assert climb > bound(x1, x2, -L)


def test_a_planted_fault_one_percent_less_is_not_proved():
    def edit(goal):
        return sp.Le(goal.lhs * sp.Rational(101, 100), goal.rhs)

    attempt = prove(restated("two-point-curvature", "bound", edit))
    assert not attempt.complete
    assert str(attempt.failure).startswith("bound: the implication is false")
