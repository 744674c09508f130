"""Formats: every number is listed once, corners lie in every binade, and differences are rounded as Fractions are."""

import math
from fractions import Fraction

import pytest
import torch

from grams_theory.core.errors import UsageError
from grams_theory.core.formats import (
    PATTERNS,
    corners,
    count,
    difference,
    magnitudes,
    pattern,
    precision,
    signed,
)
from grams_theory.core.random import generator

SHORT = [torch.bfloat16, torch.float16]
short = pytest.mark.parametrize("dtype", SHORT, ids=str)
formats = pytest.mark.parametrize("dtype", PATTERNS, ids=str)


def patterns(x):
    return {int(bits) for bits in x.view(PATTERNS[x.dtype])}


@short
def test_every_finite_pattern_is_listed_once(dtype):
    everything = torch.arange(-(2**15), 2**15).to(torch.int16).view(dtype)
    listed = signed(magnitudes(dtype))
    assert patterns(listed) == patterns(everything[everything.isfinite()])
    assert len(listed) == len(patterns(listed)) == 2 * count(dtype)


@short
def test_magnitudes_ascend_from_zero_to_the_largest(dtype):
    listed = magnitudes(dtype).double()
    assert (listed[0], listed[-1]) == (0, torch.finfo(dtype).max)
    assert bool((listed.diff() > 0).all())


@formats
def test_corners_lie_in_every_binade(dtype):
    """Subnormal binades too: each power of two that the format has, its neighbours, and numbers between."""
    chosen, info = corners(dtype, generator(0)), torch.finfo(dtype)
    assert bool(chosen.isfinite().all()) and bool((chosen.double().diff() > 0).all())
    smallest = math.log2(info.smallest_normal * info.eps)
    powers = 2 ** torch.arange(smallest, math.floor(math.log2(info.max)) + 1, dtype=torch.float64)
    bits = powers.to(dtype).view(PATTERNS[dtype]).tolist()
    assert patterns(chosen) >= {b + k for b in bits for k in (-1, 0, 1)}
    assert float(chosen[-1]) == info.max


@formats
def test_corners_differ_by_the_generator_alone(dtype):
    first, again, other = (corners(dtype, generator(seed)) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert patterns(first) != patterns(other)


@pytest.mark.parametrize(
    ("value", "dtype", "expected"),
    [
        (1.0, torch.bfloat16, "0x3f80"),
        (-0.0, torch.float16, "0x8000"),
        (-2.0, torch.float32, "0xc0000000"),
        (2.0**-149, torch.float32, "0x00000001"),
    ],
)
def test_patterns_are_printed_with_all_digits(value, dtype, expected):
    assert pattern(torch.tensor(value, dtype=dtype)) == expected


def nearest(x: Fraction, dtype) -> float:
    """x rounded by the text of the standard, in integers."""
    info = torch.finfo(dtype)
    smallest = Fraction(info.smallest_normal) * Fraction(info.eps)
    exponent = math.floor(math.log2(abs(x))) if x else 0
    exponent += (abs(x) >= Fraction(2) ** (exponent + 1)) - (0 < abs(x) < Fraction(2) ** exponent)
    unit = max(Fraction(2) ** (exponent - precision(dtype) + 1), smallest)
    rounded = round(x / unit) * unit
    return float(rounded) if abs(rounded) <= Fraction(info.max) else math.copysign(math.inf, rounded)


def pairs(dtype, steps, size=1000):
    """Corners of both formats, half of the steps near their weight, where the difference cancels."""
    gen = generator(0, str(dtype))
    w, d = (signed(corners(x, gen)).double() for x in (dtype, steps))
    w = w[torch.randint(len(w), (size,), generator=gen)]
    near = w * 2.0 ** torch.randint(-30, 3, (size,), generator=gen)
    near = near.to(steps).double()
    d = d[torch.randint(len(d), (size,), generator=gen)]
    d[::2] = torch.where(near.isfinite(), near, d)[::2]
    return w, d


@formats
@pytest.mark.parametrize("by_way_of_float32", [False, True])
def test_differences_are_rounded_as_fractions_are(dtype, by_way_of_float32):
    steps, way = (torch.float32, (torch.float32,)) if by_way_of_float32 else (dtype, ())
    w, d = pairs(dtype, steps)
    expected = []
    for a, b in zip(w.tolist(), d.tolist(), strict=True):
        x = Fraction(a) - Fraction(b)
        for middle in way:
            middle = nearest(x, middle)
            x = Fraction(middle) if math.isfinite(middle) else middle
        expected.append(nearest(x, dtype) if isinstance(x, Fraction) else x)
    assert difference(w, d, *way, dtype).tolist() == expected


def f64(x):
    return torch.tensor([x], dtype=torch.float64)


def test_a_second_rounding_can_be_seen():
    """1 + 2^-8 + 2^-31 is just above the middle of two bfloat16 numbers, and float32 drops what makes it so."""
    w, d = f64(1 + 2.0**-7), f64(2.0**-8 - 2.0**-31)
    assert difference(w, d, torch.bfloat16).item() == 1 + 2.0**-7
    assert difference(w, d, torch.float32, torch.bfloat16).item() == 1.0


@pytest.mark.parametrize("dtype", PATTERNS, ids=str)
def test_overflow_begins_half_a_unit_above_the_largest(dtype):
    largest = torch.finfo(dtype).max
    half = largest * torch.finfo(dtype).eps / (2 - torch.finfo(dtype).eps) / 2
    assert difference(f64(largest), f64(-half), dtype).item() == math.inf
    assert difference(f64(largest), f64(-half / 2), dtype).item() == largest
    assert difference(f64(-largest), f64(half), dtype).item() == -math.inf


def test_another_format_is_refused():
    with pytest.raises(
        UsageError, match="float64 is no format that this knows; give one of bfloat16, float16, float32"
    ):
        precision(torch.float64)
    with pytest.raises(UsageError, match="too many to list; use its corners"):
        magnitudes(torch.float32)
