"""Adversarial search: every row of a batch walks downhill on its own objective, and keeps the best point that it met.

The walk is Rprop (M. Riedmiller and H. Braun, 1993): only the sign of a derivative counts, and each entry has its own
step length, longer while that sign stays and shorter when it turns. So it needs no scale of the objective.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Objective = Callable[[Sequence[Tensor]], Tensor]
"""Variables of shape (..., B, D) -> what row b of them makes, shape (B,); NaN or infinite where it has no value."""
FIRST = 0.1
"""The first step length, in units of the scale of its variable."""
LONGER, SHORTER = 1.3, 0.5


def descend(
    objective: Objective, start: Sequence[Tensor], scales: Sequence[Tensor], steps: int
) -> tuple[Tensor, ...]:
    """The point, row by row, at which the objective was smallest in that many steps from the start.

    Args:
        objective: of rows that do not depend on each other.
        start: variables of shape (..., B, D).
        scales: how far is far, for each of them; of a shape that broadcasts to its own.
        steps: 0 returns the start.
    """
    best, lengths = tuple(start), [FIRST * scale.expand_as(x) for x, scale in zip(start, scales, strict=True)]
    least, slopes = _differentiated(objective, best)
    for _ in range(steps):
        if not any(bool(slope.any()) for slope in slopes):
            break
        here = tuple(x - length * slope for x, length, slope in zip(best, lengths, slopes, strict=True))
        values, found = _differentiated(objective, here)
        better = (values < least).unsqueeze(-1)
        least = torch.where(better.squeeze(-1), values, least)
        for i, slope in enumerate(found):
            factor = torch.where(slope * slopes[i] > 0, LONGER, SHORTER)
            lengths[i] = lengths[i] * torch.where(better, factor, SHORTER)
            slopes[i] = torch.where(better, slope, slopes[i])
        best = tuple(torch.where(better, x, y) for x, y in zip(here, best, strict=True))
    return best


def _differentiated(objective: Objective, at: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
    """Values (B,), +inf where there is none, and the signs of their derivatives, 0 where there is none."""
    leaves = [x.detach().requires_grad_() for x in at]
    with torch.enable_grad():
        values = objective(leaves)
        values = torch.where(values.isfinite(), values, torch.inf)
        total = torch.where(values.isfinite(), values, 0.0).sum()
    if not total.requires_grad:
        return values, [torch.zeros_like(x) for x in at]
    slopes = torch.autograd.grad(total, leaves, allow_unused=True)
    signs = [
        torch.zeros_like(x) if slope is None else slope.nan_to_num(0.0).sign()
        for x, slope in zip(at, slopes, strict=True)
    ]
    return values.detach(), signs
