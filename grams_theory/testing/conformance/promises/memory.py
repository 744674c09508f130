"""What a step holds beside weights, gradients and state."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from grams_theory.testing.conformance.setup import Setup, require, take_step

PARAMETERS, ELEMENTS = 24, 1000
LARGEST = 8
"""Temporary tensors of one parameter's size that a loop may hold: an Adam-like rule needs fewer than half of them."""
ALL = 4
"""Temporary tensors of each parameter's size that foreach, or capturable or differentiable steps, may hold."""


class _Live(TorchDispatchMode):
    """Counts the bytes of the storages that operations make, less those of `held` that are freed."""

    def __init__(self, held: Iterable[Any]) -> None:
        super().__init__()
        self._seen: dict[int, weakref.ref] = {}
        self.now = self.peak = 0
        self._count(held)
        self.now = self.peak = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        self._count(tree_leaves(result))
        return result

    def _count(self, found: Iterable[Any]) -> None:
        for x in found:
            if isinstance(x, Tensor) and id(x.untyped_storage()) not in self._seen:
                self._follow(x.untyped_storage())

    def _follow(self, storage: torch.UntypedStorage) -> None:
        key, size = id(storage), storage.nbytes()
        self.now += size
        self.peak = max(self.peak, self.now)

        def freed(_: Any) -> None:
            self.now -= size
            del self._seen[key]

        self._seen[key] = weakref.ref(storage, freed)


def check_freed_at_once(s: Setup) -> None:
    """The state of an optimizer that nobody refers to is freed at once, without a search for cycles."""
    (w,) = s.parameters([s.random(ELEMENTS, 1)])
    optimizer, w.grad = s.new([w]), torch.ones_like(w)
    for _ in range(2):
        take_step(optimizer)
    followed = [
        weakref.ref(x) for x in (optimizer, *optimizer.state[w].values()) if not isinstance(x, int | float)
    ]
    enabled = gc.isenabled()
    gc.disable()
    try:
        del optimizer
        held = [x() for x in followed if x() is not None]
    finally:
        if enabled:
            gc.enable()
    found = ", ".join(type(x).__name__ for x in held)
    require(
        not held,
        f"{s.name} must be freed with its state when nobody refers to it, but what stays is: {found}",
    )


def check_peak_memory(s: Setup) -> None:
    """A step holds at most 4 temporary tensors per parameter, the loop beside foreach 8 in all; none stays afterwards.

    Counted are the results of torch's operations; what a fused kernel keeps to itself is not seen.
    """
    starts = [s.random(ELEMENTS, 1, seed=i) for i in range(PARAMETERS)]
    params = s.parameters(starts)
    optimizer = s.new(params)
    for _ in range(2):
        for w, (g,) in zip(params, (s.gradients([start], 1)[0] for start in starts), strict=True):
            w.grad = g
        take_step(optimizer)
    with _Live(tree_leaves([params, [w.grad for w in params], *map(dict, optimizer.state.values())])) as live:
        take_step(optimizer)
    one = starts[0].numel() * starts[0].element_size()
    looped = s.implementation == "loop" and s.offers("foreach")
    allowed = LARGEST * one if looped else ALL * PARAMETERS * one
    require(
        live.peak <= allowed,
        f"{s.name}.step must hold at most {allowed / one:g} tensors of a parameter's size where there are "
        f"{PARAMETERS} parameters, but held {live.peak / one:.3g}",
    )
    require(
        live.now < one,
        f"{s.name} must hold after a step what it held before, but holds {live.now} bytes more",
    )
