"""How well Adam's update u agrees with the gradient g along a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from grams_theory.optim._alignment import adam, adam_constants
from grams_theory.optim._snapshot import adam_of


class AdamDirection:
    """u of Definition 3.5 from the history of gradients, fed one at a time: (D,) -> (D,), of one dtype."""

    def __init__(self, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8) -> None:
        self.betas, self.eps, self.t = betas, eps, 0
        self.m = self.v = torch.zeros(())

    def __call__(self, g: Tensor) -> Tensor:
        beta1, beta2 = self.betas
        self.t += 1
        self.m = beta1 * self.m + (1 - beta1) * g
        self.v = beta2 * self.v + (1 - beta2) * g * g
        return adam(g, self.m, self.v, *adam_constants(self.t, self.betas, self.eps))


def update_of(state: dict[str, Any], group: dict[str, Any]) -> Tensor:
    """u of one parameter, from the moments after a step that made it, in the parameter's shape and float32 at least."""
    _, values, constants = adam_of(state, group)
    m, v, *spread = (x.to(torch.promote_types(x.dtype, torch.float32)) for x in values)
    return adam(m, m, v, *spread, *constants)


@dataclass(frozen=True)
class Alignment:
    """One gradient g and one update u, over all coordinates or over a group of them."""

    kappa: float
    """⟨|g|, |u|⟩/(‖g‖‖u‖), in [0, 1]."""
    disagreement: float
    """The share of all coordinates with u_i g_i < 0."""
    overlap: float
    """⟨|g|, |u|⟩: what a step of Grams promises, per unit of the learning rate."""
    g_norm: float
    u_norm: float


def align(g: Tensor, u: Tensor) -> Alignment | None:
    """The alignment of two finite vectors of shape (D,); None if one is zero, or empty."""
    g, u = g.double(), u.double()
    largest = [x.abs().max().item() if len(x) else 0.0 for x in (g, u)]
    if not all(largest):
        return None
    a, b = (x.abs() / size for x, size in zip((g, u), largest, strict=True))  # so that no square underflows
    opposed = (g.sign() * u.sign() < 0).double().mean().item()
    g_norm, u_norm = (size * x.norm().item() for x, size in zip((a, b), largest, strict=True))
    kappa = (a @ b / (a.norm() * b.norm())).item()
    return Alignment(min(kappa, 1.0), opposed, largest[0] * largest[1] * (a @ b).item(), g_norm, u_norm)


def align_groups(
    g: Tensor, u: Tensor, groups: Mapping[str, tuple[slice, ...]]
) -> dict[str, Alignment | None]:
    """`align` over the places of each group, as `Objective.groups` names them."""
    return {
        name: align(torch.cat([g[s] for s in places]), torch.cat([u[s] for s in places]))
        for name, places in groups.items()
    }
