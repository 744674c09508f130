"""A list of tensors with the methods of one, so that a rule is written once for the loop and for foreach."""

# pyright: reportPrivateImportUsage=false

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

PLAIN = (Tensor, torch.nn.Parameter)
"""Types of tensors whose memory is their own and whose operations are torch's."""


class Tensors:
    """Tensors of one device and dtype. Each method is `torch.Tensor`'s, done by one `torch._foreach_*` call.

    A second operand is one number, a list of one number per tensor, a 0-d tensor, or another `Tensors`.
    """

    def __init__(self, items: Iterable[Tensor]) -> None:
        self.items = list(items)

    @property
    def dtype(self) -> torch.dtype:
        return self.items[0].dtype

    def to(self, dtype: torch.dtype) -> Tensors:
        """The tensors themselves if they have that dtype."""
        return Tensors(item.to(dtype) for item in self.items)

    def tolist(self) -> list[float]:
        """The values of 0-d tensors."""
        return [item.item() for item in self.items]

    def clone(self) -> Tensors:
        return Tensors(item.clone() for item in self.items)

    def mean(self) -> Tensors:
        """The mean over each tensor, as 0-d tensors."""
        return Tensors(item.mean() for item in self.items)

    def sign(self) -> Tensors:
        return Tensors(torch._foreach_sign(self.items))

    def abs(self) -> Tensors:
        return Tensors(torch._foreach_abs(self.items))

    def neg(self) -> Tensors:
        return Tensors(torch._foreach_neg(self.items))

    def sqrt(self) -> Tensors:
        return Tensors(torch._foreach_sqrt(self.items))

    def expm1(self) -> Tensors:
        return Tensors(torch._foreach_expm1(self.items))

    def reciprocal(self) -> Tensors:
        return Tensors(torch._foreach_reciprocal(self.items))

    def add(self, other: Tensors, *, alpha: float = 1) -> Tensors:
        return Tensors(torch._foreach_add(self.items, other.items, alpha=alpha))

    def mul(self, other) -> Tensors:
        return Tensors(torch._foreach_mul(self.items, _operand(other)))

    def div(self, other: Tensors) -> Tensors:
        return Tensors(torch._foreach_div(self.items, other.items))

    def lerp(self, end: Tensors, weight: float) -> Tensors:
        return Tensors(torch._foreach_lerp(self.items, end.items, weight))

    def copy_(self, other: Tensors) -> Tensors:
        torch._foreach_copy_(self.items, other.items)
        return self

    def add_(self, other, *, alpha: float = 1) -> Tensors:
        if isinstance(other, Tensors):
            torch._foreach_add_(self.items, other.items, alpha=alpha)
        else:
            torch._foreach_add_(self.items, other)
        return self

    def mul_(self, other) -> Tensors:
        torch._foreach_mul_(self.items, _operand(other))
        return self

    def div_(self, other) -> Tensors:
        torch._foreach_div_(self.items, _operand(other))
        return self

    def lerp_(self, end: Tensors, weight: float) -> Tensors:
        torch._foreach_lerp_(self.items, end.items, weight)
        return self

    def addcmul_(self, first: Tensors, second: Tensors, *, value: float = 1) -> Tensors:
        torch._foreach_addcmul_(self.items, first.items, second.items, value)
        return self

    def addcdiv_(self, numerator: Tensors, denominator: Tensors, *, value=1) -> Tensors:
        torch._foreach_addcdiv_(self.items, numerator.items, denominator.items, value)
        return self

    def clamp_(self, min: float | None = None, max: float | None = None) -> Tensors:
        if min is not None:
            torch._foreach_clamp_min_(self.items, min)
        if max is not None:
            torch._foreach_clamp_max_(self.items, max)
        return self

    def clamp_min_(self, other: Tensors) -> Tensors:
        """The larger of both, NaN where either is."""
        torch._foreach_maximum_(self.items, other.items)
        return self


def items(x: Tensor | Tensors) -> list[Tensor]:
    """The tensors that an array stands for."""
    return x.items if isinstance(x, Tensors) else [x]


def like(x: Tensor | Tensors, found: list[Tensor]) -> Tensor | Tensors:
    """As many tensors as x stands for, as an array of its kind."""
    return Tensors(found) if isinstance(x, Tensors) else found[0]


def _operand(other):
    return other.items if isinstance(other, Tensors) else other


def as_real(x: Tensor) -> Tensor:
    """x itself, or complex numbers as pairs of reals in the same memory."""
    return torch.view_as_real(x.resolve_conj()) if x.is_complex() else x
