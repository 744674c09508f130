"""Scalar functions φ with certified constants, evaluated on tensors and balls alike."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from grams_theory.core.function import Vector
from grams_theory.core.rounding import Ball


@dataclass(frozen=True)
class Link:
    """φ, its derivative, and bounds that hold on all of R.

    An elementary function of torch is charged 2 units in the last place (4 roundings): SLEEF, which torch
    uses on the CPU, states 1, and the CUDA programming guide at most 2.
    """

    value: Callable[[Vector], Vector]
    slope: Callable[[Vector], Vector]
    curvature: float
    """A bound on |φ″|."""
    least_at_zero: bool = False
    """Whether φ(0) = 0 is the minimum."""
    pl: float | None = None
    """φ′² / 2 >= pl · φ, if φ is PL with minimum 0."""


def elementwise(
    fn: Callable[[Tensor], Tensor], lipschitz: float, roundings: float = 4.0
) -> Callable[[Vector], Vector]:
    """`fn` for tensors and balls, given its Lipschitz constant and how many roundings off it may be."""
    return lambda x: x.map(fn, lipschitz, roundings) if isinstance(x, Ball) else fn(x)


def log_cosh(x: Tensor) -> Tensor:
    """log cosh x without overflow, to 14 roundings.

    |x| <= 1: log1p(2 sinh²(x/2)), where squaring doubles the 4 roundings of sinh and log1p amplifies nothing.
    Otherwise |x| + log1p(e^(−2|x|)) − log 2, off by at most |x| + 1.4 + log cosh x <= 7 log cosh x roundings.
    """
    half = (x.clamp(-1, 1) / 2).sinh()
    size = x.abs()
    return torch.where(size <= 1, (2 * half * half).log1p(), size + (-2 * size).exp().log1p() - math.log(2))


LOG_COSH = Link(
    value=elementwise(log_cosh, 1.0, roundings=24.0),
    slope=elementwise(torch.tanh, 1.0),
    curvature=1.0,
    least_at_zero=True,
)
SOFTPLUS = Link(
    value=elementwise(lambda x: -torch.nn.functional.logsigmoid(-x), 1.0, roundings=12.0),
    slope=elementwise(torch.sigmoid, 0.25, roundings=8.0),
    curvature=0.25,
)
PSEUDO_HUBER = Link(
    value=lambda x: x * x / (1 + (1 + x * x).sqrt()),
    slope=lambda x: x / (1 + x * x).sqrt(),
    curvature=1.0,
    least_at_zero=True,
)
SQUARE = Link(value=lambda x: x * x * 0.5, slope=lambda x: x, curvature=1.0, least_at_zero=True, pl=1.0)

_sin = elementwise(torch.sin, 1.0)
COSINE = Link(value=elementwise(torch.cos, 1.0), slope=lambda x: -_sin(x), curvature=1.0)


def _square_plus_sine(x: Vector) -> Vector:
    sine = _sin(x)
    return x * x + sine * sine * 3


SQUARE_PLUS_SINE = Link(
    value=_square_plus_sine,
    slope=lambda x: x * 2 + _sin(x * 2) * 3,
    curvature=8.0,
    least_at_zero=True,
    pl=0.1755,
)
"""φ(x) = x² + 3 sin²x, PL and not convex: φ″ = 2 + 6 cos 2x. Karimi, Nutini and Schmidt (2016) state
pl = 1/32; the infimum of φ′²/(2φ) is 0.17553... at |x| = 2.2017; the tests certify 0.1755 by subdivision."""
