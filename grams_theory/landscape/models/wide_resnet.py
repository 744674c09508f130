"""Wide residual networks of basic blocks, pre-activation (Zagoruyko and Komodakis, 2016, arXiv 1605.07146)."""

from __future__ import annotations

from torch import Tensor, nn

from grams_theory.core.errors import UsageError
from grams_theory.landscape.models import activations, convolutions
from grams_theory.landscape.models.convolutions import convolution

STEM = 16
"""Channels of the first convolution."""


class Block(nn.Module):
    """x + conv(act(norm(conv(act(norm(x)))))); where the shape changes, x comes through a 1x1 convolution."""

    def __init__(self, inputs: int, outputs: int, stride: int, norm: str, activation: str) -> None:
        super().__init__()
        make_norm = convolutions.norm(norm)
        self.norm1, self.act1 = make_norm(inputs), activations.module(activation)
        self.conv1 = convolution(inputs, outputs, 3, stride)
        self.norm2, self.act2 = make_norm(outputs), activations.module(activation)
        self.conv2 = convolution(outputs, outputs, 3)
        same = inputs == outputs and stride == 1
        self.shortcut = None if same else convolution(inputs, outputs, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        h = self.act1(self.norm1(x))
        skip = x if self.shortcut is None else self.shortcut(h)
        return skip + self.conv2(self.act2(self.norm2(self.conv1(h))))


class WideResNet(nn.Module):
    """WRN-depth-widen: images (n, 3, 32, 32) -> logits (n, classes).

    Args:
        depth: 6 k + 4, for k blocks in each of the three stages.
        widen: the stages have 16, 32 and 64 channels, times this.
        norm: "group", or "batch" as published (see `convolutions`).
        activation: "silu" is smooth, "relu" is as published.

    Raises:
        UsageError: a depth that is not 6 k + 4, or an unknown norm or activation.
    """

    def __init__(
        self,
        depth: int,
        widen: int,
        classes: int,
        *,
        norm: str = "group",
        activation: str = "silu",
    ) -> None:
        super().__init__()
        if depth < 10 or (depth - 4) % 6:
            raise UsageError(f"depth={depth} must be 6 k + 4 with k >= 1: 10, 16, 22, 28, 40, ...")
        stages = [STEM * widen * 2**i for i in range(3)]
        blocks, channels = [], STEM
        for stage, outputs in enumerate(stages):
            for index in range((depth - 4) // 6):
                stride = 2 if stage and not index else 1
                blocks.append(Block(channels, outputs, stride, norm, activation))
                channels = outputs
        self.stem = convolution(3, STEM, 3)
        self.blocks = nn.Sequential(*blocks)
        self.norm, self.act = convolutions.norm(norm)(channels), activations.module(activation)
        self.head = nn.Linear(channels, classes)

    def forward(self, x: Tensor) -> Tensor:
        h = self.act(self.norm(self.blocks(self.stem(x))))
        return self.head(h.mean((2, 3)))
