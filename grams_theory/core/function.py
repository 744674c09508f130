"""Batches of functions with certified constants.

A `Family` samples a `FunctionBatch`: B functions R^D -> R evaluated together, with the constants that the
claims need. Formulas are written once with operations that tensors and `Ball`s share, so `value` and
`gradient` accept both.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import torch
from torch import Tensor

from grams_theory.core.errors import UsageError
from grams_theory.core.rounding import Ball

Vector = Any
"""A float64 Tensor or a Ball."""


class FunctionBatch(ABC):
    """B functions R^D -> R with certified constants, in float64.

    Attributes:
        smoothness: certified L, shape (B,).
        pl: certified mu > 0 of the PL condition, shape (B,), or None.
        minimum: f* as a Ball of shape (B,) (its radius is the uncertainty of the certificate), or None.
        minimizer: one minimiser x*, shape (B, D), or None.
        law: of the gradient noise of a coordinate, value -> probability, or None.
    """

    smoothness: Tensor
    pl: Tensor | None = None
    minimum: Ball | None = None
    minimizer: Tensor | None = None
    law: Mapping[Fraction, Fraction] | None = None

    @property
    @abstractmethod
    def shape(self) -> tuple[int, int]:
        """(B, D)."""

    @abstractmethod
    def value(self, w: Vector) -> Vector:
        """f(w), shapes (..., B, D) -> (..., B)."""

    @abstractmethod
    def gradient(self, w: Vector) -> Vector:
        """The gradient at w, shapes (..., B, D) -> (..., B, D)."""

    def change(self, w: Tensor, d: Ball) -> Ball:
        """f(w + d) - f(w) with its rounding error, shapes (..., B, D) -> (..., B).

        Override where a formula cancels less.
        """
        return self.value(Ball.exact(w) + d) - self.value(Ball.exact(w))

    def start(self, generator: torch.Generator, radius: float = 1.0) -> Tensor:
        """Starting points of the order of `radius` about the minimiser (or the origin), shape (B, D)."""
        device = self.smoothness.device
        noise = torch.randn(self.shape, generator=generator, dtype=torch.float64, device=generator.device).to(
            device
        )
        centre = 0.0 if self.minimizer is None else self.minimizer
        return centre + radius * noise

    def noise(self, generator: torch.Generator, shape: tuple[int, ...]) -> Tensor:
        """Independent gradient noise of mean 0 and any shape, if the family has the trait "stochastic".

        Raises:
            UsageError: it has not.
        """
        raise UsageError(
            f"{type(self).__name__} has no gradient noise; draw a family with the trait 'stochastic'"
        )

    def contradicted(self, x: Tensor, y: Tensor) -> Tensor:
        """Rows in which f was seen to break its constants at x or y or between, (..., B, D) -> (..., B).

        None, if they are certified. Override where they are estimated: such rows are outside the premise.
        """
        return torch.zeros(x.shape[:-1], dtype=torch.bool, device=x.device)

    def quadratic(self, row: int) -> tuple[Tensor, Tensor] | None:
        """(H, centre), shapes (D, D) and (D,), if row is f(w) = (w - centre)' H (w - centre) / 2."""
        return None


@dataclass(frozen=True)
class Family:
    """A named generator of function batches.

    `sample` draws a batch: `sample(generator, batch, dim, **options)`; all tensors are float64 on the
    generator's device. `options` maps each extra keyword to the values that Hypothesis may choose from, the
    simplest first.
    """

    name: str
    traits: frozenset[str]
    sample: Any
    title: str = ""
    dims: tuple[int, ...] = (2, 1, 3, 5, 8, 16)
    """The dimensions that it can be drawn in; Hypothesis begins with the first."""
    options: Mapping[str, tuple] = field(default_factory=dict)
    max_batch: int = 1 << 20
    """The most functions in one batch."""
    estimated: tuple[str, ...] = ()
    """What is estimated instead of certified ("L", "rounding"): violations then refute nothing."""

    def __call__(self, generator: torch.Generator, batch: int, dim: int, **options) -> FunctionBatch:
        if dim not in self.dims:
            raise UsageError(f"family {self.name!r} has no dimension {dim}; allowed: {self.dims}")
        if not 1 <= batch <= self.max_batch:
            raise UsageError(f"batch={batch} must be from 1 to {self.max_batch} for family {self.name!r}")
        unknown = options.keys() - self.options.keys()
        if unknown:
            raise UsageError(
                f"family {self.name!r} has no option {sorted(unknown)}; allowed: {sorted(self.options)}"
            )
        return self.sample(generator, batch, dim, **options)
