"""One kernel call for one step of many tensors: C++ on the CPU, Triton on CUDA.

A kernel reads each of w, g and the moments once and writes each of w and the moments once. It computes in float32
(float64 for float64), whatever the tensors are stored in, and rounds once what it writes. The results are those of
`grams_theory.optim.rule` up to rounding. To rescale a mask, g and m (and w, where the decay is a penalty) are read once
before, to count what agrees.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from types import ModuleType

import torch
from torch import Tensor

from grams_theory.optim._fused import cpu, cuda
from grams_theory.optim._fused.layout import OVERLAP, aligned, overlaps
from grams_theory.optim._fused.update import Update as Update

DTYPES = (torch.float64, torch.float32, torch.bfloat16, torch.float16)
GRADIENTS = (torch.float32,)
"""dtypes of gradients other than the parameter's own."""
MOMENTS = (torch.float32, torch.bfloat16)
"""dtypes of moments other than the parameter's own."""
KERNELS: dict[str, ModuleType] = {"cpu": cpu, "cuda": cuda}
DEVICE, DTYPE, SHAPE = map(attrgetter, ("device", "dtype", "shape"))


def refusal(params: Sequence[Tensor]) -> str | None:
    """Why these parameters cannot be stepped fused, or None. Complex ones count as pairs of reals."""
    kinds = {device.type for device in {*map(DEVICE, params)}}
    for kind in kinds - KERNELS.keys():
        return f"fused=True is for parameters on {' and '.join(KERNELS)}, got one on {kind}; use fused=False"
    for dtype in {*map(DTYPE, params)}:
        if (dtype.to_real() if dtype.is_complex else dtype) not in DTYPES:
            allowed = ", ".join(map(str, DTYPES))
            return f"fused=True is for parameters of {allowed}, got {dtype}; use fused=False"
    if not all(map(Tensor.is_contiguous, params)) and any(map(overlaps, params)):
        return OVERLAP
    return next(filter(None, (KERNELS[kind].refusal() for kind in kinds)), None)


def step_(
    update: Update,
    w: Sequence[Tensor],
    g: Sequence[Tensor],
    moments: Sequence[Sequence[Tensor]],
    *,
    t: Sequence[float | Tensor],
    advance: bool = False,
    lr: float | Tensor,
    grad_scale: Tensor | None = None,
    found_inf: Tensor | None = None,
    means: Callable[[list[Tensor]], list[Tensor]] | None = None,
) -> None:
    """One step of all tensors, in place; g is only read.

    Args:
        update: what is computed.
        w: real tensors of any strides, all of one device and of one dtype of `DTYPES`.
        g: one tensor for each of w, of its shape and dtype or of float32.
        moments: for each moment, in the order of the optimizer's `moments`, one tensor for each of w, of its shape;
            all of w's dtype, all of float32, or all of bfloat16.
        t: the step counts, which begin with 1: numbers, or 0-d tensors of w's device.
        advance: t, tensors, are the counts of the steps before, and become those of this step.
        lr: the step size, a number or a tensor of one element.
        grad_scale: g is divided by this tensor of one element first.
        found_inf: nothing is changed where this tensor of one element is not 0.
        means: where w are parts of other tensors: from how many coordinates of each agree (0-d tensors of float64)
            to the means of the whole masks, by which these are rescaled.

    Raises:
        ValueError: shapes, dtypes or devices do not agree.
        RuntimeError: elements of a tensor that is written share memory; the kernel cannot be compiled.
    """
    if not w:
        return
    arrays = [w, g, *moments]
    _check(update, arrays)
    taken, back = aligned(arrays)
    kernel = KERNELS[w[0].device.type]
    if advance:
        t = kernel.advanced(t, taken, found_inf)
    kernel.step_(update, taken, t=t, lr=lr, grad_scale=grad_scale, found_inf=found_inf, means=means)
    for original, copy in back:
        original.copy_(copy)
    torch.autograd.graph.increment_version([x for tensors in (w, *moments) for x in tensors])


def _check(update: Update, arrays: Sequence[Sequence[Tensor]]) -> None:
    """A kernel trusts what it is told: what is smaller than it seems would be written beyond its end."""
    if len(arrays) != 2 + update.moments:
        raise ValueError(f"the update has {update.moments} moments, got {len(arrays) - 2}")
    (dtype, gradient, stored), device = (tensors[0].dtype for tensors in arrays[:3]), arrays[0][0].device
    if dtype not in DTYPES or gradient not in (dtype, *GRADIENTS) or stored not in (dtype, *MOMENTS):
        raise ValueError(
            f"got {dtype} parameters, {gradient} gradients and {stored} moments; allowed are parameters of "
            f"{', '.join(map(str, DTYPES))}, gradients of the same dtype or float32, and moments of the same dtype, "
            "float32 or bfloat16"
        )
    shapes = list(map(SHAPE, arrays[0]))
    for kind, tensors in enumerate(arrays):
        name = ("parameters", "gradients", "moments")[min(kind, 2)]
        expected = (dtype, gradient, stored)[min(kind, 2)]
        found = {*map(DTYPE, tensors), *map(DEVICE, tensors)}
        if found != {expected, device}:
            raise ValueError(f"{name} are of {', '.join(map(str, found))}, expected {expected} on {device}")
        if list(map(SHAPE, tensors)) != shapes:
            raise ValueError(f"{name} have other shapes than their parameters")
