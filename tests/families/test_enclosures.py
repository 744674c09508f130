"""The balls that a family returns contain f, its gradient, its change and f* in 50-digit arithmetic."""

import pytest

from grams_theory import families
from grams_theory.core.random import generator
from grams_theory.core.rounding import Ball

FAMILIES = families.all_families()
WITH_F_STAR = [f for f in FAMILIES if {"real-data", "pl"} <= f.traits and min(f.dims) < 5]
ROWS = 2
SMALL = [f for f in FAMILIES if min(f.dims) <= 10]
"""All but the families on digits, which are the classes of the other real data with more numbers."""
every_family = pytest.mark.parametrize("family", SMALL, ids=lambda family: family.name)


@every_family
@pytest.mark.parametrize("radius", [1e-6, 1.0, 30.0])
def test_value_and_gradient_are_enclosed(family, radius, exact):
    dim = min(family.dims)
    f = family(generator(0), 4, dim)
    w = f.start(generator(1), radius)
    value, gradient = f.value(Ball.exact(w)), f.gradient(Ball.exact(w))
    for row in range(ROWS):
        true_value, true_gradient = exact.evaluate(f, row, exact.numbers(w[row]))
        assert exact.encloses(value[row], true_value)
        assert all(exact.encloses(gradient[row, i], true_gradient[i]) for i in range(dim))


@every_family
def test_a_radius_a_thousand_times_smaller_would_not_enclose(family, exact):
    """The bounds are not so loose that they say nothing."""
    dim = min(family.dims)
    f = family(generator(0), 4, dim, **{name: values[-1] for name, values in family.options.items()})
    missed = 0
    for seed in range(3):
        w = f.start(generator(seed), 3.0)
        value, gradient = f.value(Ball.exact(w)), f.gradient(Ball.exact(w))
        for row in range(ROWS):
            true_value, true_gradient = exact.evaluate(f, row, exact.numbers(w[row]))
            missed += not exact.encloses(Ball(value.mid[row], value.rad[row] / 1000), true_value)
            missed += not exact.encloses(
                Ball(gradient.mid[row, 0], gradient.rad[row, 0] / 1000), true_gradient[0]
            )
    assert missed or family.name == "two_point_noise"


@every_family
@pytest.mark.parametrize("size", [1e-8, 1.0])
def test_the_change_is_enclosed_for_every_displacement_in_its_ball(family, size, exact):
    dim = min(family.dims)
    f = family(generator(0), 4, dim)
    w, d = f.start(generator(1)), size * f.start(generator(2))
    slack = d.abs() * 1e-9
    change = f.change(w, Ball(d, slack))
    for row in range(ROWS):
        start = exact.numbers(w[row])
        before = exact.evaluate(f, row, start)[0]
        for side in (-1, 1):
            moved = [
                a + b + side * s
                for a, b, s in zip(start, *map(exact.numbers, (d[row], slack[row])), strict=True)
            ]
            assert exact.encloses(change[row], exact.evaluate(f, row, moved)[0] - before)


@pytest.mark.parametrize("family", WITH_F_STAR, ids=lambda family: family.name)
def test_the_minimum_of_real_data_is_enclosed(family, exact):
    """Two steps of Newton's method in 50 digits, with secant Hessians, leave f − f* below 1e-30."""
    f = family(generator(0), 2, 2)
    assert f.pl is not None
    assert f.minimum is not None
    mp = exact.mp
    w, h = mp.matrix([0, 0]), mp.mpf(10) ** -20
    for _ in range(12):
        value, gradient = exact.evaluate(f, 0, list(w))
        columns = [exact.evaluate(f, 0, [x + h * (i == j) for i, x in enumerate(w)])[1] for j in range(2)]
        hessian = mp.matrix([[(columns[j][i] - gradient[i]) / h for j in range(2)] for i in range(2)])
        if mp.norm(mp.matrix(gradient)) < mp.mpf(10) ** -20:
            break
        w = w - mp.lu_solve(hessian, mp.matrix(gradient))
    squared = sum(x * x for x in gradient)
    assert squared / (2 * f.pl[0].item()) < mp.mpf(10) ** -30
    assert exact.encloses(f.minimum[0], value)
    assert f.minimum.rad[0].item() < 1e-12
    assert not exact.encloses(Ball(f.minimum.mid[0] + 3 * f.minimum.rad[0], f.minimum.rad[0]), value)
