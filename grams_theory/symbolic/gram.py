"""Abstract vectors: linear combinations of named basis vectors whose inner products are symbols.

An identity between inner products that holds as polynomials in the Gram symbols ⟨x, y⟩ holds for vectors of
every R^d: inner products are bilinear and symmetric, and nothing else was used.

    space = Space("a b")
    a, b = space.vectors()
    dot(a + b, a + b)        # ⟨a,a⟩ + 2⟨a,b⟩ + ⟨b,b⟩
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import sympy as sp

from grams_theory.core.errors import UsageError

Expr = Any
"""A SymPy expression."""


@dataclass(frozen=True)
class Vector:
    """Σ coefficients[name] · name, with SymPy coefficients."""

    space: Space
    coefficients: Mapping[str, Expr]

    def __add__(self, other: Vector) -> Vector:
        names = dict.fromkeys((*self.coefficients, *other.coefficients))
        return Vector(self.space, {n: self._of(n) + other._of(n) for n in names})

    def __sub__(self, other: Vector) -> Vector:
        return self + (-1) * other

    def __neg__(self) -> Vector:
        return (-1) * self

    def __mul__(self, scalar: Expr) -> Vector:
        return Vector(self.space, {n: sp.sympify(scalar) * c for n, c in self.coefficients.items()})

    def __rmul__(self, scalar: Expr) -> Vector:
        return self * scalar

    def __truediv__(self, scalar) -> Vector:
        return self * (1 / sp.sympify(scalar))

    def _of(self, name: str) -> Expr:
        return self.coefficients.get(name, sp.Integer(0))


class Space:
    """Named vectors of an unspecified R^d. That two are orthogonal is a hypothesis of a step: ⟨x, y⟩ = 0."""

    def __init__(self, names: str | Iterable[str]) -> None:
        self.names = tuple(names.split() if isinstance(names, str) else names)

    def vectors(self) -> tuple[Vector, ...]:
        return tuple(Vector(self, {name: sp.Integer(1)}) for name in self.names)

    def entry(self, x: str, y: str) -> Expr:
        """The Gram entry ⟨x, y⟩, a real symbol."""
        first, second = sorted((x, y), key=self.names.index)
        return sp.Symbol(f"⟨{first},{second}⟩", real=True)

    def gram(self) -> sp.Matrix:
        return sp.Matrix([[self.entry(x, y) for y in self.names] for x in self.names])

    def determinant(self, *names: str) -> Expr:
        """The Gram determinant of the named vectors: a sum of squares, hence nonnegative in every R^d."""
        chosen = names or self.names
        return sp.Matrix([[self.entry(x, y) for y in chosen] for x in chosen]).det()


def dot(x: Vector, y: Vector) -> Expr:
    """⟨x, y⟩ by bilinearity."""
    if x.space is not y.space:
        raise UsageError("inner product of vectors of two spaces; make both in one Space")
    terms = (
        c * d * x.space.entry(n, k) for n, c in x.coefficients.items() for k, d in y.coefficients.items()
    )
    return sp.expand(sp.Add(*terms))


def norm2(x: Vector) -> Expr:
    """‖x‖²."""
    return dot(x, x)
