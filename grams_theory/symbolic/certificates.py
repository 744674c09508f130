"""Certificates of nonnegativity: hard to find, easy to check."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations_with_replacement
from typing import TYPE_CHECKING

import sympy as sp

from grams_theory.symbolic.gram import Expr

if TYPE_CHECKING:
    from grams_theory.symbolic.facts import Formula
    from grams_theory.symbolic.proof import Proof


def symmetric(triangle: str) -> sp.Matrix:
    """The symmetric matrix with that upper triangle: one row per line, entries "p/q" or decimal."""
    rows = [[sp.Rational(entry) for entry in line.split()] for line in triangle.strip().splitlines()]
    return sp.Matrix(len(rows), len(rows), lambda i, j: rows[min(i, j)][abs(i - j)])


def monomials(variables: Sequence[sp.Symbol], size: int) -> sp.Matrix:
    """The first `size` monomials by degree, as a column: 1, x, y, x², x y, y², ..."""
    by_degree = (
        sp.Mul(*chosen) for d in range(size) for chosen in combinations_with_replacement(variables, d)
    )
    return sp.Matrix([monomial for monomial, _ in zip(by_degree, range(size), strict=False)])


def positivstellensatz(
    p: Proof, name: str, poly: Expr, variables: Sequence[sp.Symbol], terms: Iterable[tuple[Expr, str]]
) -> Formula:
    """poly ≥ 0 wherever every multiplier is: poly = Σ_k multiplier_k · zᵀ Q_k z with positive definite Q_k.

    `terms` holds each multiplier with the upper triangle of its Q, over the monomials z of `variables`.
    """
    matrices = [(multiplier, symmetric(triangle)) for multiplier, triangle in terms]
    return p.sum_of_squares(name, poly, [(m, Q, monomials(variables, Q.rows)) for m, Q in matrices])
