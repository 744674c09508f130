"""The formulas that are proved are the formulas that are fuzzed."""

import pytest
import sympy as sp
import torch

from grams_theory.core.rounding import Ball
from grams_theory.engine.exact import Exact, precision, rational
from grams_theory.symbolic.proof import reals
from grams_theory.symbolic.reading import evaluate, margin, sides

x, y, gd = reals("x y ⟨g,d⟩")
VALUES = {"x": [2.0, -1.0], "y": [0.5, 4.0]}
VECTORS = {"g": [[1.0, 2.0], [3.0, -1.0]], "d": [[1.0, 1.0], [0.5, 2.0]]}


def balls():
    return {name: Ball.exact(torch.tensor(value)) for name, value in {**VALUES, **VECTORS}.items()}


def exacts():
    def exact(value):
        return [exact(entry) for entry in value] if isinstance(value, list) else rational(value)

    return {name: Exact(exact(value)) for name, value in {**VALUES, **VECTORS}.items()}


EXPRESSIONS = {
    "polynomial": (x**2 * y - 3 * x + sp.Rational(1, 4), lambda a, b: a * a * b - 3 * a + 0.25),
    "thirds": (2 * x / 3, lambda a, b: 2 * a / 3),
    "quotient": (x / (y + 1), lambda a, b: a / (b + 1)),
    "root": (sp.sqrt(y), lambda a, b: b**0.5),
    "three halves": (sp.sqrt(y) ** 3, lambda a, b: b**1.5),
    "reciprocal root": (x / sp.sqrt(y), lambda a, b: a / b**0.5),
    "absolute value": (abs(x) - y, lambda a, b: abs(a) - b),
    "maximum": (sp.Max(x, y, 1), lambda a, b: max(a, b, 1)),
    "minimum": (sp.Min(x, y), min),
}


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_an_expression_has_the_same_value_on_tensors_and_exactly(name):
    expression, expected = EXPRESSIONS[name]
    truth = [expected(a, b) for a, b in zip(*VALUES.values(), strict=True)]
    found = evaluate(expression, balls())
    with precision():
        exact = [float(value) for value in evaluate(expression, exacts()).entries]
    assert exact == pytest.approx(truth, rel=1e-15)
    assert all(abs(m - t) <= r + 1e-15 * abs(t) for m, r, t in zip(found.mid, found.rad, truth, strict=True))


def test_an_inner_product_follows_its_vectors():
    assert evaluate(gd, balls()).mid.tolist() == [3.0, -0.5]


def test_a_symbol_without_a_reading_is_an_error():
    with pytest.raises(TypeError, match="z has no reading"):
        evaluate(sp.Symbol("z", real=True), balls())


FORMULAS = {
    "x ≥ y": (sp.Ge(x, y), [1.5, -5.0]),
    "x ≤ y": (sp.Le(x, y), [-1.5, 5.0]),
    "not": (sp.Not(sp.Ge(x, y), evaluate=False), [-1.5, 5.0]),
    "and": (sp.And(sp.Ge(x, y), sp.Ge(x, 0)), [1.5, -5.0]),
    "or": (sp.Or(sp.Ge(x, y), sp.Ge(y, 1)), [1.5, 3.0]),
    "implies": (sp.Implies(sp.Ge(y, 1), sp.Ge(x, 0)), [2.0, -1.0]),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_the_margin_of_a_formula_is_its_slack(name):
    formula, slack = FORMULAS[name]
    assert margin(formula, balls()).mid.tolist() == slack


def test_the_sides_of_a_relation_agree_where_it_is_attained():
    both = sides(sp.Le(x - y, 2 * y), balls())
    assert both is not None
    smaller, larger = both
    assert smaller.mid.tolist() == [2.0, 0.0]
    assert larger.mid.tolist() == [1.5, 13.0]


def test_a_single_sign_has_no_two_sides():
    assert sides(sp.Le(x, 0), balls()) is None
