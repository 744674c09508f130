"""The translation for the solvers: every function means what it means, to each of them, and nothing inexact passes."""

import pytest
import sympy as sp

from grams_theory.symbolic.proof import reals
from grams_theory.symbolic.solvers import SOLVERS
from grams_theory.symbolic.translate import UnsupportedFormula, question

x, y, z = reals("x y z")
third = sp.Rational(1, 3)

TRUE = {
    "absolute value": ([], sp.Ge(abs(x * y), x * y)),
    "sign": ([], sp.Eq(sp.sign(x) * abs(x), x)),
    "sign of 0": ([sp.Eq(x, 0)], sp.Eq(sp.sign(x), 0)),
    "maximum": ([], sp.Ge(sp.Max(x, y, z), (x + y + z) / 3)),
    "minimum": ([], sp.Le(sp.Min(x, y) + sp.Max(x, y), x + y)),
    "piecewise": ([], sp.Ge(sp.Piecewise((x, x * y >= 0), (0, True)) * y, 0)),
    "piecewise takes the first branch": ([x > 2], sp.Eq(sp.Piecewise((1, x > 1), (2, x > 2), (3, True)), 1)),
    "square root": ([x >= 0, y >= 0], sp.Ge((x + y) / 2, sp.sqrt(x) * sp.sqrt(y))),
    "cube root": ([x >= 0], sp.Eq(sp.cbrt(x) ** 3, x, evaluate=False)),
    "power 3/2": ([x >= 1], sp.Ge(x ** sp.Rational(3, 2), x)),
    "power -1/2": ([x >= 4], sp.Le(x ** sp.Rational(-1, 2), sp.Rational(1, 2))),
    "negative power": ([x >= 2], sp.Le(x**-2, sp.Rational(1, 4))),
    "quotient": ([x > 0, y > 0], sp.Ge(x / y + y / x, 2)),
    "rational numbers": ([sp.Eq(3 * x, -1)], sp.Eq(x, -third)),
    "disjunction": ([sp.Or(x > 1, x < -1)], sp.Gt(x**2, 1)),
    "negation": ([sp.Not(sp.And(x > y, x > z))], sp.Or(x <= y, x <= z)),
    "implication": ([sp.Implies(x > 0, y > 0), x > 0], sp.Gt(y, 0)),
    "equivalence, one way": ([sp.Equivalent(x > 0, y > 0), x > 0], sp.Gt(y, 0)),
    "equivalence, the other way": ([sp.Equivalent(x > 0, y > 0), y > 0], sp.Gt(x, 0)),
    "not equal": ([sp.Ne(x, 0)], sp.Gt(x**2, 0)),
    "a false hypothesis": ([sp.false], sp.Gt(x, 0)),
}
FALSE = {
    "absolute value": ([], sp.Eq(abs(x), x)),
    "sign": ([], sp.Ne(sp.sign(x), 0)),
    "sign is bounded by 1": ([], sp.Le(sp.sign(x) * x, sp.sign(x))),
    "maximum": ([], sp.Le(sp.Max(x, y), x)),
    "minimum": ([], sp.Ge(sp.Min(x, y), x)),
    "piecewise": ([], sp.Eq(sp.Piecewise((x, x * y >= 0), (0, True)), x)),
    "square root": ([x >= 0], sp.Le(sp.sqrt(x), x)),
    "cube root": ([x >= 0], sp.Le(sp.cbrt(x), x)),
    "quotient": ([x > 0], sp.Ge(1 / x, x)),
    "disjunction": ([sp.Or(x > 1, y > 1)], sp.Gt(x, 1)),
    "implication": ([sp.Implies(x > 0, y > 0)], sp.Gt(y, 0)),
    "implication, backwards": ([sp.Implies(x > 0, y > 0), y > 0], sp.Gt(x, 0)),
    "equivalence": ([sp.Equivalent(x > 0, y > 0)], sp.Gt(x, 0)),
    "negation": ([sp.Not(sp.And(x > y, x > z))], sp.Le(x, y)),
    "a true hypothesis": ([sp.true], sp.Gt(x, 0)),
    "a false conclusion": ([], sp.false),
}
ANYTHING = {
    "1/0 is not 0": sp.Eq(1 / y, 0, evaluate=False),
    "1/0 is not 5": sp.Eq(1 / y, 5),
    "1/0 has no sign": sp.Ge(1 / y, 0),
    "1/0 is no opposite": sp.Le(1 / y, 0),
    "the root of -1 is not 0": sp.Eq(sp.sqrt(x), 0),
    "the root of -1 has no sign": sp.Ge(sp.sqrt(x), 0),
    "the cube root of -1 is not -1": sp.Eq(sp.cbrt(x), -1),
}


@pytest.fixture(params=SOLVERS)
def refuted(request):
    """How one solver answers: is there a counterexample?"""
    return lambda given, goal: SOLVERS[request.param](question(given, refute=goal), 20.0).verdict


@pytest.mark.parametrize("name", TRUE)
def test_no_solver_refutes_a_true_implication(name, refuted):
    assert refuted(*TRUE[name]) == "unsat"


@pytest.mark.parametrize("name", FALSE)
def test_every_solver_refutes_a_false_implication(name, refuted):
    assert refuted(*FALSE[name]) == "sat"


@pytest.mark.parametrize("name", ANYTHING)
def test_no_value_of_one_over_zero_or_of_the_root_of_a_negative_may_be_used(name, refuted):
    assert refuted([sp.Eq(y, 0), sp.Eq(x, -1)], ANYTHING[name]) == "sat"


@pytest.mark.parametrize("assumption", ["positive", "negative", "nonnegative", "nonpositive", "nonzero"])
def test_the_assumptions_of_a_symbol_are_hypotheses(assumption, refuted):
    fact = {
        "positive": sp.Gt(x, 0),
        "negative": sp.Lt(x, 0),
        "nonnegative": sp.Ge(x, 0),
        "nonpositive": sp.Le(x, 0),
        "nonzero": sp.Ne(x, 0),
    }[assumption]
    symbol = sp.Symbol("x", real=True, **{assumption: True})
    goal = sp.Or(sp.Ne(y, 0), fact.func(symbol, y, evaluate=False))
    assert refuted([], goal) == "unsat"
    assert refuted([], goal.subs(symbol, x)) == "sat"


@pytest.mark.parametrize(
    "name", ["|g|", "E|x|", "⟨x1,x2⟩", "a b", 'say "x"', "c\\d", "x0", "root1", "(", "true"]
)
def test_a_symbol_may_have_any_name(name, refuted):
    symbol = sp.Symbol(name, real=True)
    assert refuted([symbol > 1, x < 1], sp.sqrt(symbol) > x) == "unsat"
    assert refuted([x < 1], sp.sqrt(symbol) > x) == "sat"


@pytest.mark.parametrize(
    "goal",
    [
        sp.Ge(0.5 * x, 0),
        sp.Ge(sp.exp(x), x),
        sp.Ge(x**y, 0),
        sp.Ge(sp.I * x, 0, evaluate=False),
        sp.Ge(sp.Symbol("c"), 0),
        sp.Ge(sp.Symbol("n", integer=True), 0),
        sp.Ge(sp.Piecewise((x, x > 0)), 0),
    ],
)
def test_what_has_no_exact_translation_is_refused(goal):
    with pytest.raises(UnsupportedFormula):
        question([], refute=goal)


def test_symbols_of_one_name_and_two_kinds_are_refused():
    with pytest.raises(UnsupportedFormula, match="share a name"):
        question([sp.Symbol("x", positive=True) > 1], x > 0)


def test_a_deep_expression_stays_short():
    nested = x
    for _ in range(20):
        nested = sp.Abs(nested + y, evaluate=False)
    assert len(question([nested > 0]).script) < 20 * 100
