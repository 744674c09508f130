"""Sums over the coordinates of one step: how the base step u agrees with the gradient g, and how far w moved.

Parameters are read in flat blocks of bounded size, so that hundreds of small tensors cost as few calls as one, and
the temporaries stay in the cache of a CPU. Nothing here waits for an accelerator.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import reduce
from typing import Any, NamedTuple

import torch
from torch import Tensor

BLOCK = {"cpu": 2**16}
"""Coordinates of a block, by device type. Counts stay exact in float32 up to 2^24."""
BLOCK_ELSEWHERE = 2**24

BaseStep = Callable[..., Tensor]


class Sums(NamedTuple):
    """Over coordinates: how many, with u_i g_i < 0, with g_i = 0; ‖g‖², ‖u‖², ⟨|g|, |u|⟩ and ⟨g, w − w⁺⟩."""

    coordinates: float
    opposed: float
    zero_gradient: float
    g_squared: float
    u_squared: float
    overlap: float
    descent: float


NOTHING = Sums(*[0.0] * 7)


@dataclass(frozen=True)
class Movement:
    """One parameter over one step, real tensors of one shape: u = base_step(g, *moments, *constants)."""

    g: Tensor
    before: Tensor
    after: Tensor
    base_step: BaseStep
    moments: tuple[Tensor, ...]
    constants: tuple[float, ...]

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        return self.g, self.before, self.after, *self.moments


def adam(g: Tensor, m: Tensor, v: Tensor, scale: Any, floor: Any) -> Tensor:
    """m_hat / (sqrt(v_hat) + eps), with `adam_constants`."""
    root = v.sqrt().add_(floor)
    return torch.div(m, root, out=root).mul_(scale)


def adam_constants(t: Any, betas: tuple[Any, Any], eps: float) -> tuple[Any, Any]:
    """sqrt(1 - beta2^t) / (1 - beta1^t) and eps sqrt(1 - beta2^t): numbers, or 0-d tensors where t is one.

    Moments that were never fed are 0, and so is u whatever t is: t = 0 counts as 1.
    """
    t = t.double().clamp(min=1) if isinstance(t, Tensor) else max(t, 1)
    root = (1 - betas[1] ** t) ** 0.5
    return root / (1 - betas[0] ** t), eps * root


def lion(g: Tensor, m: Tensor, beta1: float) -> Tensor:
    """sign(beta1 m + (1 - beta1) g), m before the step."""
    return m.mul(beta1).add_(g, alpha=1 - beta1).sign_()


def add_up(movements: Iterable[Movement]) -> list[Tensor]:
    """`Sums` as float64 tensors of shape (7,), one per device. Overwrites each `before`."""
    totals: dict[torch.device, Tensor] = {}
    for base_step, constants, (g, before, after, *moments) in _blocks(movements):
        u = base_step(g, *moments, *constants)
        part = torch.stack(_sums(g, u, before.sub_(after))).double()
        totals[g.device] = totals[g.device] + part if g.device in totals else part
    return list(totals.values())


def _sums(g: Tensor, u: Tensor, descent: Tensor) -> tuple[Tensor, ...]:
    """Of one block, in the order of `Sums`. Overwrites u."""
    size, u_squared = g.new_full((), len(g)), u.dot(u)
    signs = g.sign()
    moving = signs.dot(signs)
    agreement = signs.mul_(u).sign_()  # the product g u would underflow
    opposed = (agreement.dot(agreement) - agreement.sum()) / 2
    overlap = g.dot(u.mul_(agreement))
    return size, opposed, size - moving, g.dot(g), u_squared, overlap, g.dot(descent)


def _blocks(movements: Iterable[Movement]) -> Iterator[tuple[BaseStep, tuple[float, ...], list[Tensor]]]:
    """(base step, constants, flat tensors), with small parameters that share these, device and dtypes together."""
    waiting: dict[Any, list[tuple[Tensor, ...]]] = defaultdict(list)
    held: dict[Any, int] = defaultdict(int)
    for one in movements:
        limit = BLOCK.get(one.g.device.type, BLOCK_ELSEWHERE)
        key = one.base_step, one.constants, one.g.device, *(x.dtype for x in one.tensors)
        for piece in _pieces(one, limit):
            size = len(piece[0])
            if size >= limit // 4:  # worth a call of its own, without a copy
                yield one.base_step, one.constants, _joined([piece])
                continue
            if held[key] + size > limit:
                yield one.base_step, one.constants, _joined(waiting.pop(key))
                held[key] = 0
            waiting[key].append(piece)
            held[key] += size
    for (base_step, constants, *_), pieces in waiting.items():
        yield base_step, constants, _joined(pieces)


def _pieces(one: Movement, limit: int) -> Iterable[tuple[Tensor, ...]]:
    """Its tensors, flat, at most `limit` coordinates at a time."""
    flat = tuple(x.reshape(-1) for x in one.tensors)
    return [flat] if len(flat[0]) <= limit else zip(*(x.split(limit) for x in flat), strict=True)


def _joined(pieces: list[tuple[Tensor, ...]]) -> list[Tensor]:
    """One tensor per column, all of the widest dtype, at least float32."""
    columns = pieces[0] if len(pieces) == 1 else [torch.cat(column) for column in zip(*pieces, strict=True)]
    widest = reduce(torch.promote_types, (x.dtype for x in columns), torch.float32)
    return [x.to(widest) for x in columns]
