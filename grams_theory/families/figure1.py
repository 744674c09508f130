"""The example of Figure 1 of the Grams paper: f(w) = (0.5 w₁)² + (0.1 w₂)², every row the same."""

import torch
from torch import Generator

from grams_theory.core.function import Family
from grams_theory.families._quadratic import DiagonalQuadratic

CURVATURES = (0.5, 0.02)
"""Second derivatives 2 · 0.5² and 2 · 0.1²."""


def sample(generator: Generator, batch: int, dim: int = 2) -> DiagonalQuadratic:
    h = torch.tensor(CURVATURES, dtype=torch.float64, device=generator.device).repeat(batch, 1)
    return DiagonalQuadratic(h, torch.zeros_like(h))


FAMILY = Family(
    name="figure1",
    title="(0.5 w₁)² + (0.1 w₂)² (Figure 1)",
    traits=frozenset({"smooth", "bounded", "convex", "pl", "separable", "quadratic"}),
    sample=sample,
    dims=(2,),
)
