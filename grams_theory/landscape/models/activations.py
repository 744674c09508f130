"""Activations by name. ReLU has a kink: the loss is not smooth, and a Hessian does not see all of its curvature."""

from collections.abc import Callable, Mapping

from torch import nn

from grams_theory.core.errors import UsageError

ACTIVATIONS: Mapping[str, Callable[[], nn.Module]] = {
    "gelu": nn.GELU,
    "relu": nn.ReLU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
}


def module(name: str) -> nn.Module:
    """A new module. Raises `UsageError` for a name that is not known."""
    if name not in ACTIVATIONS:
        raise UsageError(f"activation={name!r} is not known; choose {', '.join(ACTIVATIONS)}")
    return ACTIVATIONS[name]()
