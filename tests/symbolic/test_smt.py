"""The translation to Z3: every function means what it means, and nothing inexact gets through."""

import pytest
import sympy as sp

from grams_theory.symbolic.proof import reals
from grams_theory.symbolic.smt import UnsupportedFormula, decide

x, y, z = reals("x y z")

TRUE = {
    "absolute value": ([], sp.Ge(abs(x * y), x * y)),
    "sign": ([], sp.Eq(sp.sign(x) * abs(x), x)),
    "sign of 0": ([sp.Eq(x, 0)], sp.Eq(sp.sign(x), 0)),
    "maximum": ([], sp.Ge(sp.Max(x, y, z), (x + y + z) / 3)),
    "minimum": ([], sp.Le(sp.Min(x, y) + sp.Max(x, y), x + y)),
    "piecewise": ([], sp.Ge(sp.Piecewise((x, x * y >= 0), (0, True)) * y, 0)),
    "square root": ([x >= 0, y >= 0], sp.Ge((x + y) / 2, sp.sqrt(x) * sp.sqrt(y))),
    "power 3/2": ([x >= 1], sp.Ge(x ** sp.Rational(3, 2), x)),
    "negative power": ([x >= 2], sp.Le(x**-2, sp.Rational(1, 4))),
    "quotient": ([x > 0, y > 0], sp.Ge(x / y + y / x, 2)),
    "disjunction": ([sp.Or(x > 1, x < -1)], sp.Gt(x**2, 1)),
    "negation": ([sp.Not(x > y)], sp.Le(x, y)),
    "equivalence": ([sp.Equivalent(x > 0, y > 0), x > 0], sp.Gt(y, 0)),
}
FALSE = {
    "absolute value": ([], sp.Eq(abs(x), x)),
    "sign": ([], sp.Ne(sp.sign(x), 0)),
    "maximum": ([], sp.Le(sp.Max(x, y), x)),
    "minimum": ([], sp.Ge(sp.Min(x, y), x)),
    "piecewise": ([], sp.Eq(sp.Piecewise((x, x * y >= 0), (0, True)), x)),
    "square root": ([x >= 0], sp.Le(sp.sqrt(x), x)),
    "quotient": ([x > 0], sp.Ge(1 / x, x)),
}


@pytest.mark.parametrize("name", TRUE)
def test_a_true_implication_holds(name):
    assert decide(*TRUE[name]).outcome == "holds"


@pytest.mark.parametrize("name", FALSE)
def test_a_false_implication_fails_with_a_countermodel(name):
    answer = decide(*FALSE[name])
    assert (answer.outcome, "=" in answer.countermodel) == ("fails", True)


@pytest.mark.parametrize(
    "goal", [sp.Eq(1 / y, 0), sp.Ge(1 / y, 0), sp.Eq(sp.sqrt(x), 0), sp.Ge(sp.sqrt(x), 0)]
)
def test_no_value_of_one_over_zero_or_of_the_root_of_a_negative_may_be_used(goal):
    assert decide([sp.Eq(y, 0), sp.Eq(x, -1)], goal).outcome == "fails"


def test_the_assumptions_of_a_symbol_are_hypotheses():
    positive = sp.Symbol("p", positive=True)
    assert decide([], sp.Gt(positive + x**2, 0)).outcome == "holds"
    assert decide([], sp.Gt(sp.Symbol("q", real=True) + x**2, 0)).outcome == "fails"


@pytest.mark.parametrize("goal", [sp.Ge(0.5 * x, 0), sp.Ge(sp.exp(x), x), sp.Ge(sp.Symbol("c"), 0)])
def test_floats_transcendental_functions_and_complex_symbols_are_refused(goal):
    with pytest.raises(UnsupportedFormula):
        decide([], goal)


def test_symbols_of_one_name_and_two_kinds_are_refused():
    with pytest.raises(UnsupportedFormula, match="share a name"):
        decide([sp.Symbol("x", positive=True) > 1], x > 0)


def test_contradictory_hypotheses_are_noticed():
    assert decide([x > 0, x < 0], y > 0).hypotheses == "contradictory"


def test_a_hard_question_ends_in_time_as_unknown():
    a, b, c, d, e = reals("a b c d e")
    hard = sp.Ge(a**8 + b**8 + c**8 + d**8 + e**8 + 3, 5 * a * b * c * d * e + a**5 * b**3 / 7)
    assert decide([], hard, timeout=0.05).outcome == "unknown"
