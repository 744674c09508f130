"""Multilayer perceptrons."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import nn

from grams_theory.core.random import generator
from grams_theory.landscape.models import activations


def perceptron(
    widths: Sequence[int], activation: str = "tanh", *, seed: int = 0, dtype: torch.dtype = torch.float64
) -> nn.Sequential:
    """Affine layers of these widths, inputs first, with an activation between; weights N(0, 1/fan-in), biases 0.

    Each layer has a stream of its own, so that its weights do not depend on the others.
    """
    layers: list[nn.Module] = []
    for index, (fan_in, fan_out) in enumerate(pairwise(widths)):
        layer = nn.Linear(fan_in, fan_out, dtype=dtype)
        noise = torch.randn(layer.weight.shape, generator=generator(seed, "perceptron", index), dtype=dtype)
        with torch.no_grad():
            layer.weight.copy_(noise / fan_in**0.5)
            layer.bias.zero_()
        layers += [layer, activations.module(activation)]
    return nn.Sequential(*layers[:-1])
