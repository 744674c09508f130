"""CIFAR-10 from its own files: the binary version, or the Python version without running what its pickles say."""

from __future__ import annotations

import io
import os
import pickle
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from grams_theory.core.errors import UsageError
from grams_theory.landscape.losses.sources import Split
from grams_theory.landscape.losses.sources.folders import folder_with
from grams_theory.landscape.losses.sources.images import normalised

SOURCE = "CIFAR-10 (Krizhevsky, 2009): 50,000 images, 10,000 held out"
SUPPLY = "CIFAR-10, binary or Python version, unpacked"
PYTHON = (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch")
BINARY = tuple(f"{name}.bin" for name in PYTHON)
PIXELS = 3 * 32 * 32
CLASSES = 10


def cifar10(path: str | os.PathLike[str] | None, samples: int | None = None) -> Split:
    """The images (n, 3, 32, 32) and classes; `samples`: only the first so many of the training images.

    Raises:
        UsageError: there is no path, a file is missing, or is not what it should be.
    """
    folder, names = folder_with(path, (BINARY, PYTHON), SUPPLY)
    read = read_binary if names == BINARY else read_python
    *batches, held_out = (read(folder / name) for name in names)
    images, labels = (torch.cat(part)[:samples] for part in zip(*batches, strict=True))
    return normalised(images, labels, *held_out)


def read_binary(file: Path) -> tuple[Tensor, Tensor]:
    """Records of one byte for the class and 3,072 for the pixels -> bytes (n, 3, 32, 32), classes (n,).

    Raises:
        UsageError: the length is no number of records, or a class is not below 10.
    """
    raw = torch.from_numpy(np.fromfile(file, dtype=np.uint8))
    if not len(raw) or len(raw) % (1 + PIXELS):
        raise UsageError(
            f"{file} has {len(raw)} bytes, no multiple of {1 + PIXELS} (a class and {PIXELS} pixels); get it again"
        )
    records = raw.view(-1, 1 + PIXELS)
    return _checked(records[:, 1:], records[:, 0], file)


def read_python(file: Path) -> tuple[Tensor, Tensor]:
    """A pickled dictionary of b"data" (n, 3072) and b"labels", as `read_binary`. Only arrays are unpickled.

    Raises:
        UsageError: the pickle holds anything but arrays and plain objects, or no such dictionary.
    """
    try:
        found = _ArraysOnly(io.BytesIO(file.read_bytes()), encoding="bytes").load()
        images = torch.from_numpy(np.ascontiguousarray(found[b"data"], dtype=np.uint8))
        labels = torch.tensor(found[b"labels"])
    except (pickle.UnpicklingError, EOFError, KeyError, IndexError, TypeError, ValueError) as error:
        raise UsageError(f"{file} is no batch of CIFAR-10's Python version: {error}; get it again") from error
    if images.shape != (len(labels), PIXELS):
        raise UsageError(
            f"{file} has data of shape {tuple(images.shape)} with {len(labels)} labels; "
            f"it must be ({len(labels)}, {PIXELS})"
        )
    return _checked(images, labels, file)


class _ArraysOnly(pickle.Unpickler):
    """Refuses every global but those that make a NumPy array."""

    def find_class(self, module: str, name: str):
        makes_array = np.empty(0).__reduce__()[0]
        if module in ("numpy.core.multiarray", "numpy._core.multiarray") and name == "_reconstruct":
            return makes_array
        if module == "numpy" and name in ("ndarray", "dtype"):
            return getattr(np, name)
        if (module, name) == ("_codecs", "encode"):
            import codecs

            return codecs.encode
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, which no array needs")


def _checked(images: Tensor, labels: Tensor, file: Path) -> tuple[Tensor, Tensor]:
    labels = labels.long()
    if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < CLASSES:
        raise UsageError(
            f"{file} has the class {int(labels.max())}, but CIFAR-10 has {CLASSES}; is it CIFAR-100?"
        )
    return images.reshape(-1, 3, 32, 32), labels
