"""Wide residual networks on colour images, by cross-entropy, in float32.

As published they have ReLU and batch normalisation. Here the default is SiLU and group normalisation, with which the
loss is a smooth function of the weights and a mean over samples: the options activation="relu" and norm="batch" give
the published ones.
"""

from __future__ import annotations

import os

from torch import nn

from grams_theory.core.random import generator
from grams_theory.landscape.certificates.criteria import SoftmaxLoss
from grams_theory.landscape.losses.recipe import Parts, Recipe
from grams_theory.landscape.losses.sources import Split, cifar, photos
from grams_theory.landscape.models import convolutions
from grams_theory.landscape.models.bottleneck_resnet import BottleneckResNet
from grams_theory.landscape.models.wide_resnet import WideResNet

Path = str | os.PathLike[str] | None


def _parts(model: nn.Module, split: Split, name: str, seed: int) -> Parts:
    convolutions.initialise(model, generator(seed, name))
    return Parts(model, SoftmaxLoss(), *split)


def _patches(
    *,
    seed: int,
    stride: int = 16,
    depth: int = 10,
    widen: int = 1,
    norm: str = "group",
    activation: str = "silu",
) -> Parts:
    model = WideResNet(depth, widen, len(photos.CLASSES), norm=norm, activation=activation)
    return _parts(model, photos.patches(stride), "patches_wrn", seed)


def _cifar10(
    *,
    seed: int,
    path: Path = None,
    samples: int | None = None,
    depth: int = 16,
    widen: int = 4,
    norm: str = "group",
    activation: str = "silu",
) -> Parts:
    model = WideResNet(depth, widen, cifar.CLASSES, norm=norm, activation=activation)
    return _parts(model, cifar.cifar10(path, samples), "cifar10_wrn", seed)


def _wrn_50_2(
    *, seed: int, path: Path = None, samples: int | None = None, norm: str = "group", activation: str = "silu"
) -> Parts:
    split = cifar.cifar10(path, samples)
    return _parts(BottleneckResNet(cifar.CLASSES, norm=norm, activation=activation), split, "wrn_50_2", seed)


PROBLEMS = (
    Recipe(
        "patches_wrn",
        "WideResNet of depth 10 on patches of two photographs",
        _patches,
        photos.SOURCE,
        "accuracy",
        "medium",
    ),
    Recipe(
        "cifar10_wrn",
        "WideResNet-16-4 on CIFAR-10",
        _cifar10,
        cifar.SOURCE,
        "accuracy",
        "large",
        cifar.SUPPLY,
        needs_path=True,
    ),
    Recipe(
        "wrn_50_2",
        "WRN-50-2 on CIFAR-10",
        _wrn_50_2,
        cifar.SOURCE,
        "accuracy",
        "large",
        cifar.SUPPLY,
        needs_path=True,
    ),
)
