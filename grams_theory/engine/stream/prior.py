"""Balls of which most of the radius is known before anything is computed: the arithmetic of compiled streams.

A `Ball` bounds its error by operations of its own, several for each operation of the midpoint. A `Prior` promises

    |exact - mid| <= known |mid| + scale rest,

where `known` and `scale` are numbers, there when the program is recorded, and only `rest` is a tensor; None stands for
0. Exact inputs, their products, quotients and roots, and sums of what is >= 0 have none.

Proof, operation by operation. Let u be `UNIT`, z the computed result, and |z - x op y| <= u |z| (Higham, (2.5)): so it
is where nothing underflows, which the processor tells (see `native`). Let dx, dy be the errors of the operands,
|dx| <= kx |x| + rx with rx = scale rest.

- x + y: |dx + dy| <= kx |x| + ky |y| + rx + ry. If x, y >= 0, kx |x| + ky |y| <= max(kx, ky) (1 + u) z.
- x y: |x dy + y dx + dx dy| <= (kx + ky + kx ky) |x y| + rx |y| (1 + ky) + ry |x| (1 + kx) + rx ry.
- x / y where ry = 0 and ky < 1: the exact quotient minus z is (dx - z dy + (x - z y)) / (y + dy), |x - z y| <= u |z y|,
  |x| <= (1 + u) |z y|, so it is no more than ((1 + u) kx + ky + u) |z| / (1 - ky) + rx / (|y| (1 - ky)).
- root of x >= 0 where rx = 0 and kx < 1: |dx| / (sqrt(x + dx) + sqrt(x)) <= sqrt(x) kx / (2 - kx), as
  sqrt(1 - k) >= 1 - k. It is charged four roundings: ATen's own may be off by three.
- a sum of n terms, in any order: kx sum |x| + sum rx + (n - 1) u sum |x| (Rump, BIT 52, 2012). If all x >= 0, sum |x|
  is no more than z / (1 - n u).

`rest` is made of numbers >= 0 by sums and products; each comes out too small by a factor of 1 - u at most. `up` pays
for 16 of them wherever a number is made, and so for the rounding of the numbers as well. What is not here is inherited:
`Ball` takes the radius as one tensor, `rad`.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from grams_theory.core.rounding import UNIT, Ball, Scalar


def up(x: float) -> float:
    return x * (1 + 16 * UNIT)


class Prior(Ball):
    """See above. `nonnegative`: no midpoint is < 0."""

    known: float
    scale: float
    rest: Tensor | None
    nonnegative: bool

    def __init__(
        self,
        mid: Tensor,
        rad: Tensor | None,
        known: float = 0.0,
        scale: float = 1.0,
        nonnegative: bool = False,
    ) -> None:
        vars(self).update(mid=mid, rest=rad, known=known, scale=scale, nonnegative=nonnegative)

    @classmethod
    def exact(cls, x: Tensor) -> Prior:
        return cls(x.double(), None)

    def __getattr__(self, name: str) -> Any:
        """The radius as a tensor, made when something asks for it."""
        if name != "rad":
            raise AttributeError(f"{type(self).__name__} has no {name!r}")
        rad = _sum((up(self.known), self.mid.abs()), (up(self.scale), self.rest))
        vars(self)["rad"] = torch.zeros_like(self.mid) if rad is None else rad
        return self.rad

    def __add__(self, other: Ball | Tensor | Scalar) -> Ball:
        x, y = self, _prior(other)
        mid, sign = self.mid + y.mid, x.nonnegative and y.nonnegative
        if sign:
            rest, known = _sum((x.scale, x.rest), (y.scale, y.rest)), max(x.known, y.known)
            return Prior(mid, rest, up(known + UNIT), up(1.0), True)
        rest = _sum((x.known, abs(x.mid)), (y.known, abs(y.mid)), (x.scale, x.rest), (y.scale, y.rest))
        return Prior(mid, rest, UNIT, up(1.0))

    __radd__ = __add__

    def __neg__(self) -> Ball:
        return Prior(-self.mid, self.rest, self.known, self.scale)

    def __abs__(self) -> Ball:
        return Prior(self.mid.abs(), self.rest, self.known, self.scale, True)

    abs = __abs__

    def __mul__(self, other: Ball | Tensor | Scalar) -> Ball:
        x, y = self, _prior(other)
        mid = x.mid * y.mid
        sign = x.mid is y.mid or (x.nonnegative and y.nonnegative)
        if isinstance(y.mid, float) and math.frexp(abs(y.mid))[0] == 0.5:
            return Prior(mid, x.rest, x.known, up(x.scale * abs(y.mid)), sign)
        known = up(x.known + y.known + x.known * y.known + UNIT)
        more, less = (x, y) if x.rest is not None else (y, x)
        if more.rest is None:
            return Prior(mid, None, known, nonnegative=sign)
        if less.rest is None:
            return Prior(mid, more.rest * abs(less.mid), known, up(more.scale * (1 + less.known)), sign)
        if x.mid is y.mid and x.rest is y.rest:
            rest = more.rest * _sum((2 * (1 + x.known), x.mid.abs()), (x.scale, x.rest))
            return Prior(mid, rest, known, up(x.scale), sign)
        reach = _sum((1.0, abs(less.mid)), (less.scale, less.rest))
        rest = _sum((more.scale, more.rest * reach), (less.scale, less.rest * abs(more.mid)))
        return Prior(mid, rest, known, up(1 + max(x.known, y.known)), sign)

    __rmul__ = __mul__

    def __truediv__(self, other: Ball | Tensor | Scalar) -> Ball:
        x, y = self, _prior(other)
        if y.rest is not None or y.known >= 1:
            return super().__truediv__(other)
        mid = x.mid / y.mid
        known = up(((1 + UNIT) * x.known + y.known + UNIT) / (1 - y.known))
        rest = None if x.rest is None else x.rest / abs(y.mid)
        return Prior(mid, rest, known, up(x.scale / (1 - y.known)), x.nonnegative and y.nonnegative)

    def sum(self, dim: int = -1) -> Ball:
        roundings = max(self.shape[dim] - 1, 0) * UNIT
        mid, rest = self.mid.sum(dim), None if self.rest is None else self.rest.sum(dim)
        if self.nonnegative:
            known = (self.known + roundings) / (1 - roundings - UNIT)
            return Prior(mid, rest, up(known), up(self.scale / (1 - roundings)), True)
        rest = _sum((self.known + roundings, self.mid.abs().sum(dim)), (self.scale, rest))
        return Prior(mid, rest, 0.0, up(1 / (1 - roundings)))

    def sqrt(self) -> Ball:
        if self.rest is not None or self.known >= 1:
            found = super().sqrt()
            return Prior(found.mid, found.rad, up(4 * UNIT), nonnegative=True)
        known = up(self.known / (2 - self.known) + 4 * UNIT)
        return Prior(self.mid.sqrt(), None, known, nonnegative=True)

    def unsqueeze(self, dim: int) -> Ball:
        rest = None if self.rest is None else self.rest.unsqueeze(dim)
        return Prior(self.mid.unsqueeze(dim), rest, self.known, self.scale, self.nonnegative)


def _prior(x: Any) -> Any:
    if isinstance(x, Prior):
        return x
    if isinstance(x, Ball):
        return Prior(x.mid, x.rad)
    exact = object.__new__(Prior)
    sign = not isinstance(x, Tensor) and x >= 0
    vars(exact).update(
        mid=x if isinstance(x, Tensor) else float(x), rest=None, known=0.0, scale=1.0, nonnegative=sign
    )
    return exact


def _sum(*terms: tuple[float, Tensor | Scalar | None]) -> Any:
    """The sum of number times tensor, without those that are 0."""
    total = None
    for factor, x in terms:
        if factor == 0 or x is None:
            continue
        term = x if factor == 1 else x * factor
        total = term if total is None else total + term
    return total
