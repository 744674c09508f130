"""Three ways to step the parameters of a group: a loop over them, foreach, and fused kernels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from grams_theory.optim import rule
from grams_theory.optim._amp import Scaling
from grams_theory.optim._columns import Columns, Row, bundles, columns, cut, is_large, slices
from grams_theory.optim._distributed import any_spread, mean_of_whole, means_of_sums
from grams_theory.optim._low_precision import compute_dtype, store_
from grams_theory.optim._tensors import PLAIN, Tensors, items, like
from grams_theory.optim.rule import Array, Direction

FOREACH_DEVICES = ("cuda", "xpu")
DISPATCH = "__torch_dispatch__"

Group = dict[str, Any]


def use_fused(given: Columns, group: Group) -> bool:
    """As asked for; but what is compiled is fused anyway, and a kernel needs memory."""
    if not group["fused"] or torch.compiler.is_compiling():
        return False
    return all(map(has_memory, {type(x) for column in given[1:] for x in column}))


def has_memory(kind: type[Tensor]) -> bool:
    """Whether tensors of that type lie at an address: not if it does operations itself, as wrappers and fakes do."""
    return kind in PLAIN or getattr(kind, DISPATCH) is getattr(Tensor, DISPATCH)


def use_foreach(params: Iterable[Tensor], group: Group) -> bool:
    """As asked for; else torch.optim's default: where all parameters are plain tensors on an accelerator."""
    if group["foreach"] is not None or group["fused"] is not None:
        return bool(group["foreach"])
    plain = all(type(p) in PLAIN and p.device.type in FOREACH_DEVICES for p in params)
    return plain and not group["differentiable"]


@dataclass(frozen=True)
class Moves:
    """An optimizer's rule for the parameters of a group. Arrays are tensors, or `Tensors`."""

    move_: Callable[..., None]
    """move_(w, g, *moments, t=step count, direction=direction, group=group): one step, in place."""
    base_step: Callable[..., Array]
    """base_step(w, g, *moments, group=group): u as `move_` will find it, up to positive factors."""
    direction: Direction


def plain_(given: Columns, foreach: bool, moves: Moves, group: Group, amp: Scaling) -> None:
    """The loop or foreach."""
    params, w, g, steps, *moments = given
    on_device = group["capturable"] or group["differentiable"] or torch.compiler.is_compiling()
    on_device = on_device or bool(group["fused"] and not all(step.is_cpu for step in steps))
    group = numbers(group, ("lr", "betas", "weight_decay"), on_device)
    if amp.grad_scale is not None:
        g = list(map(amp.unscaled, g))
    written = [x for column in (w, steps, *moments) for x in column] if amp.found_inf is not None else []
    before = [x.clone() for x in written]
    # Made once: a number would become a tensor at every addition.
    one = 1 if on_device else torch.tensor(1.0, device="cpu")
    for step in steps:
        step.add_(one)
    rows: list[Row] = list(zip(params, w, g, steps, *moments, strict=True))
    rescaled = moves.direction is rule.cautious_rescaled
    if rescaled and not on_device:
        rescale_([row for row in rows if is_large(row)], foreach, moves, group)
        rows = [row for row in rows if not is_large(row)]
    elif not on_device:
        rows = [part for row in rows for part in slices(row)]
    for p, *arrays in taken(rows, foreach):
        direction = partial(rule.cautious_rescaled, mean=mean_of_whole(p)) if rescaled else moves.direction
        _apply_(*arrays, direction=direction, move_=moves.move_, on_device=on_device, group=group)
    amp.restore_(written, before)


def taken(rows: list[Row], foreach: bool) -> Iterator[Sequence[Array]]:
    """p, w, g, step count and moments of each row, or for foreach of several rows."""
    if not foreach or not rows:
        return iter(rows)
    pieces = (piece for bundle in bundles(columns(rows)) for piece in cut(bundle))
    return (list(map(Tensors, piece)) for piece in pieces)


def rescale_(rows: list[Row], foreach: bool, moves: Moves, group: Group) -> None:
    """Moves rows with rescaled masks slice by slice: once to count what agrees, and once more to step."""
    counts = [_count(row, foreach, moves, group) for row in rows]
    for row, mean in zip(rows, means_of_sums(counts, [p for p, *_ in rows]), strict=True):
        direction = partial(rule.cautious_rescaled, mean=partial(_given, mean))
        for _, *arrays in taken(slices(row), foreach):
            _apply_(*arrays, direction=direction, move_=moves.move_, on_device=False, group=group)


def _count(row: Row, foreach: bool, moves: Moves, group: Group) -> Tensor:
    """How many coordinates of a row agree, as a 0-d tensor of float32 or float64."""
    counts = []
    for _, w, g, _, *moments in taken(slices(row), foreach):
        w, g, *moments = _operands(w, g, *moments, group=group)
        mask = rule.mask(moves.base_step(w, g, *moments, group=group), g)
        counts += [x.sum(dtype=torch.promote_types(x.dtype, torch.float32)) for x in items(mask)]
    exact = torch.stack(counts).to(torch.int64).sum()  # float32 counts to 2^24
    return exact.to(counts[0].dtype)


def _given(mean: Tensor, mask: Array) -> Array:
    return like(mask, [mean.to(x.dtype, copy=True) for x in items(mask)])


def _apply_(
    w: Array,
    g: Array,
    step: Array,
    *moments: Array,
    direction: Direction,
    move_: Callable[..., None],
    on_device: bool,
    group: Group,
) -> None:
    """One row, or one bundle of rows as lists, whose steps are counted."""
    t = step if on_device else step.tolist()
    if group["differentiable"]:
        t = step.clone()
    operands = _operands(w, g, *moments, group=group)
    move_(*operands, t=t, direction=direction, group=group)
    for x, value in zip((w, *moments), (operands[0], *operands[2:]), strict=True):
        store_(x, value, group["stochastic_rounding"])


def _operands(w: Array, g: Array, *moments: Array, group: Group) -> list[Array]:
    """w, g downhill and the moments, in the dtype that is computed with; themselves where that is theirs."""
    if group["maximize"]:
        g = g.neg()
    arrays = [w, g, *moments]
    alike = {x.dtype for x in arrays} == {w.dtype}
    if alike and not (group["state_dtype"] or group["stochastic_rounding"] or group["fused"]):
        return arrays
    dtype = compute_dtype(*arrays)
    return [x.to(dtype) for x in arrays]


def fused_(given: Columns, update: Callable[[Group], Any], group: Group, amp: Scaling) -> None:
    """One kernel call for each bundle of rows.

    Raises:
        RuntimeError: there is no kernel for them.
    """
    from grams_theory.optim import _fused

    if reason := _fused.refusal(given[1]):
        raise RuntimeError(reason)
    group = numbers(group, ("betas", "weight_decay"))  # lr may stay a tensor on the device
    for params, w, g, steps, *moments in bundles(given):
        here = amp.to(w[0].device)
        _fused.step_(
            update(group),
            w,
            g,
            moments,
            t=steps,
            advance=True,
            lr=group["lr"],
            grad_scale=here.grad_scale,
            found_inf=here.found_inf,
            means=partial(means_of_sums, params=params) if any_spread(params) else None,
        )


def numbers(group: Group, names: Iterable[str], on_device: bool = False) -> Group:
    """The group with those hyperparameters as floats where they are tensors, or as 0-d tensors on the device, if
    nothing may ask for their values."""

    def read(value: Any) -> Any:
        if isinstance(value, (tuple, list)):
            return tuple(map(read, value))
        if isinstance(value, Tensor):
            return value.reshape(()) if on_device else value.item()
        return value

    return {**group, **{name: read(group[name]) for name in names}}
