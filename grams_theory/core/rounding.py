"""Midpoint-radius arithmetic on tensors: every number carries a bound on its rounding error.

A `Ball` holds `mid` and `rad` with |exact value - mid| <= rad. Each operation adds the error of its operands
and one rounding of its own result, the standard model with underflow fl(x op y) = (x op y)(1 + d) + e, |d| <= unit,
|e| <= 2^-1075, of Higham, "Accuracy and Stability of Numerical Algorithms", section 2.2. There e = 0 for a sum, a
difference and a root, and d e = 0: `FLOOR` pays for e in products and quotients, in those of radii too, and unless a
factor is exactly 0. Sums of n terms are charged n - 1 roundings (any order of summation, section 4.2).

So one piece of code, written with `+ - * / abs sum sqrt`, gives a margin together with its tolerance,
and a violation means `margin.mid + margin.rad < 0`: no tolerance is chosen by hand.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

Scalar = float | int
UNIT = 2.0**-53
"""Unit roundoff of float64, in which balls are computed."""
FLOOR = 2.0**-900
"""More than the operations of a product may lose when they underflow; a normal number, on which hardware is fast."""
_INFLATE = 1 + 2.0**-40  # the radius is itself computed in floating point
_FEW = 4096  # terms in a sum for which that is enough: twice as many roundings, in the radius and of second order
_KIND: ContextVar[type[Ball] | None] = ContextVar("kind", default=None)


@contextmanager
def calculating(kind: type[Ball]) -> Iterator[None]:
    """In this context every new `Ball` is one of that kind, whose operations may bound errors in another way."""
    token = _KIND.set(kind)
    try:
        yield
    finally:
        _KIND.reset(token)


def _inflation(terms: int) -> float:
    """What pays for rounding a radius that is a sum of so many terms, and for what n u leaves out of (1+u)^n - 1."""
    return _INFLATE if terms <= _FEW else 1 + 4 * terms * UNIT


def _parts(x: Ball | Tensor | Scalar) -> tuple[Tensor | Scalar, Tensor | Scalar]:
    return (x.mid, x.rad) if isinstance(x, Ball) else (x, 0.0)


def _present(x: Tensor, y: Tensor | Scalar) -> Tensor:
    """1 where both magnitudes are > 0, else 0."""
    return torch.minimum(x, y).sign() if isinstance(y, Tensor) else x.sign() * (y > 0)


@dataclass(frozen=True, eq=False)
class Ball:
    """A float64 tensor with an elementwise error radius of the same shape."""

    mid: Tensor
    rad: Tensor

    def __new__(cls, *args: Any, **kwargs: Any) -> Ball:
        """Of the kind that is in use, see `calculating`."""
        return object.__new__(_KIND.get() or cls)

    @classmethod
    def exact(cls, x: Tensor) -> Ball:
        """`x`, cast to float64 (exact for every narrower format), with radius 0."""
        x, kind = x.double(), _KIND.get() or cls
        return cls(x, torch.zeros_like(x)) if kind is cls else kind.exact(x)

    @classmethod
    def stack(cls, rows: Sequence[Ball]) -> Ball:
        """Along a new leading axis."""
        return cls(torch.stack([row.mid for row in rows]), torch.stack([row.rad for row in rows]))

    @property
    def shape(self) -> torch.Size:
        return self.mid.shape

    def _rounded(self, mid: Tensor, rad: Tensor, roundings: int = 1) -> Ball:
        return Ball(mid, (rad + roundings * UNIT * mid.abs()) * _INFLATE)

    def __add__(self, other: Ball | Tensor | Scalar) -> Ball:
        mid, rad = _parts(other)
        return self._rounded(self.mid + mid, self.rad + rad)

    __radd__ = __add__

    def __neg__(self) -> Ball:
        return Ball(-self.mid, self.rad)

    def __sub__(self, other: Ball | Tensor | Scalar) -> Ball:
        return self + (-other)

    def __rsub__(self, other: Tensor | Scalar) -> Ball:
        return (-self) + other

    @property
    def reach(self) -> Tensor:
        """The largest magnitude in the ball: 0 only of the exact number 0."""
        return self.mid.abs() + self.rad

    @property
    def low(self) -> Tensor:
        """The lower end, rounded."""
        return self.mid - self.rad

    @property
    def terms(self) -> Tensor:
        """About the magnitude of the terms that it was computed from: the radius in units of roundoff."""
        return self.rad / UNIT

    @property
    def relative(self) -> Tensor:
        """The midpoint over the magnitude of its terms; of exact numbers the sign."""
        return torch.where(self.terms > 0, self.mid / self.terms, self.mid.sign())

    def __mul__(self, other: Ball | Tensor | Scalar) -> Ball:
        mid, rad = _parts(other)
        factor = abs(mid) + rad
        lost = FLOOR * _present(self.reach, factor)
        return self._rounded(self.mid * mid, self.rad * factor + self.mid.abs() * rad + lost)

    __rmul__ = __mul__

    def __truediv__(self, other: Ball | Tensor | Scalar) -> Ball:
        mid, rad = _parts(other)
        mid, rad = torch.as_tensor(mid, dtype=torch.float64), torch.as_tensor(rad, dtype=torch.float64)
        quotient = self.mid / mid.to(self.mid.device)
        smallest = (mid.abs() - rad).to(self.mid.device)
        lost = FLOOR * self.reach.sign()
        spread = (self.rad + quotient.abs() * rad.to(self.mid.device) + lost) / smallest + lost
        spread = torch.where(smallest > 0, spread, torch.full_like(spread, math.inf))
        return self._rounded(quotient, spread)

    def __rtruediv__(self, other: Tensor | Scalar) -> Ball:
        return (
            Ball.exact(torch.as_tensor(other, dtype=torch.float64, device=self.mid.device).expand(self.shape))
            / self
        )

    def __pow__(self, power: int) -> Ball:
        if power != 2:
            raise ValueError(f"Ball supports only squares, got power {power}")
        return self * self

    def __abs__(self) -> Ball:
        return Ball(self.mid.abs(), self.rad)

    abs = __abs__

    def sum(self, dim: int = -1) -> Ball:
        terms = self.shape[dim]
        rad = self.rad.sum(dim) + max(terms - 1, 0) * UNIT * self.mid.abs().sum(dim)
        return Ball(self.mid.sum(dim), rad * _inflation(terms))

    def sqrt(self) -> Ball:
        """Square root; a ball that reaches below zero is cut there (the exact value is a square).

        The root is concave: for r <= m it changes most from m to m - r; otherwise by no more than the root of r.
        """
        mid, apart = self.mid.clamp(min=0).sqrt(), self.rad <= self.mid
        end = torch.where(apart, self.mid - self.rad, self.rad).sqrt()
        return self._rounded(mid, torch.where(apart, mid - end, end), roundings=3)

    def exp(self) -> Ball:
        """e^x, which torch evaluates to within 4 roundings (see `map`); e^(m + r) - e^m = e^m (e^r - 1)."""
        mid = self.mid.exp()
        rad = (mid + FLOOR) * (torch.expm1(self.rad) + 5 * UNIT) + FLOOR
        return Ball(mid, rad * _INFLATE)

    def log(self) -> Ball:
        """The natural logarithm, to within 4 roundings; of a ball that reaches down to 0, an infinite radius."""
        mid = self.mid.log()
        rad = (self.rad / self.low + 4 * UNIT * mid.abs()) * _INFLATE
        return Ball(mid, torch.where(self.low > 0, rad, torch.full_like(rad, math.inf)))

    def sign(self) -> Ball:
        """-1, 0 or 1; where zero is one of several possible values, 0 with radius 1."""
        unclear = ((self.mid.abs() <= self.rad) & (self.rad > 0)).double()
        return Ball(self.mid.sign() * (1 - unclear), unclear)

    def minimum(self, other: Ball) -> Ball:
        return Ball(torch.minimum(self.mid, other.mid), torch.maximum(self.rad, other.rad))

    def maximum(self, other: Ball) -> Ball:
        return Ball(torch.maximum(self.mid, other.mid), torch.maximum(self.rad, other.rad))

    def map(self, fn: Callable[[Tensor], Tensor], lipschitz: float = 1.0, ulps: float = 4.0) -> Ball:
        """`fn` elementwise, given its Lipschitz constant; torch evaluates it to within `ulps` roundings.

        At exactly 0 it must not underflow.
        """
        mid = fn(self.mid)
        rad = lipschitz * self.rad + ulps * UNIT * mid.abs() + FLOOR * self.reach.sign()
        return Ball(mid, rad * _INFLATE)

    def matmul(self, matrix: Tensor | Ball) -> Ball:
        """`self @ matrix` for a matrix of shape (D, N): (..., D) -> (..., N)."""
        if isinstance(matrix, Ball):
            spread = (self.reach @ matrix.rad + FLOOR * matrix.rad.amax(-2).sign()) * _inflation(
                matrix.shape[-2]
            )
            return self.matmul(matrix.mid).widen(spread)
        lost, size, terms = FLOOR * self.reach.sign(), matrix.abs(), matrix.shape[-2]
        rad = (self.rad + terms * UNIT * self.mid.abs() + lost) @ size + lost @ size.sign()
        return Ball(self.mid @ matrix, rad * _inflation(terms))

    __matmul__ = matmul

    @property
    def mT(self) -> Ball:
        """The transpose of the last two axes."""
        return Ball(self.mid.mT, self.rad.mT)

    def flatten(self, start: int = 0, end: int = -1) -> Ball:
        return Ball(self.mid.flatten(start, end), self.rad.flatten(start, end))

    def unsqueeze(self, dim: int) -> Ball:
        return Ball(self.mid.unsqueeze(dim), self.rad.unsqueeze(dim))

    def __getitem__(self, index) -> Ball:
        return Ball(self.mid[index], self.rad[index])

    def where(self, mask: Tensor, other: Scalar = 0.0) -> Ball:
        """This ball where `mask`, the exact number `other` elsewhere."""
        fill = torch.full_like(self.mid, other)
        return Ball(torch.where(mask, self.mid, fill), torch.where(mask, self.rad, torch.zeros_like(fill)))

    def widen(self, rad: Tensor | Scalar) -> Ball:
        """The same midpoint with `rad` more radius."""
        return Ball(self.mid, (self.rad + rad) * _INFLATE)

    def worst(self, dim: int = 0) -> Ball:
        """The smallest entry along `dim`, with the largest radius among those that could be it; NaN if one is NaN."""
        highest = (self.mid + self.rad).amin(dim, keepdim=True)
        rivals = self.mid - self.rad <= highest + 4 * UNIT * highest.abs()
        rad = torch.where(rivals | self.rad.isnan(), self.rad, torch.zeros_like(self.rad)).amax(dim)
        return Ball(self.mid.amin(dim), rad)

    def surely_negative(self) -> Tensor:
        return self.mid + self.rad < 0

    def surely_nonnegative(self) -> Tensor:
        return self.mid - self.rad >= 0
