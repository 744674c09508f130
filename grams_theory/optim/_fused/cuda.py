"""The fused step on CUDA: one launch of a Triton kernel (kernels.py) for all tensors of one dtype.

Nothing here waits for the device, so that a step can be captured in a CUDA graph.
"""

# pyright: reportPrivateImportUsage=false

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor

from grams_theory.optim import rule
from grams_theory.optim._fused.update import Update

BLOCK = 2048
"""Elements of a chunk."""
WARPS = 8
"""32 threads each: a thread moves 8 numbers."""
KEPT = 64
"""Tables that are remembered: one for each group, dtype and device whose tensors stay where they are."""


def refusal() -> str | None:
    """Why this machine cannot step fused on CUDA, or None."""
    if find_spec("triton") is None:
        return "fused=True on CUDA needs triton; install it, or use fused=False"
    return None


def advanced(
    steps: Sequence[Tensor], arrays: Sequence[Sequence[Tensor]], found_inf: Tensor | None
) -> Sequence[Tensor]:
    """Adds 1 to the step counts, unless found_inf is not 0; then these tensors."""
    one = 1 if found_inf is None else (found_inf == 0).to(torch.float32).reshape(())
    torch._foreach_add_(list(steps), one)
    return steps


def step_(
    update: Update,
    arrays: Sequence[Sequence[Tensor]],
    *,
    t: Sequence[float | Tensor],
    lr: float | Tensor,
    grad_scale: Tensor | None = None,
    found_inf: Tensor | None = None,
    means: Callable[[list[Tensor]], list[Tensor]] | None = None,
) -> None:
    """As `_fused.step_`, on tensors whose layouts are dense and agree."""
    from grams_theory.optim._fused import kernels

    device = arrays[0][0].device
    with torch.cuda.device(device) if device.type == "cuda" else nullcontext():
        addresses = tuple(tuple(map(Tensor.data_ptr, tensors)) for tensors in arrays)
        table = _remembered(_table, device)(addresses, tuple(map(Tensor.numel, arrays[0])), device)
        options = _options(update, arrays, table.aligned)
        shared = (
            table.rows,
            table.owners,
            _numbers(update, t, lr, grad_scale, device),
            _remembered(_constants, device)(update, device),
        )

        def launch(kernel: Any, *own: Any, **chosen: Any) -> None:
            if table.chunks:
                kernel[(table.chunks,)](*shared, *own, len(t), **options, **chosen)

        mean = None
        if update.rescaled:
            agreeing = torch.zeros(len(t), dtype=torch.int64, device=device)
            launch(kernels.count, agreeing)
            counts = agreeing.double()
            mean = counts / table.sizes if means is None else torch.stack(means([*counts]))
        stochastic = update.stochastic_rounding and 2 in (tensors[0].dtype.itemsize for tensors in arrays)
        launch(
            kernels.step,
            mean,
            found_inf,
            torch.empty(1, dtype=torch.int64, device=device).random_() if stochastic else None,
            RESCALED=update.rescaled,
            SKIPPABLE=found_inf is not None,
            STOCHASTIC=stochastic,
        )


def _options(update: Update, arrays: Sequence[Sequence[Tensor]], aligned: bool) -> dict[str, Any]:
    """What both kernels are compiled for."""
    import triton.language as tl

    types = {
        torch.float64: tl.float64,
        torch.float32: tl.float32,
        torch.float16: tl.float16,
        torch.bfloat16: tl.uint16,
    }
    w, g, m = (tensors[0].dtype for tensors in arrays[:3])
    return {
        "MOMENTS": update.moments,
        "C": tl.float64 if w == torch.float64 else tl.float32,
        "W": types[w],
        "G": types[g],
        "M": types[m],
        "NEAR": 1 - update.betas[0] < 0.5,
        "PENALISED": update.l2_penalty and update.weight_decay != 0,
        "ALIGNED": aligned,
        "BLOCK": BLOCK,
        "num_warps": WARPS,
        "enable_fp_fusion": False,
    }


@dataclass(frozen=True)
class Table:
    """Where the tensors are, and which chunk is whose."""

    rows: Tensor
    """int64, one column for each tensor: the addresses of w, g and the moments, the size, the first chunk."""
    owners: Tensor
    """int32: the tensor of each chunk."""
    chunks: int
    sizes: Tensor
    """int64: the row of the sizes."""
    aligned: bool
    """Whether all addresses are multiples of 16 bytes."""


def _table(addresses: tuple[tuple[int, ...], ...], sizes: tuple[int, ...], device: torch.device) -> Table:
    ends = list(accumulate(-(-size // BLOCK) for size in sizes))
    columns = len(sizes)
    values = [x for row in (*addresses, sizes, [0, *ends[:-1]], ends) for x in row]
    rows = _upload(values, torch.int64, device).view(-1, columns)
    chunks = torch.arange(ends[-1], dtype=torch.int64, device=device)
    owners = torch.bucketize(chunks, rows[-1], right=True, out_int32=True)
    return Table(rows, owners, ends[-1], rows[-3], all(x % 16 == 0 for row in addresses for x in row))


def _constants(update: Update, device: torch.device) -> Tensor:
    """float64: the numbers that hold for all tensors, in the order in which the kernels load them."""
    (beta1, beta2), (agree, oppose, tie) = update.betas, update.factors
    least = rule.SMALLEST_MEAN if update.rescaled else agree
    values = [1 - beta1, beta1, 1 - beta2, beta2, update.weight_decay, least, oppose, tie]
    return _upload(values, torch.float64, device)


def _numbers(
    update: Update,
    t: Sequence[float | Tensor],
    lr: float | Tensor,
    grad_scale: Tensor | None,
    device: torch.device,
) -> Tensor:
    """float64, one column for each tensor: rate root, eps root (see `cpu`), the decay of w, the factor of g."""
    if isinstance(lr, Tensor):
        lr = lr.to(device, torch.float64, non_blocking=True).reshape(())
    unscale = torch.full((), -1.0 if update.maximize else 1.0, dtype=torch.float64, device=device)
    if grad_scale is not None:
        unscale = unscale / grad_scale.double().reshape(())
    decay = unscale.new_full((), 1.0) - (0 if update.l2_penalty else lr * update.weight_decay)
    if update.base == "lion":
        rate, eps = unscale.new_full((), -1.0) * lr, unscale.new_full((), 0.0)
    else:
        rate, root = rule.bias(_counts(t, device), lr, update.betas)
        rate, eps = rate * root, root * update.eps
    return torch.stack([x.expand(len(t)) for x in (rate, eps, decay, unscale)])


def _counts(t: Sequence[float | Tensor], device: torch.device) -> Tensor:
    """The step counts in one float64 tensor on the device."""
    tensors = [x for x in t if isinstance(x, Tensor)]
    if len(tensors) == len(t):
        return torch.stack(tensors).to(device, torch.float64)
    return _upload([float(x) for x in t], torch.float64, device)


def _upload(values: Sequence[float], dtype: torch.dtype, device: torch.device) -> Tensor:
    """The values on the device, without waiting for it. Within a capture they become constants of its kernels."""
    if device.type == "cpu":
        return torch.tensor(values, dtype=dtype)
    if not torch.cuda.is_current_stream_capturing():
        return torch.tensor(values, dtype=dtype).pin_memory().to(device, non_blocking=True)
    result = torch.zeros(len(values), dtype=dtype, device=device)
    torch._foreach_add_(list(result.unbind()), list(values))
    return result


def _remembered(function: Callable[..., Any], device: torch.device) -> Callable[..., Any]:
    """The function, with its results remembered for the current stream.

    Not within a capture: what is computed there exists when the graph is replayed, and a graph must own what it uses.
    """
    if device.type == "cpu":
        return _memory(function, 0)
    if torch.cuda.is_current_stream_capturing():
        return function
    return _memory(function, torch.cuda.current_stream(device).cuda_stream)


@lru_cache(maxsize=KEPT)
def _memory(function: Callable[..., Any], stream: int) -> Callable[..., Any]:
    return lru_cache(maxsize=KEPT)(function)
