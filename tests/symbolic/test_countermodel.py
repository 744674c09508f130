"""Countermodels are checked by exact substitution, or not at all."""

import pytest
import sympy as sp

from grams_theory.symbolic.countermodel import violates
from grams_theory.symbolic.proof import reals

x, y = reals("x y")
CASES = {
    "goal violated": ([x > 0], x > 1, {"x": "1/2"}, True),
    "a hypothesis violated": ([x > 0], x > 1, {"x": "-1/2"}, False),
    "goal satisfied": ([x > 0], x > 1, {"x": "2"}, False),
    "a tie": ([], sp.Gt(x**2, sp.Rational(1, 4)), {"x": "-1/2"}, True),
    "roots are compared exactly": (
        [],
        sp.Gt(sp.sqrt(x), sp.Rational(141421356237, 10**11)),
        {"x": "2"},
        False,
    ),
    "functions": ([], sp.Eq(abs(x) * sp.sign(y), sp.Max(x, y)), {"x": "-3", "y": "-1/7"}, True),
    "an irrational point": ([], x > 2, {"x": "1.414?"}, None),
    "an algebraic point": ([], x > 2, {"x": "(_ real_algebraic_number <1*x^2 + (-2), (5/4, 3/2)>)"}, None),
    "1/0": ([], sp.Eq(1 / x, 5), {"x": "0"}, None),
    "1/0 inside": ([], sp.Eq(abs(1 / (x - y)), 5), {"x": "2", "y": "2"}, None),
    "1/0 in a hypothesis": ([sp.Gt(1 / x, 1)], sp.Gt(x, 0), {"x": "0"}, None),
    "the root of -1": ([], sp.Eq(sp.sqrt(x), 0), {"x": "-1"}, None),
    "the cube root of -1": ([], sp.Eq(sp.cbrt(x), -1), {"x": "-1"}, None),
    "a quotient": ([], sp.Gt(1 / x, 1), {"x": "2"}, True),
}


@pytest.mark.parametrize("name", CASES)
def test_a_point_violates_an_implication_or_does_not_or_it_cannot_be_said(name):
    given, goal, point, expected = CASES[name]
    assert violates(given, goal, point) is expected
