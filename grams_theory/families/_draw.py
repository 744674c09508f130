"""Random structure for batches of functions: every row has its own scale, spectrum and rotation."""

import torch
from torch import Generator, Tensor

SCALES = (1.0, 1e-2, 1e2, 1e-6, 1e-36)
"""Magnitudes of a row's curvatures. Gradients of the last two are subnormal in float16, and in float32 and bfloat16."""
OPTIONS = {"condition": (100.0, 1.0, 1e4, 1e6, 1e8), "scale": SCALES}
"""Values that Hypothesis may choose from: the largest ratio of a row's curvatures, and their magnitude."""


def uniform(generator: Generator, *shape: int) -> Tensor:
    """Uniform on [0, 1), float64 on the generator's device."""
    return torch.rand(shape, generator=generator, dtype=torch.float64, device=generator.device)


def normal(generator: Generator, *shape: int) -> Tensor:
    """Standard normal, float64 on the generator's device."""
    return torch.randn(shape, generator=generator, dtype=torch.float64, device=generator.device)


def log_uniform(generator: Generator, low: float, high: float, *shape: int) -> Tensor:
    """Log-uniform on [low, high], 0 < low <= high."""
    return low * (high / low) ** uniform(generator, *shape)


def spectrum(generator: Generator, batch: int, dim: int, condition: float) -> Tensor:
    """Positive curvatures about 1, shape (batch, dim): each row has its own ratio max / min <= condition."""
    spread = condition ** uniform(generator, batch, 1)
    return spread ** (uniform(generator, batch, dim) - 0.5)


def scales(generator: Generator, batch: int, scale: float) -> Tensor:
    """Log-uniform within a factor 10 of `scale`, shape (batch,)."""
    return log_uniform(generator, scale / 10, scale * 10, batch)


def signs(generator: Generator, *shape: int) -> Tensor:
    """Independent fair signs, float64."""
    return torch.where(uniform(generator, *shape) < 0.5, -1.0, 1.0).double()


def reflections(axis: Tensor) -> Tensor:
    """I − 2vv'/‖v‖² for axes v of shape (B, D) -> (B, D, D); the identity where v = 0."""
    size = (axis * axis).sum(-1, keepdim=True)
    unit = axis / torch.where(size > 0, size, 1.0).sqrt()
    return torch.eye(axis.shape[-1], dtype=axis.dtype, device=axis.device) - 2 * unit.unsqueeze(
        -1
    ) * unit.unsqueeze(-2)


def rotations(generator: Generator, batch: int, dim: int) -> Tensor:
    """Products of two random reflections, shape (batch, dim, dim), orthogonal up to rounding."""
    return reflections(normal(generator, batch, dim)) @ reflections(normal(generator, batch, dim))


def flipped(generator: Generator, batch: int, labels: Tensor) -> Tensor:
    """Labels of shape (n,), each row with its own share (up to 0.3) of signs flipped, shape (batch, n)."""
    share = 0.3 * uniform(generator, batch, 1)
    return torch.where(uniform(generator, batch, len(labels)) < share, -1.0, 1.0) * labels.to(
        generator.device
    )
