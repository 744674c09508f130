"""Quadratics with a start from which the first gradient coordinate changes sign twice early on.

Along gradient flow the first coordinate of the gradient is Σ_k c_k exp(−λ_k t). With three separate curvatures, the
start can be chosen so that it vanishes at two prescribed times. Momentum lags behind both turns, so Adam moves that
coordinate against its gradient for a while: where optimizers that treat such coordinates differently part.
"""

import torch
from torch import Generator, Tensor

from grams_theory.core.function import Family
from grams_theory.families._draw import log_uniform, normal, rotations, uniform
from grams_theory.families._quadratic import DenseQuadratic, certified


class TurningGradient(DenseQuadratic):
    """Dense quadratics with the start `centre + radius * turning`, turning of shape (B, D)."""

    turning: Tensor

    def start(self, generator: Generator, radius: float = 1.0) -> Tensor:
        return self.centre + radius * self.turning


def between(generator: Generator, low: float, high: float, batch: int) -> Tensor:
    return low + (high - low) * uniform(generator, batch)


def turning(generator: Generator, basis: Tensor, curvature: Tensor) -> Tensor:
    """Unit displacements from the minimiser, shape (B, 3), for curvatures about 1, 0.4 and 0.05 in that basis."""
    first = log_uniform(generator, 0.05, 0.3, len(basis))
    turns = torch.stack([first, first * between(generator, 1.05, 2.0, len(basis))], -1)
    modes = torch.exp(-curvature.unsqueeze(-2) * turns.unsqueeze(-1))
    fast = torch.linalg.solve(modes[..., :2], -modes[..., 2])
    shares = torch.cat([fast, torch.ones_like(first).unsqueeze(-1)], -1) / basis[:, 0]
    displacement = (basis @ (shares / curvature).unsqueeze(-1)).squeeze(-1)
    return displacement / displacement.norm(dim=-1, keepdim=True)


def sample(generator: Generator, batch: int, dim: int, scale: float = 1e-2) -> TurningGradient:
    basis = rotations(generator, batch, dim)
    curvature = torch.stack(
        [between(generator, low, high, batch) for low, high in ((1.0, 1.0), (0.15, 0.6), (0.01, 0.1))], -1
    )
    start = turning(generator, basis, curvature)
    f = TurningGradient(*certified(basis, scale * curvature, normal(generator, batch, dim)))
    f.turning = start
    return f


FAMILY = Family(
    name="turning_gradient",
    title="quadratic whose gradient turns early",
    traits=frozenset({"smooth", "bounded", "convex", "pl", "quadratic"}),
    sample=sample,
    dims=(3,),
    options={"scale": (1e-2, 1.0)},
)
