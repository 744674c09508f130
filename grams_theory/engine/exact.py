"""Exact arrays: the same margin code that runs on tensors runs on rationals.

An `Exact` wraps a NumPy object array of `flint.fmpq`; a square root turns its entries into `flint.arb` balls,
whose width follows the working precision: evaluate inside `with precision():`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from fractions import Fraction
from typing import Any

import numpy as np
from flint import arb, ctx, fmpq

from grams_theory.symbolic.twin import UndecidedSignError, sign

PRECISION = 256
"""Bits of the balls that follow a square root."""

Rational = Fraction | int | str | float | fmpq


@contextmanager
def precision(bits: int = PRECISION) -> Iterator[None]:
    """The working precision of ball arithmetic inside the block."""
    before, ctx.prec = ctx.prec, bits
    try:
        yield
    finally:
        ctx.prec = before


def rational(x: Rational) -> fmpq:
    """`x` as an exact rational; a float is taken for the binary number that it is."""
    if isinstance(x, fmpq):
        return x
    if isinstance(x, float):
        return fmpq(*x.as_integer_ratio())
    fraction = Fraction(x)
    return fmpq(fraction.numerator, fraction.denominator)


def strings(value: Any) -> Any:
    """Exact numbers as strings "p/q", in the same nesting."""
    if isinstance(value, fmpq):
        return f"{value.p}/{value.q}"
    if isinstance(value, dict):
        return {name: strings(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [strings(entry) for entry in value]
    return value


def exactly(value: Any) -> Any:
    """Numbers that `rational` accepts as exact ones, in the same nesting; what is None in a mapping is left out.

    What `strings` spells, this reads again.
    """
    if isinstance(value, Mapping):
        return {name: exactly(entry) for name, entry in value.items() if entry is not None}
    if isinstance(value, list | tuple):
        return [exactly(entry) for entry in value]
    return rational(value)


def floats(value: Any) -> Any:
    """Exact numbers as the nearest floats, in the same nesting."""
    if isinstance(value, list | tuple):
        return [floats(entry) for entry in value]
    return int(value.p) / int(value.q)


def symmetric(matrix: list[list[float]]) -> list[list[fmpq]]:
    """(H + H')/2 in exact rationals."""
    exact = exactly(matrix)
    if [list(column) for column in zip(*matrix, strict=True)] == matrix:
        return exact
    size = range(len(matrix))
    return [[(exact[i][j] + exact[j][i]) / 2 for j in size] for i in size]


def _sqrt(x: Any) -> arb:
    return arb(x).sqrt()


def _greater(x: Any, y: Any) -> bool:
    if x > y:
        return True
    if x <= y:
        return False
    raise UndecidedSignError(f"whether {x} > {y} is undecided at this precision; raise the precision")


def _minimum(x: Any, y: Any) -> Any:
    if isinstance(x, fmpq) and isinstance(y, fmpq):
        return min(x, y)
    return arb(x).min(arb(y))


class Exact:
    """An array of exact numbers with the vocabulary that margins use."""

    __array_priority__ = 1000  # NumPy leaves mixed operations to this class

    def __init__(self, entries: Any) -> None:
        self.entries = np.asarray(entries, dtype=object)

    @classmethod
    def of(cls, numbers: Iterable[Any]) -> Exact:
        """From (nested) numbers that `rational` accepts."""
        return cls(np.vectorize(rational, otypes=[object])(np.asarray(list(numbers), dtype=object)))

    @classmethod
    def stack(cls, rows: Iterable[Exact]) -> Exact:
        """Along a new leading axis."""
        return cls(np.stack([row.entries for row in rows]))

    @property
    def shape(self) -> tuple[int, ...]:
        return self.entries.shape

    @staticmethod
    def _entries(x: Any) -> Any:
        if isinstance(x, Exact):
            return x.entries
        return rational(x) if isinstance(x, int | float | Fraction) else x

    def __add__(self, other: Any) -> Exact:
        return Exact(self.entries + self._entries(other))

    __radd__ = __add__

    def __sub__(self, other: Any) -> Exact:
        return Exact(self.entries - self._entries(other))

    def __rsub__(self, other: Any) -> Exact:
        return Exact(self._entries(other) - self.entries)

    def __mul__(self, other: Any) -> Exact:
        return Exact(self.entries * self._entries(other))

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Exact:
        """Quotient; a zero denominator raises ZeroDivisionError (outside every premise)."""
        return Exact(self.entries / self._entries(other))

    def __rtruediv__(self, other: Any) -> Exact:
        return Exact(self._entries(other) / self.entries)

    def __pow__(self, power: int) -> Exact:
        return Exact(self.entries**power)

    def __neg__(self) -> Exact:
        return Exact(-self.entries)

    def __abs__(self) -> Exact:
        return Exact(np.abs(self.entries))

    abs = __abs__

    def __gt__(self, other: Any) -> np.ndarray:
        """Boolean mask; a ball that straddles the other number raises UndecidedSignError."""
        return np.vectorize(_greater, otypes=[bool])(self.entries, self._entries(other))

    def sum(self, dim: int = -1) -> Exact:
        return Exact(self.entries.sum(axis=dim))

    def sign(self) -> Exact:
        """-1, 0 or 1; a ball that straddles zero raises UndecidedSignError."""
        return Exact(np.vectorize(lambda x: fmpq(sign(x)), otypes=[object])(self.entries))

    def sqrt(self) -> Exact:
        return Exact(np.vectorize(_sqrt, otypes=[object])(self.entries))

    def minimum(self, other: Exact) -> Exact:
        return Exact(np.vectorize(_minimum, otypes=[object])(self.entries, self._entries(other)))

    def where(self, mask: Any, other: Rational = 0) -> Exact:
        fill = np.full(self.shape, rational(other), dtype=object)
        return Exact(np.where(mask, self.entries, fill))

    def worst(self, dim: int = 0) -> Exact:
        """The smallest entry along an axis (for balls: a ball that encloses it)."""
        smallest = self.entries.take(0, axis=dim)
        for index in range(1, self.shape[dim]):
            smallest = np.vectorize(_minimum, otypes=[object])(smallest, self.entries.take(index, axis=dim))
        return Exact(smallest)

    def __getitem__(self, index: Any) -> Exact:
        return Exact(self.entries[index])

    def item(self) -> Any:
        return self.entries.item()


def positive_semidefinite(matrix: list[list[fmpq]]) -> bool:
    """Whether a symmetric rational matrix is positive semidefinite, decided exactly by symmetric elimination."""
    a = [list(row) for row in matrix]
    active = list(range(len(a)))
    while active:
        if any(a[i][i] < 0 for i in active):
            return False
        pivot = next((i for i in active if a[i][i] > 0), None)
        if pivot is None:
            return all(a[i][j] == 0 for i in active for j in active)
        active.remove(pivot)
        for i in active:
            factor = a[i][pivot] / a[pivot][pivot]
            for j in active:
                a[i][j] -= factor * a[pivot][j]
    return True


def spectrum_within(matrix: list[list[fmpq]], low: fmpq, high: fmpq) -> bool:
    """Whether low*I <= matrix <= high*I, decided exactly."""
    size = range(len(matrix))
    above = [[matrix[i][j] - (low if i == j else 0) for j in size] for i in size]
    below = [[(high if i == j else 0) - matrix[i][j] for j in size] for i in size]
    return positive_semidefinite(above) and positive_semidefinite(below)


def polyak_lojasiewicz(matrix: list[list[fmpq]], mu: fmpq) -> bool:
    """Whether x'Hx/2 is mu-PL with minimum 0: H >= 0 and H^2 >= mu H, that is, no eigenvalue of H is in (0, mu)."""
    square = [apply(matrix, column) for column in matrix]
    excess = [
        [x - mu * h for x, h in zip(row, line, strict=True)] for row, line in zip(square, matrix, strict=True)
    ]
    return positive_semidefinite(matrix) and positive_semidefinite(excess)


def apply(matrix: list[list[Any]], vector: list[Any]) -> list[Any]:
    """Matrix times vector over any exact numbers."""
    return [sum((a * x for a, x in zip(row, vector, strict=True)), start=fmpq(0)) for row in matrix]
