"""ResNet-50 with bottlenecks of twice the width: WRN-50-2 (He et al., 2015; Zagoruyko and Komodakis, 2016)."""

from __future__ import annotations

from torch import Tensor, nn

from grams_theory.landscape.models import activations, convolutions
from grams_theory.landscape.models.convolutions import convolution

STAGES = (3, 4, 6, 3)
EXPANSION = 4


class Bottleneck(nn.Module):
    """act(x + norm(conv1x1(act(norm(conv3x3(act(norm(conv1x1(x))))))))); the 3x3 convolution has the stride."""

    def __init__(self, inputs: int, planes: int, stride: int, widen: int, norm: str, activation: str) -> None:
        super().__init__()
        make_norm = convolutions.norm(norm)
        width, outputs = planes * widen, planes * EXPANSION
        self.branch = nn.Sequential(
            *(convolution(inputs, width, 1), make_norm(width), activations.module(activation)),
            *(convolution(width, width, 3, stride), make_norm(width), activations.module(activation)),
            *(convolution(width, outputs, 1), make_norm(outputs)),
        )
        same = inputs == outputs and stride == 1
        self.shortcut = (
            nn.Identity()
            if same
            else nn.Sequential(convolution(inputs, outputs, 1, stride), make_norm(outputs))
        )
        self.act = activations.module(activation)

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.shortcut(x) + self.branch(x))


class BottleneckResNet(nn.Module):
    """ResNet-50 whose bottlenecks are `widen` times as wide, for small images: (n, 3, 32, 32) -> logits (n, classes).

    The first convolution is 3x3 with stride 1 and no pooling, as is usual for CIFAR. `norm` and `activation` as in
    `WideResNet`.

    Raises:
        UsageError: an unknown norm or activation.
    """

    def __init__(
        self, classes: int, *, widen: int = 2, norm: str = "group", activation: str = "silu"
    ) -> None:
        super().__init__()
        channels = 64
        self.stem = nn.Sequential(
            convolution(3, channels, 3), convolutions.norm(norm)(channels), activations.module(activation)
        )
        blocks = []
        for stage, count in enumerate(STAGES):
            planes = 64 * 2**stage
            for index in range(count):
                stride = 2 if stage and not index else 1
                blocks.append(Bottleneck(channels, planes, stride, widen, norm, activation))
                channels = planes * EXPANSION
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(channels, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.blocks(self.stem(x)).mean((2, 3)))
