"""A ball contains the exact rational result of every operation, wherever in its ball an operand lies."""

import math
from fractions import Fraction

import pytest
import torch
from flint import arb, ctx, fmpq
from hypothesis import given, settings
from hypothesis import strategies as st

from grams_theory.core import rounding
from grams_theory.core.algebra import dot, norm2
from grams_theory.core.rounding import Ball


def f64(values):
    return torch.tensor(values, dtype=torch.float64)


sizes = st.one_of(st.floats(1e-30, 1e30), st.floats(5e-324, 1e-140))
numbers = st.one_of(st.just(0.0), sizes, sizes.map(lambda x: -x), st.integers(-8, 8).map(float))
places = st.fractions(-1, 1, max_denominator=7)


@st.composite
def operands(draw):
    """A ball of shape (1,) and an exact number inside it."""
    mid = draw(numbers)
    rad = draw(st.sampled_from([0.0, 1e-16, 1e-3, 0.9, 2.0])) * max(
        abs(mid), draw(st.sampled_from([1e-30, 0.0]))
    )
    ball = Ball(f64([mid]), f64([rad]))
    return ball, Fraction(mid) + draw(places) * Fraction(rad)


def vectors(n):
    return st.lists(operands(), min_size=n, max_size=n).map(
        lambda pairs: (
            Ball(torch.cat([b.mid for b, _ in pairs]), torch.cat([b.rad for b, _ in pairs])),
            [x for _, x in pairs],
        )
    )


def encloses(ball: Ball, exact: Fraction | int) -> bool:
    mid, rad = ball.mid.item(), ball.rad.item()
    return not math.isfinite(rad) or abs(exact - Fraction(mid)) <= Fraction(rad)


BINARY = {
    "x + y": (lambda x, y: x + y, lambda x, y: x + y),
    "x - y": (lambda x, y: x - y, lambda x, y: x - y),
    "x * y": (lambda x, y: x * y, lambda x, y: x * y),
    "x / y": (lambda x, y: x / y, lambda x, y: x / y if y else Fraction(0)),
    "min": (Ball.minimum, min),
    "max": (Ball.maximum, max),
}
UNARY = {
    "-x": (lambda x: -x, lambda x: -x),
    "|x|": (abs, abs),
    "sign x": (Ball.sign, lambda x: (x > 0) - (x < 0)),
    "x ** 2": (lambda x: x**2, lambda x: x * x),
    "0.1 + x": (lambda x: 0.1 + x, lambda x: Fraction(0.1) + x),
    "0.1 - x": (lambda x: 0.1 - x, lambda x: Fraction(0.1) - x),
    "0.1 * x": (lambda x: 0.1 * x, lambda x: Fraction(0.1) * x),
    "0.1 / x": (lambda x: 0.1 / x, lambda x: Fraction(0.1) / x if x else Fraction(0)),
    "x / 3": (lambda x: x / 3, lambda x: x / 3),
    "tensor - x": (lambda x: f64([0.1]) - x, lambda x: Fraction(0.1) - x),
    "tensor * x": (lambda x: f64([0.1]) * x, lambda x: Fraction(0.1) * x),
    "tensor / x": (
        lambda x: f64([0.1]) / x,
        lambda x: Fraction(0.1) / x if x else Fraction(0),
    ),
    "widen": (lambda x: x.widen(1e-3), lambda x: x + Fraction(1e-3)),
}


@pytest.mark.parametrize("name", BINARY)
@given(x=operands(), y=operands())
@settings(deadline=None, max_examples=150)
def test_a_binary_operation_encloses_the_exact_result(name, x, y):
    operation, exact = BINARY[name]
    assert encloses(operation(x[0], y[0]), exact(x[1], y[1]))


@pytest.mark.parametrize("name", UNARY)
@given(x=operands())
@settings(deadline=None, max_examples=100)
def test_a_unary_operation_encloses_the_exact_result(name, x):
    operation, exact = UNARY[name]
    assert encloses(operation(x[0]), exact(x[1]))


@given(x=operands())
@settings(deadline=None, max_examples=200)
def test_a_square_root_is_enclosed(x):
    ball, exact = abs(x[0]), abs(x[1])
    root = ball.sqrt()
    low, high = (Fraction(root.mid.item()) + side * Fraction(root.rad.item()) for side in (-1, 1))
    assert (low <= 0 or low * low <= exact) and high * high >= exact


@given(x=vectors(5), y=vectors(5))
@settings(deadline=None, max_examples=50)
def test_sums_and_inner_products_are_enclosed(x, y):
    assert encloses(x[0].sum(-1), sum(x[1]))
    assert encloses(norm2(x[0]), sum(a * a for a in x[1]))
    assert encloses(dot(x[0], y[0]), sum(a * b for a, b in zip(x[1], y[1], strict=True)))


@given(x=vectors(4), entries=st.lists(numbers, min_size=12, max_size=12))
@settings(deadline=None, max_examples=50)
def test_products_with_an_exact_matrix_are_enclosed(x, entries):
    product = x[0] @ f64(entries).reshape(4, 3)
    for column in range(3):
        assert encloses(
            product[column], sum(a * Fraction(entries[3 * i + column]) for i, a in enumerate(x[1]))
        )


@pytest.mark.parametrize("terms", [100, 2000])
def test_long_sums_are_enclosed(terms):
    x = torch.randn(terms, dtype=torch.float64, generator=torch.Generator().manual_seed(terms))
    assert encloses(Ball.exact(x).sum(-1), sum(map(Fraction, x.tolist())))
    product = Ball.exact(x.unsqueeze(0)) @ x.unsqueeze(1)
    assert encloses(product[0, 0], sum(Fraction(a) ** 2 for a in x.tolist()))


def test_a_radius_that_forgets_roundings_is_caught(monkeypatch):
    monkeypatch.setattr(rounding, "UNIT", 2.0**-56)
    x = torch.rand(200, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    products = Ball.exact(x) * x
    assert not all(encloses(products[i], Fraction(a) ** 2) for i, a in enumerate(x.tolist()))


UNDERFLOWING = {
    "product": lambda x, y: x * y,
    "quotient": lambda x, y: x / (1 / y),
    "matrix product": lambda x, y: x @ y.mid.reshape(1, 1),
    "function": lambda x, y: x.map(lambda t: t * y.mid),
}


@pytest.mark.parametrize("name", UNDERFLOWING)
def test_what_underflows_is_not_taken_for_zero(name):
    x, y = Ball.exact(f64([3e-200])), Ball.exact(f64([7e-200]))
    result = UNDERFLOWING[name](x, y)
    assert result.mid.item() == 0.0
    assert encloses(result, Fraction(3e-200) * Fraction(7e-200))


def test_exact_zeros_stay_exact():
    zero, two = Ball.exact(f64([0.0])), Ball.exact(f64([2.0]))
    matrix = f64([[1.0, 0.0], [0.0, 1.0]])
    for result in (
        zero * two,
        two * 0.0,
        zero / two,
        zero.map(torch.sin),
        Ball.exact(f64([0.0, 2.0])) @ matrix,
    ):
        assert (result.mid[0].item(), result.rad[0].item()) == (0.0, 0.0)


def test_a_radius_that_forgets_underflow_is_caught(monkeypatch):
    monkeypatch.setattr(rounding, "FLOOR", 0.0)
    product = Ball.exact(f64([3e-200])) * Ball.exact(f64([7e-200]))
    assert not encloses(product, Fraction(3e-200) * Fraction(7e-200))


def test_a_division_by_a_ball_that_contains_zero_has_no_bound():
    wide = Ball(torch.ones(1).double(), 2 * torch.ones(1).double())
    assert (1 / wide).rad.item() == math.inf
    assert not (1 / wide).surely_negative().item()
    assert not (1 / wide).surely_nonnegative().item()


def test_the_lipschitz_constant_carries_the_radius_through_a_function():
    wide = Ball(f64([0.0]), f64([0.5]))
    assert encloses(wide.map(torch.sin), Fraction(math.sin(0.5)))
    assert not encloses(wide.map(torch.sin, lipschitz=0.9), Fraction(math.sin(0.5)))


def test_sides_of_zero_are_sure_only_outside_the_radius():
    ball = Ball(f64([-1.0, -1.0, 1.0, 0.0]), f64([0.5, 2.0, 0.5, 0.0]))
    assert ball.surely_negative().tolist() == [True, False, False, False]
    assert ball.surely_nonnegative().tolist() == [False, False, True, True]


def test_where_is_exact_off_the_mask():
    ball = Ball(torch.ones(2).double(), torch.ones(2).double()).where(torch.tensor([True, False]))
    assert (ball.mid.tolist(), ball.rad.tolist()) == ([1.0, 0.0], [1.0, 0.0])


def test_the_worst_entry_has_the_smallest_midpoint_and_nan_counts_as_worst():
    ball = Ball(f64([[2.0, math.nan], [1.0, -5.0]]), f64([[0.1, 0.2], [0.3, 0.4]]))
    worst = ball.worst(0)
    assert worst.mid[0].item() == 1.0
    assert worst.rad[0].item() == 0.3
    assert worst.mid[1].isnan()


def test_the_worst_entry_encloses_a_smallest_one_with_another_midpoint():
    worst = Ball(f64([[0.0], [-0.1], [5.0]]), f64([[0.5], [0.05], [1.0]])).worst(0)
    assert not worst.surely_nonnegative().item()
    assert not worst.surely_negative().item()
    assert encloses(worst, Fraction(-1, 2))
    assert worst.rad.item() < 1.0


def test_only_squares_are_powers():
    with pytest.raises(ValueError, match="only squares"):
        _ = Ball.exact(torch.ones(1)) ** 3


@given(x=operands())
@settings(deadline=None, max_examples=200)
def test_exponentials_and_logarithms_are_enclosed(x):
    ball, place = x
    if abs(place) < 600:
        assert holds(ball.exp(), lambda t: t.exp(), place)
        assert holds((abs(ball) + 1).log(), lambda t: (abs(t) + 1).log(), place)


def holds(ball, function, place):
    """Whether the value of the function, in 300 bits, is in the ball."""
    with ctx.workprec(300):
        exact = function(arb(fmpq(place.numerator, place.denominator)))
        mid, rad = arb(ball.mid.item()), ball.rad.item()
        return not math.isfinite(rad) or bool(abs(exact - mid) <= arb(rad))


def test_the_logarithm_of_what_may_be_zero_is_unbounded():
    assert Ball(f64([1.0]), f64([1.0])).log().rad.item() == math.inf
    assert Ball(f64([1.0]), f64([2.0])).log().rad.item() == math.inf


@given(x=vectors(3), y=vectors(6))
@settings(deadline=None, max_examples=100)
def test_products_with_a_matrix_of_balls_are_enclosed(x, y):
    matrix = Ball(y[0].mid.reshape(3, 2), y[0].rad.reshape(3, 2))
    product = x[0] @ matrix
    for column in range(2):
        assert encloses(product[column], sum(a * y[1][2 * i + column] for i, a in enumerate(x[1])))


def test_an_exact_zero_stays_one_in_a_product_of_balls():
    zero = torch.zeros(2, 2, dtype=torch.float64)
    assert torch.equal((Ball.exact(zero) @ Ball.exact(zero + 1)).rad, zero)
    assert torch.equal((Ball.exact(zero + 1) @ Ball.exact(zero)).rad, zero)


def test_sums_of_more_terms_than_the_fixed_inflation_covers_are_enclosed():
    """All roundings go one way: 1 + 2^-53 is 1, and the radius of a sum in order has to grow with the terms."""
    terms = 20_000
    x = f64([1.0] + [2.0**-53] * terms)
    worst = Ball(f64([1.0]), Ball.exact(x).sum(-1).rad.unsqueeze(0))
    assert encloses(worst, 1 + terms * Fraction(2.0**-53))
