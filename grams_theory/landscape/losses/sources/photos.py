"""32x32 patches of the two photographs in scikit-learn; the class of a patch is its photograph."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from grams_theory.core.errors import UsageError
from grams_theory.landscape.losses.sources import Split
from grams_theory.landscape.losses.sources.images import normalised

SOURCE = "two photographs in scikit-learn: china by danielbuechele, flower by vultilion (both CC BY 2.0)"
CLASSES = ("china", "flower")
SIDE = 32
BORDER = 480
"""Patches left of this column are trained on, patches right of it are held out; none lies on it."""


def patches(stride: int = 16) -> Split:
    """Patches at every `stride` pixels: (n, 3, 32, 32), class 0 (china) or 1 (flower). No pixel is in both parts.

    Raises:
        UsageError: stride < 1.
    """
    from sklearn.datasets import load_sample_images

    if stride < 1:
        raise UsageError(f"stride={stride} must be at least 1; 32 makes patches that do not overlap")
    photos = [torch.from_numpy(np.array(image)).movedim(-1, 0) for image in load_sample_images().images]
    left = [_cut(photo[..., :BORDER], stride) for photo in photos]
    right = [_cut(photo[..., BORDER:], stride) for photo in photos]
    return normalised(*_labelled(left), *_labelled(right))


def _cut(photo: Tensor, stride: int) -> Tensor:
    """(3, height, width) -> (n, 3, 32, 32), row by row."""
    windows = photo.unfold(1, SIDE, stride).unfold(2, SIDE, stride)
    return windows.movedim(0, 2).reshape(-1, 3, SIDE, SIDE)


def _labelled(parts: list[Tensor]) -> tuple[Tensor, Tensor]:
    labels = [torch.full((len(part),), label) for label, part in enumerate(parts)]
    return torch.cat(parts), torch.cat(labels)
