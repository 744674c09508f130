"""The scalar functions: accuracy, Lipschitz and curvature bounds, and the PL constant of x² + 3 sin²x."""

from fractions import Fraction

import pytest
import sympy
import torch
from flint import arb, ctx

from grams_theory.core.random import generator
from grams_theory.core.rounding import Ball
from grams_theory.families import _links

LINKS = {name: link for name, link in vars(_links).items() if isinstance(link, _links.Link)}
every_link = pytest.mark.parametrize("link", LINKS.values(), ids=LINKS.keys())


def arguments(count=300):
    """Both signs, magnitudes 1e-8 to 300, and the seams of piecewise formulas."""
    gen = generator(0, "links")
    x = 10 ** (10.5 * torch.rand(count, generator=gen, dtype=torch.float64) - 8)
    seams = torch.tensor([0.0, 1.0, 1.0 + 2.0**-50, 18.0, 37.0], dtype=torch.float64)
    return torch.cat([x, -x, seams, -seams])


@every_link
def test_value_and_slope_enclose_the_truth(link, exact):
    x = arguments()
    value, slope = link.value(Ball.exact(x)), link.slope(Ball.exact(x))
    for i, point in enumerate(exact.numbers(x)):
        phi, dphi = exact.LINKS[link]
        assert exact.encloses(value[i], phi(point))
        assert exact.encloses(slope[i], dphi(point))


@every_link
def test_wide_balls_enclose_the_values_at_their_ends(link, exact):
    x = arguments(40)
    rad = x.abs() * 0.25 + 1e-3
    value, slope = link.value(Ball(x, rad)), link.slope(Ball(x, rad))
    for i, (point, size) in enumerate(zip(exact.numbers(x), exact.numbers(rad), strict=True)):
        phi, dphi = exact.LINKS[link]
        for end in (point - size, point + size):
            assert exact.encloses(value[i], phi(end))
            assert exact.encloses(slope[i], dphi(end))


@pytest.mark.parametrize("name", ["sin", "cos", "tanh"])
def test_a_claim_of_a_quarter_rounding_is_caught(name, exact):
    x, true = arguments(), getattr(exact.mp, name)
    proud = _links.elementwise(getattr(torch, name), 1.0, roundings=0.25)(Ball.exact(x))
    assert not all(exact.encloses(proud[i], true(point)) for i, point in enumerate(exact.numbers(x)))


X = sympy.Symbol("x", real=True)
FORMULAS = {
    "LOG_COSH": sympy.log(sympy.cosh(X)),
    "SOFTPLUS": sympy.log(1 + sympy.exp(X)),
    "PSEUDO_HUBER": sympy.sqrt(1 + X**2) - 1,
    "SQUARE": X**2 / 2,
    "COSINE": sympy.cos(X),
    "SQUARE_PLUS_SINE": X**2 + 3 * sympy.sin(X) ** 2,
}
SLACKS = {
    "LOG_COSH": (sympy.tanh(X) ** 2, 2 - sympy.tanh(X) ** 2),
    "SOFTPLUS": (sympy.tanh(X / 2) ** 2 / 4, (2 - sympy.tanh(X / 2) ** 2) / 4),
    "PSEUDO_HUBER": (1 - (1 + X**2) ** sympy.Rational(-3, 2), 1 + (1 + X**2) ** sympy.Rational(-3, 2)),
    "SQUARE": (sympy.Integer(0), sympy.Integer(2)),
    "COSINE": (1 + sympy.cos(X), 1 - sympy.cos(X)),
    "SQUARE_PLUS_SINE": (12 * sympy.sin(X) ** 2, 4 + 12 * sympy.cos(X) ** 2),
}
"""curvature − φ″ and curvature + φ″ in a form that is plainly >= 0."""


@pytest.mark.parametrize("name", LINKS)
def test_the_curvature_bound_is_an_identity_with_squares(name):
    second = sympy.diff(FORMULAS[name], X, 2)
    curvature = sympy.Rational(LINKS[name].curvature)
    for sign, slack in zip((-1, 1), SLACKS[name], strict=True):
        difference = (curvature + sign * second - slack).rewrite(sympy.exp)
        assert sympy.simplify(difference) == 0


def half_slope_squared_over(mu):
    """φ′²/2 − mu φ of φ = x² + 3 sin²x on balls."""

    def margin(x: arb) -> arb:
        return (2 * x + 3 * (2 * x).sin()) ** 2 / 2 - mu * (x * x + 3 * x.sin() ** 2)

    return margin


def surely_positive_on(margin, low: Fraction, high: Fraction, pieces=20_000) -> bool:
    """Whether adaptive subdivision shows margin > 0 on [low, high]; False once a piece is surely negative."""
    todo = [(low, high)]
    for _ in range(pieces):
        if not todo:
            return True
        a, b = todo.pop()
        middle, radius = (a + b) / 2, (b - a) / 2
        here = arb(middle.numerator) / middle.denominator
        if margin(here) < 0:
            return False
        width = arb(0, 1) * (arb(radius.numerator) / radius.denominator)
        if not margin(here + width) > 0:
            todo += [(a, middle), (middle, b)]
    raise RuntimeError("too many pieces: the constant is too close to the infimum")


def certifies_pl(mu: Fraction) -> bool:
    """φ′²/2 >= mu φ on R, for mu <= 1/2; both sides are even.

    On [0, π/2] sin 2x >= 0, so φ′ >= 2x and φ <= 4x² give φ′²/2 >= φ/2. On [3/2, 8] by subdivision. For x >= 8,
    φ′ >= 2x − 3 and φ <= x² + 3 leave (2 − mu) x² − 6x + 9/2 − 3 mu, positive and increasing there.
    """
    assert mu <= Fraction(1, 2)
    polynomial = (2 - mu) * 64 - 48 + Fraction(9, 2) - 3 * mu
    slope = 2 * (2 - mu) * 8 - 6
    exact_mu = arb(mu.numerator) / mu.denominator
    inside = surely_positive_on(half_slope_squared_over(exact_mu), Fraction(3, 2), Fraction(8))
    return inside and polynomial > 0 and slope > 0


def test_the_pl_constant_of_the_square_plus_sine_is_certified():
    ctx.prec = 80
    pl = _links.SQUARE_PLUS_SINE.pl
    assert pl is not None
    assert certifies_pl(Fraction(pl))


def test_the_pl_constant_in_the_literature_holds_and_is_not_sharp():
    assert certifies_pl(Fraction(1, 32))


def test_a_pl_constant_one_percent_larger_is_refuted():
    pl = _links.SQUARE_PLUS_SINE.pl
    assert pl is not None
    assert not certifies_pl(Fraction(pl) * Fraction(101, 100))
