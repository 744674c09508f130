"""What `torch.amp.GradScaler` asks of a fused optimizer: divide gradients by a scale, skip a step of infinite ones."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Scaling:
    """1-element tensors: what the gradients are divided by, and what is not 0 if one of them is infinite or NaN."""

    grad_scale: Tensor | None = None
    found_inf: Tensor | None = None

    @classmethod
    def of(cls, optimizer: torch.optim.Optimizer) -> Scaling:
        """What GradScaler left on the optimizer."""
        return cls(getattr(optimizer, "grad_scale", None), getattr(optimizer, "found_inf", None))

    def to(self, device: torch.device) -> Scaling:
        """Both on that device."""
        both = (self.grad_scale, self.found_inf)
        return Scaling(*(None if x is None else x.to(device, non_blocking=True) for x in both))

    def unscaled(self, g: Tensor) -> Tensor:
        """g / grad_scale, in float32 at least: in 16 bits it might underflow. g is only read."""
        if self.grad_scale is None:
            return g
        return g.to(torch.promote_types(g.dtype, torch.float32)).div(self.grad_scale.to(g.device))

    def restore_(self, tensors: Iterable[Tensor], before: Iterable[Tensor]) -> None:
        """Put each tensor back to what it was before if found_inf is not 0. No value is read: it can be compiled."""
        if self.found_inf is not None:
            for x, old in zip(tensors, before, strict=True):
                x.copy_(torch.where(self.found_inf.to(x.device) != 0, old, x))
