"""The numbers of a floating-point format, by their bit patterns, and what IEEE 754 makes of a difference of two.

The format is a torch dtype: bfloat16, float16 or float32.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from grams_theory.core.errors import UsageError

PATTERNS: Mapping[torch.dtype, torch.dtype] = {
    torch.bfloat16: torch.int16,
    torch.float16: torch.int16,
    torch.float32: torch.int32,
}
"""Format -> the integers that its bit patterns are read as."""
WIDE = 53
"""Bits of float64, in which differences are taken."""


def name(dtype: torch.dtype) -> str:
    """ "bfloat16" for torch.bfloat16."""
    return str(dtype).removeprefix("torch.")


def precision(dtype: torch.dtype) -> int:
    """Bits of a significand, the hidden one among them: 8, 11 or 24.

    Raises:
        UsageError: it is none of the formats above.
    """
    if dtype not in PATTERNS:
        known = ", ".join(map(name, PATTERNS))
        raise UsageError(f"{name(dtype)} is no format that this knows; give one of {known}")
    return 1 - round(math.log2(torch.finfo(dtype).eps))


def count(dtype: torch.dtype) -> int:
    """How many finite numbers are >= 0, +0 among them: the pattern of +inf, as theirs are those below it."""
    return int(torch.tensor(math.inf, dtype=dtype).view(PATTERNS[dtype]))


def magnitudes(dtype: torch.dtype) -> Tensor:
    """Every finite number >= 0 of a 16-bit format, ascending, from +0 on.

    Raises:
        UsageError: the format is another; `corners` chooses among the numbers of a longer one.
    """
    precision(dtype)
    if dtype.itemsize != 2:
        raise UsageError(f"{name(dtype)} has {2 * count(dtype):,} numbers, too many to list; use its corners")
    return torch.arange(count(dtype), dtype=torch.int16).view(dtype)


def corners(dtype: torch.dtype, generator: torch.Generator) -> Tensor:
    """Finite numbers >= 0 in every binade of the format, subnormal ones too, ascending, from +0 on.

    In each: the powers of two at its ends, the middle, their neighbours, and a random number.
    """
    stored, pattern = precision(dtype) - 1, PATTERNS[dtype]
    size = 2**stored
    exponents = torch.arange(size, count(dtype), size, dtype=pattern)
    ends = torch.tensor([0, 1, 2, size // 2 - 1, size // 2, size // 2 + 1, size - 2, size - 1], dtype=pattern)
    drawn = torch.randint(size, (len(exponents), 1), generator=generator).to(pattern)
    normal = exponents[:, None] + torch.cat([ends.expand(len(exponents), -1), drawn], 1)
    tops = 2 ** torch.arange(stored, dtype=pattern)
    drawn = (torch.rand(stored, generator=generator) * tops).to(pattern)
    subnormal = torch.stack([tops, tops + 1, tops + tops // 2, 2 * tops - 1, tops + drawn])
    zero = torch.zeros(1, dtype=pattern)
    return torch.cat([zero, subnormal.flatten(), normal.flatten()]).unique().view(dtype)


def signed(magnitude: Tensor) -> Tensor:
    """Each number with both signs, shape (N,) -> (2 N,); zero too."""
    return torch.cat([magnitude, -magnitude])


def pattern(x: Tensor) -> str:
    """The bit pattern of one number in hexadecimal: 1 in bfloat16 is "0x3f80"."""
    bits = 8 * x.dtype.itemsize
    return f"0x{int(x.view(PATTERNS[x.dtype])) % 2**bits:0{bits // 4}x}"


def difference(w: Tensor, d: Tensor, *formats: torch.dtype) -> Tensor:
    """w − d, rounded to each of the formats in turn, to nearest and ties to even: float64, overflow as ±inf.

    w and d are float64 tensors of finite numbers of the first format, or of narrower ones. Rounding their difference to
    float64 on the way changes nothing, as 53 >= 2 p + 2 (Figueroa, "When is double rounding innocuous?", 1995). The
    rounding is done on float64 numbers and the integers that they are stored as, by none of torch's conversions.
    """
    x = w - d
    for dtype in formats:
        x = _rounded(x, dtype)
    return x


def neighbours(x: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """The largest number of the format that is <= x and the smallest that is >= x, ±inf among them; all float64."""
    nearest = _rounded(x, dtype)
    ends = (torch.full_like(x, end, dtype=dtype) for end in (-math.inf, math.inf))
    lower, upper = (nearest.to(dtype).nextafter(end).double() for end in ends)
    return torch.where(nearest > x, lower, nearest), torch.where(nearest < x, upper, nearest)


def _rounded(x: Tensor, dtype: torch.dtype) -> Tensor:
    """float64 x to nearest, ties to even: p bits, but multiples of the smallest number where p bits would be finer."""
    dropped, limits = WIDE - precision(dtype), torch.finfo(dtype)
    bits = x.view(torch.int64)
    last = (bits >> dropped).bitwise_and_(1)
    y = last.add_(bits).add_(2 ** (dropped - 1) - 1).bitwise_and_(-(2**dropped)).view(torch.float64)
    shift = 1.5 * 2 ** (WIDE - 1) * limits.smallest_normal * limits.eps  # numbers near it are such multiples
    y = torch.where(x.abs() < limits.smallest_normal, (x + shift).sub_(shift), y)
    return y.masked_fill_(y > limits.max, math.inf).masked_fill_(y < -limits.max, -math.inf)
