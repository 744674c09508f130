"""What the residual networks are built of: convolutions, normalisations, and their initial weights.

Batch normalisation in train mode makes the loss of a sample depend on the others in its batch: the loss over all data
is then no mean over samples, and chunking changes it. So group normalisation is the default; "batch" gives the
networks as they were published, with the same number of parameters.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch
from torch import nn

from grams_theory.core.errors import UsageError

Norm = Callable[[int], nn.Module]


def _group(channels: int) -> nn.Module:
    """At most 32 groups, of at least four channels where there are so many."""
    return nn.GroupNorm(math.gcd(32, channels // 4, channels), channels)


NORMS: Mapping[str, Norm] = {"group": _group, "batch": nn.BatchNorm2d}


def norm(name: str) -> Norm:
    """channels -> a normalisation. Raises `UsageError` for a name that is not known."""
    if name not in NORMS:
        raise UsageError(f"norm={name!r} is not known; choose {', '.join(NORMS)}")
    return NORMS[name]


def convolution(inputs: int, outputs: int, side: int, stride: int = 1) -> nn.Conv2d:
    """side x side, without a bias: a normalisation follows. Keeps the size of the image at stride 1."""
    return nn.Conv2d(inputs, outputs, side, stride=stride, padding=side // 2, bias=False)


def initialise(model: nn.Module, generator: torch.Generator) -> None:
    """Convolutions N(0, 2/fan-out) (He et al., 2015), affine maps N(0, 1/fan-in), biases 0, normalisations 1 and 0."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu", generator=generator)
        elif isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=module.in_features**-0.5, generator=generator)
            nn.init.zeros_(module.bias)
        elif isinstance(module, nn.GroupNorm | nn.BatchNorm2d):
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)
