"""Whether a kernel does what production does: asked on a few problems, before anything that it counts is believed.

On each of them the optimizers' own `step` must move as the kernel moves, bit by bit, at every step of the run, so that
a kernel stands for the code that users train with. Two of ATen's operations round differently from machine to machine,
and are done here as the kernel does them: square roots, correctly rounded (those of the vector library that torch calls
are a unit off in some 0.7 % of all), and products of matrices, summed in order.

The kernel's margins must be those of the recorded program. Both lie within the bound of the exact margin, so that they
differ by twice the bound at most; a third pays for a bound that is itself evaluated in floating point. An allowance, as
in the margins of `definitions`, is a number without a bound: it is evaluated in some tens of roundings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from grams_theory.core.errors import UsageError
from grams_theory.core.rounding import UNIT, calculating
from grams_theory.engine.stream.native import Kernel
from grams_theory.engine.stream.prior import Prior
from grams_theory.engine.stream.program import Rows, filled, judge, tensors

if TYPE_CHECKING:
    from grams_theory.engine.stream.sweep import Stream

PROBED = 32
"""Problems on which they are compared."""
BOUNDS = 3
"""How many bounds the kernel's margin may be away from the program's."""
ALLOWANCE = 64 * UNIT
"""And which share of itself besides."""


class Rounded(TorchDispatchMode):
    """ATen with the roots and the products of matrices of a kernel."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func._schema.name
        if name in ("aten::sqrt", "aten::sqrt_"):
            root = torch.from_numpy(numpy.sqrt(args[0].numpy()))
            return args[0].copy_(root) if name.endswith("_") else root
        if name in ("aten::mm", "aten::bmm"):
            left, right = args
            total = func(left, right).zero_()
            for k in range(left.shape[-1]):
                total += left[..., k : k + 1] * right[..., k : k + 1, :]
            return total
        return func(*args, **(kwargs or {}))


@dataclass(frozen=True)
class _Seen:
    """What one step of the program says, and how far its margins may be off, by part, shape (B,)."""

    rows: Rows
    bounds: Mapping[str, Tensor]


def disagreement(stream: Stream) -> str | None:
    """What the stream's kernel does otherwise than production on the first problems; None if it does the same.

    Raises:
        UsageError: there is no kernel, or numbers underflow in the first chunk: it would leave the work to torch.
    """
    compiled = stream.kernel
    assert isinstance(compiled, Kernel)
    kernel = replace(compiled, otherwise=_underflow)
    drawn = stream.fill(0)
    kernel(tensors(drawn))
    few = {name: x[:PROBED] for name, x in tensors(drawn).items()}
    program = replace(stream.program, prior=True)
    seen = []
    with torch.no_grad(), calculating(Prior), Rounded():
        for step, inside in program.records(filled(drawn, few)):
            assert stream.claim.margin is not None
            bounds = {part: margin.rad for part, margin in stream.claim.margin(step).items()}
            seen.append(_Seen(judge(stream.claim, step, inside), bounds))
    for row in range(min(PROBED, stream.structure.batch)):
        counts, minima, _ = kernel({name: x[row : row + 1] for name, x in few.items()})
        taken = zip(seen, counts.reshape(len(seen), -1), minima.reshape(len(seen), -1), strict=True)
        for number, (step, counted, minimised) in enumerate(taken):
            for difference in _differences(step, row, counted.tolist(), minimised.tolist()):
                return f"problem {row}, step {number}: {difference}"
    return None


def _underflow(held: Mapping[str, Tensor]) -> Any:
    raise UsageError(
        "numbers underflow, and a kernel leaves such problems to torch; use fuzz without streams"
    )


def _differences(step: _Seen, row: int, counted: list[int], minimised: list[float]) -> Iterator[str]:
    """In words, where the kernel's counts and numbers for this row are not those of the program."""
    rows, width = step.rows, len(step.bounds)
    relative, margins, moved = minimised[:width], minimised[width : 2 * width], iter(minimised[2 * width :])
    for name, extremes in rows.moved.items():
        for extreme in extremes:
            production, kernel = extreme[row].item(), next(moved)
            if kernel != production and production == production:
                yield f"{name} moves a weight by {production!r} in production, and by {kernel!r} in the kernel"
    inside = bool(rows.inside[row])
    if bool(counted[0]) != inside:
        yield f"it is {'inside' if inside else 'outside'} the premise, and the kernel says the contrary"
    for place, (part, bound) in enumerate(step.bounds.items()):
        expected, found = rows.margin[part][row].item(), margins[place]
        if max(expected, found) == torch.inf:  # unclear in one of them, or in both
            continue
        if not abs(found - expected) <= BOUNDS * bound[row].item() + ALLOWANCE * abs(expected):
            yield f"the margin of {part!r} is {expected!r}, and {found!r} in the kernel"
        if bool(rows.violated[part][row]) != bool(counted[2 + place]):
            yield f"{part!r} is judged otherwise by the kernel, at a margin of {expected!r}"
        if (relative[place] < 0) != (found < 0):
            yield f"the relative margin of {part!r} has another sign than the margin in the kernel"
