"""Brings the tensors of each parameter into one dense layout, so that a kernel may walk them side by side."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

Arrays = list[list[Tensor]]
"""w, g, and each moment: a list of one tensor per parameter."""
OVERLAP = "elements of a parameter share memory (was it expanded?); clone it before you optimize it"


def aligned(arrays: Sequence[Sequence[Tensor]]) -> tuple[Arrays, list[tuple[Tensor, Tensor]]]:
    """The arrays, each parameter's tensors in one dense layout, and the (original, copy) pairs to be written back.

    Dense layouts that agree are left as they are, transposed and channels-last ones too. Else what differs from w's
    layout is copied. The gradients, arrays[1], are only read.

    Raises:
        RuntimeError: elements of a parameter or of a moment share memory.
    """
    taken = [list(tensors) for tensors in arrays]
    if any(map(Tensor.is_neg, taken[1])):
        taken[1] = list(map(Tensor.resolve_neg, taken[1]))
    if all(all(map(Tensor.is_contiguous, tensors)) for tensors in taken):
        return taken, []
    back = []
    for index, w in enumerate(arrays[0]):
        layout = _strides(torch.empty_like(w, device="meta"))  # w's own where that is dense
        for kind, tensors in enumerate(taken):
            x = tensors[index]
            if _strides(x) == layout:
                continue
            tensors[index] = torch.empty_like(w, dtype=x.dtype).copy_(x)
            if kind != 1:
                if overlaps(x):
                    raise RuntimeError(OVERLAP)
                back.append((x, tensors[index]))
    return taken, back


def overlaps(x: Tensor) -> bool:
    """Whether elements share memory, or interleave so that this is hard to tell."""
    reach = 0
    for stride, size in sorted(_strides(x)):
        if stride <= reach:
            return x.numel() > 0
        reach += stride * (size - 1)
    return False


def _strides(x: Tensor) -> list[tuple[int, int]]:
    """(stride, size) of each dimension that has more than one element."""
    return [(stride, size) for stride, size in zip(x.stride(), x.shape, strict=True) if size != 1]
