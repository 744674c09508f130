"""Three ways to step the parameters of a group: a loop over them, foreach, and fused kernels.

A row is [p, w, g, step count, *moments] of one parameter p; w is the part of p that this process holds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from grams_theory.optim import rule
from grams_theory.optim._amp import Scaling
from grams_theory.optim._distributed import is_spread, over_the_whole
from grams_theory.optim._low_precision import compute_dtype, store_
from grams_theory.optim._tensors import Tensors
from grams_theory.optim.rule import Array, Direction

FOREACH_DEVICES = ("cuda", "xpu")
PIECE, PIECE_ON_CPU = 2**24, 2**18
"""Elements that are taken at a time: so much memory do the results of operations fill, one after the other.

On a CPU they stay in its cache.
"""

Group = dict[str, Any]
Row = Sequence[Tensor]


def use_fused(group: Group) -> bool:
    """As asked for; what is compiled is fused anyway."""
    return bool(group["fused"]) and not torch.compiler.is_compiling()


def use_foreach(params: Iterable[Tensor], group: Group) -> bool:
    """As asked for; else torch.optim's default: where all parameters are plain tensors on an accelerator."""
    if group["foreach"] is not None or group["fused"] is not None:
        return bool(group["foreach"])
    plain = all(type(p) in (Tensor, torch.nn.Parameter) and p.device.type in FOREACH_DEVICES for p in params)
    return plain and not group["differentiable"]


def plain_(
    rows: Sequence[Row],
    foreach: bool,
    move_: Callable[..., None],
    direction: Callable[[Group], Direction],
    group: Group,
    amp: Scaling,
) -> None:
    """The loop or foreach: `move_(w, g, *moments, t=t, direction=..., group=group)` for each row, or bundle of rows."""
    on_device = group["capturable"] or group["differentiable"] or torch.compiler.is_compiling()
    group = numbers(group, ("lr", "betas", "weight_decay"), on_device)
    if amp.grad_scale is not None:
        rows = [(p, w, amp.unscaled(g), *others) for p, w, g, *others in rows]
    written = [x for _, w, _, *others in rows for x in (w, *others)] if amp.found_inf is not None else []
    before = [x.clone() for x in written]
    one = 1 if on_device else torch.ones(())  # made once: a number would become a tensor at every addition
    for _, _, _, step, *_ in rows:
        step.add_(one)
    if not on_device and direction(group) is not rule.cautious_rescaled:
        rows = [part for row in rows for part in slices(row)]
    if foreach:
        pieces = (piece for bundle in bundles(rows) for piece in cut(bundle))
        arrays = [map(Tensors, zip(*piece, strict=True)) for piece in pieces]
    else:
        arrays = rows
    for p, *others in arrays:
        move = partial(move_, direction=over_the_whole(direction(group), p), group=group)
        _apply_(*others, move_=move, on_device=on_device, group=group)
    amp.restore_(written, before)


def _apply_(
    w: Array,
    g: Array,
    step: Array,
    *moments: Array,
    move_: Callable[..., None],
    on_device: bool,
    group: Group,
) -> None:
    """One row, or one bundle of rows as lists, whose steps are counted."""
    t = step if on_device else step.tolist()
    if group["differentiable"]:
        t = step.clone()
    if group["maximize"]:
        g = g.neg()
    if not (group["state_dtype"] or group["stochastic_rounding"] or group["fused"] or g.dtype != w.dtype):
        move_(w, g, *moments, t=t)
        return
    dtype = compute_dtype(w, g, *moments)
    wide = [x.to(dtype) for x in (w, g, *moments)]
    move_(*wide, t=t)
    store_(w, wide[0], group["stochastic_rounding"])
    for moment, value in zip(moments, wide[2:], strict=True):
        store_(moment, value, stochastic=False)


def fused_(rows: Sequence[Row], update: Callable[[Group], Any], group: Group, amp: Scaling) -> None:
    """One kernel call for each bundle of rows.

    Raises:
        RuntimeError: there is no kernel for them.
    """
    from grams_theory.optim import _fused

    reason = _fused.refusal([w for _, w, *_ in rows])
    if update(group).rescaled and any(is_spread(p) for p, *_ in rows):
        reason = "fused=True cannot rescale the masks of DTensors, whose means are global; use foreach=True"
    if reason is not None:
        raise RuntimeError(reason)
    group = numbers(group, ("betas", "weight_decay"))  # lr may stay a tensor on the device
    for bundle in bundles(rows):
        _, w, g, steps, *moments = map(list, zip(*bundle, strict=True))
        on_cpu, here = w[0].device.type == "cpu", amp.to(w[0].device)
        if here.found_inf is None:
            Tensors(steps).add_(1)
        elif on_cpu and here.found_inf.item():
            continue
        else:
            Tensors(steps).add_((here.found_inf == 0).to(torch.float32))
        _fused.step_(
            update(group),
            w,
            g,
            moments,
            t=[step.item() for step in steps] if on_cpu else steps,
            lr=group["lr"],
            grad_scale=here.grad_scale,
            found_inf=here.found_inf,
        )


def numbers(group: Group, names: Iterable[str], on_device: bool = False) -> Group:
    """The group with those hyperparameters as floats where they are tensors, or as 0-d tensors on the device, if
    nothing may ask for their values."""

    def read(value: Any) -> Any:
        if isinstance(value, tuple | list):
            return tuple(map(read, value))
        if isinstance(value, Tensor):
            return value.reshape(()) if on_device else value.item()
        return value

    return {**group, **{name: read(group[name]) for name in names}}


def bundles(rows: Iterable[Row]) -> list[list[Row]]:
    """Rows of the same device and the same dtypes of parameter and gradient, together."""
    found = defaultdict(list)
    for row in rows:
        _, w, g, *_ = row
        found[w.device, w.dtype, g.dtype].append(row)
    return list(found.values())


def slices(row: Row) -> list[Row]:
    """A row as rows of at most so many elements as are taken at a time, if it lies in contiguous memory.

    Each is then a parameter of its own, with the step count of the whole.
    """
    _, w, g, step, *moments = row
    arrays, limit = (w, g, *moments), _limit(w)
    if w.numel() <= limit or not all(x.is_contiguous() for x in arrays):
        return [row]
    parts = zip(*(x.view(-1).split(limit) for x in arrays), strict=True)
    return [(w, w, g, step, *moments) for w, g, *moments in parts]


def _limit(w: Tensor) -> int:
    return PIECE_ON_CPU if w.device.type == "cpu" else PIECE


def cut(bundle: Sequence[Row]) -> list[list[Row]]:
    """A bundle in pieces of at most so many elements as are taken at a time, or of one parameter."""
    limit = _limit(bundle[0][1])
    pieces, room = [], 0
    for row in bundle:
        size = row[0].numel()  # of the whole parameter: all processes cut alike
        if size > room or not pieces:
            pieces.append([])
            room = limit
        pieces[-1].append(row)
        room -= size
    return pieces
