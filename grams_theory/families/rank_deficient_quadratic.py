"""f(w) = ‖A(w − c)‖²/2 with fewer non-zero rows than columns: convex and PL, but not strongly convex.

The entries of A are 24-bit integers times a power of two, so H = A'A and AA' are exact in float64 (sums of at
most 16 products of 48 bits), and the PL constant, the smallest non-zero eigenvalue, holds for the stored H.
"""

import torch
from torch import Generator, Tensor

from grams_theory.core.function import Family
from grams_theory.core.rounding import Ball
from grams_theory.families._certify import certified_spectrum, lower, upper
from grams_theory.families._draw import SCALES, normal, rotations, scales, spectrum
from grams_theory.families._quadratic import DenseQuadratic

BITS = 24


def quantised(factor: Tensor) -> Tensor:
    """Each matrix != 0 of (B, N, D), rounded to integers of BITS bits times its own power of two."""
    largest = factor.abs().amax((-2, -1), keepdim=True)
    unit = largest / torch.frexp(largest).mantissa * 2.0**-BITS
    return torch.round(factor / unit) * unit


def sample(
    generator: Generator, batch: int, dim: int, condition: float = 100.0, scale: float = 1.0
) -> DenseQuadratic:
    rank = torch.randint(1, dim, (batch, 1), generator=generator, device=generator.device)
    kept = torch.arange(dim, device=generator.device) < rank
    curvature = spectrum(generator, batch, dim, condition) * scales(generator, batch, scale).unsqueeze(-1)
    curvature = torch.where(kept, curvature, 0.0)
    factor = quantised(curvature.sqrt().unsqueeze(-1) * rotations(generator, batch, dim))
    eye = torch.eye(dim, dtype=torch.float64, device=factor.device).expand_as(factor)
    found = certified_spectrum(Ball.exact(factor @ factor.mT), eye, curvature)
    return DenseQuadratic(
        factor.mT @ factor,
        normal(generator, batch, dim),
        smoothness=upper(found).amax(-1),
        pl=torch.where(kept, lower(found), torch.inf).amin(-1),
    )


FAMILY = Family(
    name="rank_deficient_quadratic",
    title="rank-deficient least squares",
    traits=frozenset({"smooth", "bounded", "convex", "pl", "quadratic", "interpolating"}),
    sample=sample,
    dims=(2, 3, 5, 8, 16),
    options={"condition": (100.0, 1.0, 1e3), "scale": SCALES},
)
