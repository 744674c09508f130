"""A quadratic that differs at two points as much as its curvature allows.

    φ(x) = ⟨g, x⟩ + ½⟨x, Hx⟩,  H = ((L+μ)/2) + ((L−μ)/2) T,  T z = σ(⟨n, z⟩ n − z),  ‖n‖² = 2, σ = ±1,
    ⟨n, x₂−x₁⟩⟨n, x₂+x₁⟩ = ‖x₂‖² − ‖x₁‖² + σ‖x₂−x₁‖‖x₂+x₁‖

Ours: it makes the "only if" of the sharp comparisons. True: its curvature is in [μ, L], it attains the bound of
two-point-curvature along both x₁ and x₂ at once, and there is such an n.
"""

from fractions import Fraction as Q

import pytest
import sympy as sp

from grams_theory.symbolic.proof import prove
from proofs.by_hand import dot, minus, quadratic, root, times, within
from proofs.planted import restated

mu, L, g = Q(-1), Q(2), [Q(1), Q(1)]


def hessian(n, sigma):
    """For any multiple of n."""
    T = [[sigma * (2 * n[i] * n[j] / dot(n, n) - (i == j)) for j in range(2)] for i in range(2)]
    return [[(L - mu) / 2 * T[i][j] + (L + mu) / 2 * (i == j) for j in range(2)] for i in range(2)]


def test_it_is_proved_from_nothing(proved):
    proved("two-point-attained")


@pytest.mark.parametrize("n", [[Q(1), Q(1)], [Q(7), Q(1)], [Q(-1), Q(0)]])
@pytest.mark.parametrize("sigma", [1, -1])
def test_the_curvature_is_in_its_range(n, sigma):
    assert within(hessian(n, sigma), mu, L)


ON_ONE_SIDE = [
    ([Q(3), Q(0)], [Q(3), Q(8)], 1),
    ([Q(3), Q(8)], [Q(3), Q(0)], -1),
    ([Q(8), Q(-6)], [Q(0), Q(10)], 1),
]


@pytest.mark.parametrize(("x1", "x2", "sigma"), ON_ONE_SIDE)
def test_there_is_such_a_vector_and_it_attains_the_bound(x1, x2, sigma):
    m, q = minus(x2, x1), minus(x2, times(-1, x1))
    lengths, squares = root(dot(m, m) * dot(q, q)), dot(x2, x2) - dot(x1, x1)
    n = minus(times(lengths, m), times(-sigma * dot(m, m), q))  # ‖m‖ times ‖q‖ m + σ‖m‖ q
    assert 2 * dot(n, m) * dot(n, q) / dot(n, n) == squares + sigma * lengths
    f = quadratic(g, hessian(n, sigma))
    bend = (L + mu) / 4 * squares + (L - mu) / 4 * lengths
    for s in (Q(1), Q(-1, 3)):
        assert f(times(s, x2)) - f(times(s, x1)) == s * dot(g, m) + s**2 * bend


def test_with_the_other_sign_of_sigma_it_attains_less():
    x1, x2, n = [Q(3), Q(0)], [Q(3), Q(8)], [Q(1), Q(3)]
    right, wrong = (quadratic(g, hessian(n, sigma)) for sigma in (1, -1))
    assert wrong(x2) - wrong(x1) < right(x2) - right(x1)


def test_a_planted_fault_one_percent_more_is_not_proved():
    def edit(part):
        conditions, goal = part.args
        return sp.Implies(conditions, sp.Eq(goal.lhs, goal.rhs * sp.Rational(101, 100)))

    attempt = prove(restated("two-point-attained", "attained", edit))
    assert not attempt.complete
    assert str(attempt.failure).startswith("attained")
