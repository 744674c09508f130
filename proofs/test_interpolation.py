"""Values and gradients of f at two points.

    curvature of f in [μ, L], d = x − y  ⇒
    f(x) − f(y) − ⟨∇f(y), d⟩ ≥ (μ/2)‖d‖² + ⟨∇f(x) − ∇f(y) − μd, t⟩ − ((L−μ)/2)‖t‖² for every t

Classical; it stands behind two-point-curvature. True, and at the best t, (∇f(x) − ∇f(y) − μd)/(L−μ), a function whose
curvature is μ up to some point and L from there on attains it.
"""

from fractions import Fraction as Q

import pytest
import sympy as sp

from grams_theory.symbolic.proof import prove
from proofs.planted import restated

mu, L = Q(-1), Q(3)


def f(x):
    """Curvature μ for x < 0, L for x > 0."""
    return (mu if x < 0 else L) * x**2 / 2


def slope(x):
    return (mu if x < 0 else L) * x


def slack(x, y, t):
    d = x - y
    bound = mu / 2 * d**2 + (slope(x) - slope(y) - mu * d) * t - (L - mu) / 2 * t**2
    return f(x) - f(y) - slope(y) * d - bound


def best(x, y):
    return (slope(x) - slope(y) - mu * (x - y)) / (L - mu)


def test_it_is_proved_from_the_bounds_on_the_curvature(proved):
    proved("interpolation")


@pytest.mark.parametrize(("x", "y"), [(Q(2), Q(-1)), (Q(1), Q(-5))])
def test_a_parabola_that_bends_once_attains_it(x, y):
    assert slack(x, y, best(x, y)) == 0 < slack(x, y, best(x, y) + 1)


def test_with_one_percent_less_than_its_curvature_it_is_false():
    x, y = Q(-2), Q(-1)  # where f has curvature μ, more than 1.01 μ, and 0.99 μ is too much
    steeper = Q(99, 100) * mu
    assert f(x) - f(y) - slope(y) * (x - y) < steeper / 2 * (x - y) ** 2


def test_a_planted_fault_twice_the_gain_is_not_proved():
    def edit(goal):
        return sp.Ge(goal.lhs, 2 * goal.rhs)

    attempt = prove(restated("interpolation", "interpolation", edit))
    assert not attempt.complete
    assert "the implication is false" in str(attempt.failure)
