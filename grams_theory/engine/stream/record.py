"""The ATen operations that a function does to its tensors, recorded while it runs.

Python runs as always, so SymPy, dataclasses and the optimizer's own `step` need no special care. Tensors that do not
depend on the inputs (a step counter, say) are constants of the record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

from grams_theory.core.errors import UsageError

FACTORIES = {
    "zeros_like",
    "ones_like",
    "full_like",
    "empty_like",
    "new_zeros",
    "new_ones",
    "new_full",
    "new_empty",
    "new_empty_strided",
}
"""Their results do not depend on the values of their arguments."""


@dataclass(frozen=True, eq=False)
class Symbol:
    """A value that depends on the inputs, with the tensor that it was in this run."""

    tensor: Tensor


@dataclass(frozen=True, eq=False)
class Constant:
    """A value that does not, as it was when it was used."""

    tensor: Tensor


@dataclass(frozen=True)
class Operation:
    """name(*args, **kwargs) = out; a view or an in-place operation is recorded as the value that it makes."""

    name: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    out: Symbol
    faithful: bool = False
    """Whether it must round as ATen does, bit by bit; see `faithfully`."""


_FAITHFUL = ContextVar("faithful", default=False)


@contextmanager
def faithfully() -> Iterator[None]:
    """What is recorded in this context is lowered to what gives ATen's very numbers; elsewhere error bounds hold."""
    token = _FAITHFUL.set(True)
    try:
        yield
    finally:
        _FAITHFUL.reset(token)


class Recorder(TorchDispatchMode):
    """Records while it is active. `inputs` are the tensors that everything is a function of."""

    def __init__(self, inputs: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.operations: list[Operation] = []
        self._alive: list[Tensor] = []
        self._known: dict[tuple, Symbol] = {}
        self._stale: set[tuple] = set()
        self.symbols = {name: self._bind(tensor, Symbol(tensor)) for name, tensor in inputs.items()}

    def symbol(self, tensor: Tensor) -> Symbol | Constant:
        """What the tensor holds at present.

        Raises:
            UsageError: it was changed through a view of another shape.
        """
        place = _place(tensor)
        if place in self._stale:
            raise UsageError(
                "a tensor was changed in place through a view of it, or is a second result: no stream can follow that"
            )
        return self._known.get(place) or Constant(tensor.detach().clone())

    def _bind(self, tensor: Tensor, symbol: Symbol) -> Symbol:
        self._alive.append(tensor)
        self._known[_place(tensor)] = symbol
        return symbol

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        tensors = [x for x in tree_flatten((args, kwargs))[0] if isinstance(x, Tensor)]
        name = func._schema.name.removeprefix("aten::")
        depends = any(_place(x) in self._known or _place(x) in self._stale for x in tensors)
        if not depends or name in FACTORIES:
            out = func(*args, **kwargs)
            self._alive += [x for x in tree_flatten(out)[0] if isinstance(x, Tensor)]
            return out
        if name in ("_local_scalar_dense", "item", "equal", "is_nonzero", "nonzero"):
            raise UsageError(
                "the optimizer or the claim asks for the value of a number that differs by row "
                f"({name}); it cannot be streamed; use fuzz without streams"
            )
        held = tree_map(lambda x: self.symbol(x) if isinstance(x, Tensor) else x, (tuple(args), dict(kwargs)))
        written = func._schema.arguments[0].alias_info if func._schema.arguments else None
        out = func(*args, **kwargs)
        first, *others = out if isinstance(out, tuple | list) else (out,)
        self._stale |= {_place(other) for other in others}
        self._alive += others
        symbol = Symbol(first)
        self.operations.append(Operation(name, held[0], held[1], symbol, _FAITHFUL.get()))
        if written is not None and written.is_write:
            storage = _place(first)[0]
            self._stale |= {place for place in self._known if place[0] == storage}
            self._known = {place: known for place, known in self._known.items() if place[0] != storage}
            self._stale.discard(_place(first))
        self._bind(first, symbol)
        return out


def _place(tensor: Tensor) -> tuple:
    """Where a tensor lies: aliases of one geometry share it."""
    return (
        tensor.untyped_storage().data_ptr(),
        tensor.storage_offset(),
        tuple(tensor.shape),
        tuple(tensor.stride()),
        tensor.dtype,
    )


@dataclass(frozen=True)
class Part:
    """A part of a program: its operations in order, and what it returns."""

    operations: tuple[Operation, ...]
    counted: tuple[Symbol | Constant, ...]
    minimised: tuple[Symbol | Constant, ...]


@dataclass(frozen=True)
class Record:
    """A straight-line program: inputs by name, and parts, each of which may use what was made before."""

    inputs: Mapping[str, Symbol]
    parts: tuple[Part, ...]


def record(
    function: Callable[[Mapping[str, Tensor]], Iterable[tuple[Sequence[Tensor], Sequence[Tensor]]]],
    inputs: Mapping[str, Tensor],
) -> Record:
    """Run the function on the inputs and record it.

    It yields, for each part of the program, truth values that will be counted and numbers that will be minimised.

    Raises:
        UsageError: it does something that depends on the values of its inputs, or that cannot be followed.
    """
    own = {name: tensor.clone() for name, tensor in inputs.items()}
    parts = []
    with torch.no_grad(), Recorder(own) as recorder:
        for counted, minimised in function(own):
            returned = (tuple(map(recorder.symbol, several)) for several in (counted, minimised))
            parts.append(Part(tuple(recorder.operations), *returned))
            recorder.operations.clear()
    return Record(recorder.symbols, tuple(parts))
