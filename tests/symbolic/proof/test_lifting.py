"""What holds in every coordinate is summed over them, and nothing else is."""

import pytest
import sympy as sp

from grams_theory.symbolic.gram import Space
from grams_theory.symbolic.proof import Proof, ProofFailed, reals
from tests.symbolic.proof.examples import S, T, U, x, y


def pointwise():
    p = Proof()
    p.implies("one coordinate", [], sp.Ge(x**2 + y**2, 2 * x * y))
    return p


def test_a_coordinate_inequality_is_lifted_by_summation():
    p = pointwise()
    S, T, U = reals("S T U")
    p.lift("sum", "one coordinate", sp.Ge(S + T, 2 * U), {S: x**2, T: y**2, U: x * y})
    assert p.steps[-1].kind == "lift"


SUMS = {S: x**2, T: y**2, U: x * y}


@pytest.mark.parametrize(
    ("conclusion", "sums", "reason"),
    [
        (sp.Ge(S + T, 3 * U), SUMS, "found"),
        (sp.Ge(S + T, 2 * U + 1), SUMS, "without a constant"),
        (sp.Ge(S * T, U**2), SUMS, "linear"),
        (sp.Le(S + T, 2 * U), SUMS, "same relation"),
        (sp.Ge(S, (2 * x - y) * T / y), {S: x**2, T: y}, "same in every coordinate"),
    ],
    ids=[
        "other coefficients",
        "a constant",
        "a product of sums",
        "the reverse",
        "a coordinate as a coefficient",
    ],
)
def test_nothing_else_is_lifted(conclusion, sums, reason):
    with pytest.raises(ProofFailed, match=reason):
        pointwise().lift("sum", "one coordinate", conclusion, sums)


def test_a_sum_of_nonnegative_terms_is_at_least_each_of_them():
    p = Proof()
    p.coordinates(a=x)
    aa = Space("a").entry("a", "a")
    p.implies("one", [], sp.Ge(x**2, 0, evaluate=False))
    assert p.summand("each", "one", aa) == sp.Le(x**2, aa)
    p.implies("half", [], sp.Ge(x**2, x - 1))
    with pytest.raises(ProofFailed, match="does not say that the summands"):
        p.summand("again", "half", aa)
    with pytest.raises(ProofFailed, match="does not say that the summands"):
        p.summand("unknown", "one", S)


def test_a_strict_inequality_is_not_lifted():
    p = Proof()
    p.implies("one coordinate", [], sp.Gt(x**2 + 1, 0, evaluate=False))
    with pytest.raises(ProofFailed, match="only"):
        p.lift("sum", "one coordinate", S > 0, {S: x**2 + 1})


def test_a_sum_keeps_its_meaning():
    p = Proof()
    p.implies("one", [], sp.Ge(abs(x) - x, 0))
    p.implies("two", [], sp.Ge(abs(x) + x, 0))
    p.lift("sum one", "one", sp.Ge(S, 0), {S: abs(x) - x})
    with pytest.raises(ProofFailed, match="another expression"):
        p.lift("sum two", "two", sp.Ge(S, 0), {S: abs(x) + x})


def test_the_hypotheses_of_a_coordinate_step_are_shown_by_its_sum():
    p = Proof()
    p.implies("one", [y > 1], sp.Ge(y * abs(x), x))
    p.lift("sum", "one", sp.Ge(S, T), {S: y * abs(x), T: x})
    assert "in every coordinate y > 1" in p.steps[-1].statement


def test_a_coefficient_cannot_hide_a_coordinate_behind_a_definition():
    p = Proof()
    p.define(y, x + 1)
    p.implies("one", [], sp.Ge(abs(y) * x**2, 0, evaluate=False))
    with pytest.raises(ProofFailed, match="same in every coordinate"):
        p.lift("sum", "one", sp.Ge(abs(y) * S, 0), {S: x**2})
