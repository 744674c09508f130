"""Parameters spread over processes: each process steps the part that it holds.

A `DTensor` (FSDP2, tensor parallelism) stands for a whole tensor of which each process holds a shard or a copy.
Rules are coordinatewise, so they work on these parts as on any tensor: in a loop, by foreach, fused. The one thing that
couples coordinates, the mean of a mask, is taken over the whole.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, TypeGuard

import torch
from torch import Tensor

from grams_theory.optim import rule
from grams_theory.optim._tensors import PLAIN, items, like
from grams_theory.optim.rule import Array

if TYPE_CHECKING:
    from torch.distributed.device_mesh import DeviceMesh
    from torch.distributed.tensor import DTensor
    from torch.distributed.tensor.placement_types import Placement


def is_spread(x: Tensor) -> TypeGuard[DTensor]:
    """Whether x is a DTensor. Of a plain tensor this is seen without importing torch.distributed.tensor."""
    if type(x) in PLAIN or not torch.distributed.is_available():
        return False
    from torch.distributed.tensor import DTensor

    return isinstance(x, DTensor)


def any_spread(params: Iterable[Tensor]) -> bool:
    """Whether one of them is a DTensor."""
    return any(map(is_spread, {type(p): p for p in params}.values()))


def local_parts(p: Tensor, g: Tensor, step: Tensor, *moments: Tensor) -> tuple[Tensor, ...]:
    """The same; of DTensors the parts that this process holds, to be written in their place.

    A gradient that is placed otherwise than p (pending a sum, say) is brought to p's placements first.

    Raises:
        RuntimeError: p is pending a sum, g or a moment is no DTensor, or a moment is placed otherwise.
    """
    if not is_spread(p):
        return p, g, step, *moments
    if any(placement.is_partial() for placement in p.placements):
        raise RuntimeError(f"a parameter placed {p.placements} is a sum not yet taken; redistribute it first")
    if not is_spread(g):
        raise RuntimeError(
            "a DTensor's gradient must be a DTensor, got a plain tensor; use distribute_tensor"
        )
    if g.placements != p.placements:
        g = g.redistribute(p.device_mesh, p.placements)
    torch.autograd.graph.increment_version(p)  # what is written to the part counts as written to the whole
    return p.to_local(), g.to_local(), step, *(_local_moment(moment, p) for moment in moments)


def _local_moment(moment: Tensor, p: DTensor) -> Tensor:
    if is_spread(moment) and moment.placements == p.placements:
        return moment.to_local()
    found = f"placed {moment.placements}" if is_spread(moment) else "a plain tensor"
    raise RuntimeError(
        f"a moment is {found}, and its parameter is placed {p.placements}; load the state by "
        "torch.distributed.checkpoint.state_dict.set_optimizer_state_dict"
    )


def mean_of_whole(whole: Array) -> Callable[[Array], Array]:
    """The function from a mask, at the part that this process holds of `whole`, to the mean over the whole mask."""
    params = items(whole)
    if not any_spread(params):
        return rule.mean

    def mean(mask: Array) -> Array:
        return like(mask, means(items(mask), params))

    return mean


def means(masks: Sequence[Tensor], params: Sequence[Tensor]) -> list[Tensor]:
    """The mean over each whole mask, in the mask's dtype; `masks` are at the parts that this process holds.

    The sum of ones is exact in float32 up to 2^24: the mean has the same bits for any number of processes.
    """
    masks = [mask.detach() for mask in masks]  # constant where it can be differentiated
    sums = [mask.sum(dtype=torch.promote_types(mask.dtype, torch.float32)) for mask in masks]
    return [mean.to(mask.dtype) for mean, mask in zip(means_of_sums(sums, params), masks, strict=True)]


def means_of_sums(sums: Sequence[Tensor], params: Sequence[Tensor]) -> list[Tensor]:
    """The mean over each whole tensor, like p, of whose part at this process `sums` has the sum.

    All processes that hold parts of a DTensor must call this for the same parameters. They meet once for all that are
    spread alike.
    """
    totals = list(sums)
    alike = defaultdict(list)
    for index, (p, total) in enumerate(zip(params, sums, strict=True)):
        if is_spread(total):  # as it is under autograd
            totals[index] = total.full_tensor()
        elif is_spread(p):
            alike[p.device_mesh, p.placements].append(index)
    for (mesh, placements), indices in alike.items():
        found = _total(torch.stack([sums[index] for index in indices]), mesh, placements)
        for index, total in zip(indices, found, strict=True):
            totals[index] = total
    return [
        total.div(2 * p.numel() if p.is_complex() else p.numel())
        for total, p in zip(totals, params, strict=True)
    ]


def _total(part: Tensor, mesh: DeviceMesh, placements: Sequence[Placement]) -> Tensor:
    """The sum of `part` over the processes that hold different shards of what is placed so."""
    total = part.to(mesh.device_type)
    for dim, placement in enumerate(placements):
        if not placement.is_replicate():
            torch.distributed.all_reduce(total, group=mesh.get_group(dim))
    return total.to(part.device)
