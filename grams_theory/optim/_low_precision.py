"""16-bit parameters and moments: arithmetic in float32, each result rounded once when it is stored."""

from __future__ import annotations

from functools import reduce

import torch
from torch import Tensor

from grams_theory.optim._tensors import Tensors
from grams_theory.optim.rule import Array

EXPONENT = 0x7F800000
"""The bits of a float32 number that hold its exponent."""
DROPPED = 0xFFFF
"""Those that bfloat16 does not hold."""


def compute_dtype(*arrays: Array) -> torch.dtype:
    """float32, or a wider dtype if one of the arrays has it."""
    return reduce(torch.promote_types, (x.dtype for x in arrays), torch.float32)


def store_(x: Array, value: Array, stochastic: bool) -> None:
    """x <- value, rounded once: to nearest, or `stochastically`. Nothing to do where value has x's dtype: it is x."""
    if x.dtype == value.dtype:
        return
    if stochastic and x.dtype in ROUNDINGS:
        each = ROUNDINGS[x.dtype]
        value = Tensors(map(each, value.items)) if isinstance(value, Tensors) else each(value)
    x.copy_(value)


def to_bfloat16(x: Tensor) -> Tensor:
    """x rounded `stochastically`. Its bits are those of float32 without the last 16, subnormal numbers too."""
    bits = x.float().view(torch.int32)
    rounded = (bits + torch.randint_like(bits, DROPPED + 1)) & ~DROPPED
    return torch.where(x.isnan(), x, rounded.view(torch.float32)).to(torch.bfloat16)


def to_float16(x: Tensor) -> Tensor:
    """x rounded `stochastically`, with probabilities to 2^-24."""
    x, limits = x.float(), torch.finfo(torch.float16)
    binade = (x.view(torch.int32) & EXPONENT).view(torch.float32).clamp_(limits.smallest_normal, 2.0**127)
    position = x / (binade * limits.eps)  # exact: the divisor is a power of 2, the distance of two neighbours
    toward_zero = position.trunc()
    away = torch.rand_like(x) < (position - toward_zero).abs()
    return (toward_zero + torch.copysign(away.float(), x)).mul_(binade * limits.eps).to(torch.float16)


ROUNDINGS = {torch.bfloat16: to_bfloat16, torch.float16: to_float16}
"""Stochastic rounding by dtype: a number goes to one of its two neighbours, at random with the number as mean.

By torch's global generator of the device. Numbers of the dtype, infinities and NaN stay.
"""
