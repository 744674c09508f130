"""How well Adam's update u agrees with the gradient g along a run."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


class AdamDirection:
    """u of Definition 3.5 from the history of gradients, fed one at a time: (D,) -> (D,)."""

    def __init__(self, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8) -> None:
        self.betas, self.eps, self.t = betas, eps, 0
        self.m = self.v = torch.zeros(())

    def __call__(self, g: Tensor) -> Tensor:
        beta1, beta2 = self.betas
        self.t += 1
        self.m = beta1 * self.m + (1 - beta1) * g
        self.v = beta2 * self.v + (1 - beta2) * g * g
        return self.m / (1 - beta1**self.t) / ((self.v / (1 - beta2**self.t)).sqrt() + self.eps)


@dataclass(frozen=True)
class Alignment:
    """kappa = ⟨|g|, |u|⟩/(‖g‖‖u‖), in [0, 1], and the share of all coordinates with u_i g_i < 0."""

    kappa: float
    disagreement: float


def align(g: Tensor, u: Tensor) -> Alignment | None:
    """The alignment of two vectors of shape (D,); None if one is zero."""
    g, u = g.double(), u.double()
    size = (g.norm() * u.norm()).item()
    if size == 0:
        return None
    opposed = (g.sign() * u.sign() < 0).double().mean().item()
    return Alignment((g.abs() @ u.abs()).item() / size, opposed)
