"""The symbolic update rules take the values of the definitions."""

import itertools

import pytest
import sympy as sp

from grams_theory.symbolic.rules import aligned, cautious, grams, misaligned

VALUES = [sp.Rational(k, 2) for k in (-3, 0, 4)]


@pytest.mark.parametrize(("u", "g"), list(itertools.product(VALUES, VALUES)))
def test_rules_agree_with_their_definitions(u, g):
    sign = bool(g > 0) - bool(g < 0)
    assert grams(u, g) == sign * abs(u)
    assert cautious(u, g) == (u if u * g >= 0 else 0)
    assert aligned(u, g, 1) + misaligned(u, g, 1) == 1
