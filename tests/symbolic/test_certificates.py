"""Certificates of nonnegativity: an exact one is accepted, a wrong one is not."""

import pytest
import sympy as sp

from grams_theory.symbolic.certificates import monomials, positivstellensatz, symmetric
from grams_theory.symbolic.proof import Proof, ProofFailed, reals

x, y = reals("x y")


def test_monomials_come_by_degree():
    assert monomials((x, y), 6).flat() == [1, x, y, x**2, x * y, y**2]


def test_a_triangle_is_mirrored():
    assert symmetric("1 1/2\n0.25") == sp.Matrix(
        [[1, sp.Rational(1, 2)], [sp.Rational(1, 2), sp.Rational(1, 4)]]
    )


def test_a_polynomial_that_is_positive_on_an_interval_only():
    poly = 4 - 2 * x**2 + x
    terms = [(sp.Integer(1), "1 1/2\n1"), (1 - x**2, "3")]
    proof = Proof()
    assert positivstellensatz(proof, "p", sp.expand(poly), (x,), terms) == sp.Ge(
        sp.expand(poly), 0, evaluate=False
    )
    assert [step.kind for step in proof.steps] == ["certificate"]
    assert proof.steps[0].statement.startswith("1 - x² ≥ 0 ⇒ ")


def test_a_matrix_that_is_not_positive_definite_is_refused():
    with pytest.raises(ProofFailed, match="Q0"):
        positivstellensatz(Proof(), "p", 1 - 4 * x + x**2, (x,), [(sp.Integer(1), "1 -2\n1")])


def test_an_expansion_that_is_off_by_a_digit_is_refused():
    with pytest.raises(ProofFailed, match=r"differ by.*x = "):
        positivstellensatz(Proof(), "p", 1 + x**2, (x,), [(sp.Integer(1), "1 0\n1.0001")])
