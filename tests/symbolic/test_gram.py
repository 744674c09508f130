"""Abstract vectors: bilinear inner products that agree with numbers, and the inequalities built on them."""

import random
from fractions import Fraction

import pytest
import sympy as sp

from grams_theory.core.errors import UsageError
from grams_theory.symbolic.gram import Space, dot, norm2
from grams_theory.symbolic.inequalities import cauchy_schwarz
from grams_theory.symbolic.proof import Proof, ProofFailed

a, b, c = Space("a b c").vectors()


def numbers(dim=3, seed=0):
    draw = random.Random(seed)
    return {name: [Fraction(draw.randint(-9, 9)) for _ in range(dim)] for name in "abc"}


def inner(x, y):
    return sum(p * q for p, q in zip(x, y, strict=True))


@pytest.mark.parametrize("seed", range(5))
def test_inner_products_agree_with_numbers(seed):
    values = numbers(seed=seed)
    gram = {a.space.entry(n, k): inner(values[n], values[k]) for n in "abc" for k in "abc"}
    x = [2 * p - q / 3 for p, q in zip(values["a"], values["b"], strict=True)]
    y = [r - p for p, r in zip(values["a"], values["c"], strict=True)]
    symbolic = dot(2 * a - b / 3, c - a).subs({s: sp.Rational(v) for s, v in gram.items()})
    assert symbolic == sp.Rational(inner(x, y))


def test_orthogonal_vectors_obey_pythagoras():
    x, y = Space("x y").vectors()
    squares = norm2(x) + 9 * norm2(y)
    across = norm2(x - 3 * y)
    Proof().identity("Pythagoras", across, squares, given=[sp.Eq(dot(x, y), 0)])
    with pytest.raises(ProofFailed, match="differ"):
        Proof().identity("Pythagoras", across, squares)


def test_a_gram_determinant_is_the_cauchy_schwarz_defect():
    x, y = a, b
    assert sp.expand(a.space.determinant("a", "b") - norm2(x) * norm2(y) + dot(x, y) ** 2) == 0


def test_vectors_of_two_spaces_do_not_mix():
    with pytest.raises(UsageError, match="one Space"):
        dot(a, Space("a").vectors()[0])


def test_cauchy_schwarz_is_derived_from_squares():
    p = Proof()
    fact = cauchy_schwarz(p, "Cauchy–Schwarz", a, b)
    assert fact == sp.Le(dot(a, b) ** 2, norm2(a) * norm2(b))
    assert {step.kind for step in p.steps} <= {"certificate", "implication", "instance", "identity"}


def test_the_reverse_of_cauchy_schwarz_is_refuted():
    p = Proof()
    squares = [p.square("first", norm2(b) * a - dot(a, b) * b), p.square("second", b)]
    with pytest.raises(ProofFailed, match="false"):
        p.implies("reverse", squares, sp.Ge(dot(a, b) ** 2, norm2(a) * norm2(b)))
