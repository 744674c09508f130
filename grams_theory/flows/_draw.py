"""Random vectors over many magnitudes, with exact zeros."""

import torch
from torch import Tensor

Shape = tuple[int, ...]


def magnitudes(generator: torch.Generator, shape: Shape, low: float, high: float) -> Tensor:
    """Log-uniform numbers between 10**low and 10**high, float64, on the generator's device."""
    uniform = torch.rand(shape, generator=generator, dtype=torch.float64, device=generator.device)
    return 10.0 ** (low + (high - low) * uniform)


def normal(generator: torch.Generator, shape: Shape) -> Tensor:
    return torch.randn(shape, generator=generator, dtype=torch.float64, device=generator.device)


def with_zeros(generator: torch.Generator, x: Tensor, share: float) -> Tensor:
    """`x` with about that share of its entries replaced by exact zeros."""
    kept = torch.rand(x.shape, generator=generator, dtype=torch.float64, device=generator.device) >= share
    return torch.where(kept, x, torch.zeros_like(x))
