"""f(w) = ‖w‖²/2 with skewed gradient noise of mean zero: −1 with probability 3/4, +3 with probability 1/4.

The median of the stochastic gradient is w − 1, so its sign pulls every coordinate to 1 instead of 0.
"""

from fractions import Fraction

import torch
from torch import Generator, Tensor

from grams_theory.core.function import Family
from grams_theory.families._draw import uniform
from grams_theory.families._quadratic import DiagonalQuadratic

LAW = {Fraction(-1): Fraction(3, 4), Fraction(3): Fraction(1, 4)}


class TwoPointNoise(DiagonalQuadratic):
    """Rows f(w) = ‖w‖²/2 with a stochastic gradient oracle w + noise."""

    law = LAW

    def noise(self, generator: Generator, shape: tuple[int, ...]) -> Tensor:
        """Independent noise of mean 0 and variance 3, any shape, to add to the gradient."""
        (low, often), (high, _) = LAW.items()
        return torch.where(uniform(generator, *shape) < float(often), float(low), float(high)).double()


def sample(generator: Generator, batch: int, dim: int) -> TwoPointNoise:
    ones = torch.ones((batch, dim), dtype=torch.float64, device=generator.device)
    return TwoPointNoise(ones, torch.zeros_like(ones))


FAMILY = Family(
    name="two_point_noise",
    title="‖w‖²/2 with two-point gradient noise",
    traits=frozenset({"smooth", "bounded", "convex", "pl", "separable", "quadratic", "stochastic"}),
    sample=sample,
)
