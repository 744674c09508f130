"""Moments of m ← β m + θ ξ against enumeration of noise sequences."""

from itertools import product

import sympy as sp

from grams_theory.symbolic.moments import discrete_moments, expect, stationary_moments
from grams_theory.symbolic.proof import reals

LAW = {-1: sp.Rational(3, 4), 3: sp.Rational(1, 4)}
beta, theta = sp.Rational(1, 2), sp.Rational(1, 3)


def test_moments_of_a_two_point_law():
    assert discrete_moments(LAW, 4) == [1, 0, 3, 6, 21]


def test_independent_factors_multiply():
    x, y = reals("x y")
    assert expect((x + y) ** 2, {x: [1, 2, 5], y: [1, 3, 10]}) == 5 + 2 * 2 * 3 + 10


def after(steps: int, power: int):
    """E[m^power] after some steps from m = 0, by enumeration."""
    total = sp.Integer(0)
    for values in product(LAW, repeat=steps):
        m, probability = sp.Integer(0), sp.Integer(1)
        for value in values:
            m, probability = beta * m + theta * value, probability * LAW[value]
        total += probability * m**power
    return total


def test_one_more_step_keeps_the_stationary_moments_and_enumeration_approaches_them():
    noise = discrete_moments(LAW, 4)
    stationary = stationary_moments(beta, theta, noise)
    m, xi = reals("m ξ")
    for power in range(5):
        assert expect((beta * m + theta * xi) ** power, {m: stationary, xi: noise}) == stationary[power]
        gaps = [abs(after(steps, power) - stationary[power]) for steps in (1, 4, 7)]
        assert gaps == sorted(gaps, reverse=True)
        assert gaps[-1] <= gaps[0] / 8
