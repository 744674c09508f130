"""Colour images as float32 tensors (n, 3, 32, 32); over the training images each channel has mean 0, variance 1."""

from __future__ import annotations

from torch import Tensor

from grams_theory.landscape.losses.sources import Split


def normalised(images: Tensor, labels: Tensor, test_images: Tensor, test_labels: Tensor) -> Split:
    """Bytes (n, 3, height, width) and classes, with what the training images say of mean and variance."""
    X, held_out = images.float() / 255, test_images.float() / 255
    mean, std = (part.view(3, 1, 1) for part in (X.mean((0, 2, 3)), X.std((0, 2, 3))))
    return ((X - mean) / std, labels.long()), ((held_out - mean) / std, test_labels.long())
