"""Which hyperparameters and options an optimizer takes."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, SupportsFloat

import torch
from torch import Tensor

STATE_DTYPES = (None, torch.float32, torch.bfloat16)
EXCLUSIVE = {
    ("foreach", "differentiable"): ValueError,
    ("stochastic_rounding", "differentiable"): ValueError,
    ("foreach", "fused"): RuntimeError,
    ("fused", "differentiable"): RuntimeError,
}
"""Options of which only one may be True, and the error; for fused it is torch.optim's."""


def check(group: dict[str, Any]) -> None:
    """Check what all optimizers share.

    Raises:
        TypeError: a hyperparameter is not a number.
        ValueError, RuntimeError: one is out of range, or options exclude each other.
    """
    for name in ("lr", "weight_decay"):
        at_least_zero(name, group[name])
    betas = group["betas"]
    if not isinstance(betas, Collection):
        raise TypeError(f"betas={betas!r} must be two numbers, such as (0.9, 0.999)")
    if len(betas) != 2:
        raise ValueError(f"betas={betas} must be two numbers")
    if len({isinstance(beta, Tensor) for beta in betas}) == 2:
        raise ValueError(f"betas={betas} must be both floats or both tensors")
    for index, beta in enumerate(betas):
        value = number(f"betas[{index}]", beta)
        if not 0 <= value < 1:
            raise ValueError(f"betas[{index}]={value} must be in [0, 1)")
    if group["state_dtype"] not in STATE_DTYPES:
        allowed = ", ".join(map(str, STATE_DTYPES))
        raise ValueError(f"state_dtype={group['state_dtype']} must be one of {allowed}")
    for (first, second), error in EXCLUSIVE.items():
        if group[first] and group[second]:
            raise error(f"{first}=True and {second}=True exclude each other; leave one of them out")


def at_least_zero(name: str, value: float | Tensor) -> None:
    """Raise ValueError unless value >= 0 (NaN is not)."""
    value = number(name, value)
    if not value >= 0:
        raise ValueError(f"{name}={value} must be >= 0")


def number(name: str, value: float | Tensor) -> float:
    """The value of a number or of a 1-element tensor; TypeError for anything else, ValueError for a longer tensor."""
    if not isinstance(value, Tensor):
        if not isinstance(value, SupportsFloat):
            raise TypeError(f"{name}={value!r} must be a number or a 1-element tensor")
        return value
    if value.numel() != 1:
        raise ValueError(f"{name} must have 1 element, got a tensor of shape {tuple(value.shape)}")
    return value.item()
