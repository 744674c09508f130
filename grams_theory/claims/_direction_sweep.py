"""Every weight times every step: the claim `rounding-direction` tried on all numbers of a format.

    sweep(every_pair(torch.bfloat16))      all 32,640 steps d and 65,280 weights w, for g > 0, g < 0, +0 and −0

The optimizer itself steps them, and it is made to subtract exactly d. Its history is one gradient of 6 against the
last one, which is ±1 or ±0, with betas (1/2, 0): m = ∓1, so that Adam would move the other way, √v̂ + ε is 1 once it is
rounded, and with lr = (3/4) d the rate lr / (1 − β₁²) is d exactly. Where g = 0, u is not 0: it is 2 / ε.

Two things are asked of each w⁺: that it lies along −sign(g), which is the claim, and that it is fl(w − d), which is
what the claim is about. torch computes a 16-bit w − d in float32 and rounds it again. For a step d of the format itself
the second rounding must not be seen; any other d of float32 is rounded twice.

`rounding="stochastic"` tries `stochastic-direction`: moments of float32, and w⁺ one of the two neighbours of fl(w − d).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from grams_theory.core.errors import UnknownNameError, UsageError
from grams_theory.core.formats import corners, difference, magnitudes, name, neighbours, pattern, signed
from grams_theory.core.random import generator
from grams_theory.optim.grams import Grams

Implementation = Literal["loop", "foreach", "fused"]
Rounding = Literal["nearest", "stochastic"]
BETAS = (0.5, 0.0)
GRADIENTS = (1.0, -1.0, 0.0, -0.0)
BEFORE = (-6.0, 6.0, 6.0, 6.0)
"""The gradient before the last one."""
CHUNK = {"cpu": 2**18, "cuda": 2**25}
"""Cases that are stepped and checked at once: what fits a processor's cache, and what keeps a GPU busy in 4 GB."""


@dataclass(frozen=True, eq=False)
class Grid:
    """Weights of shape (W,) and steps d >= 0 of shape (S,): the pairs that a sweep goes through."""

    weights: Tensor
    steps: Tensor
    roundings: tuple[torch.dtype, ...]
    """What w − d is rounded to, in turn."""

    @property
    def cases(self) -> int:
        """Weights times steps times gradients."""
        return len(self.weights) * len(self.steps) * len(GRADIENTS)


def every_pair(dtype: torch.dtype) -> Grid:
    """Every finite weight and every finite step of a 16-bit format. Raises UsageError for another format."""
    steps = magnitudes(dtype)
    return Grid(signed(steps), steps, (dtype,))


def corner_pairs(dtype: torch.dtype, seed: int = 0) -> Grid:
    """Steps of float32 at the corners of each binade; all weights of a 16-bit format, or float32's at its corners.

    A 16-bit Grams too subtracts steps of float32: between the numbers of its format, and beyond them. They end where
    every step to come would be lost from 0, and where none would leave a finite weight.

    Raises:
        UsageError: it is none of the formats.
    """
    steps, info = corners(torch.float32, generator(seed, "steps")), torch.finfo(dtype)
    reach = info.smallest_normal * info.eps / 8, 4 * info.max
    steps = steps[(steps == 0) | ((steps.double() >= reach[0]) & (steps.double() <= reach[1]))]
    if dtype is torch.float32:
        return Grid(signed(corners(dtype, generator(seed, "weights"))), steps, (dtype,))
    return Grid(signed(magnitudes(dtype)), steps, (torch.float32, dtype))


@dataclass(frozen=True)
class Case:
    """One pair in bit patterns, such as "0x3f80", and the weight that came out."""

    weight: str
    step: str
    gradient: float
    after: str


@dataclass(frozen=True)
class Counts:
    """What became of some cases."""

    wrong_way: int = 0
    """The claim does not allow them: w⁺ lies along +sign(g), or w moved although g = 0, or w⁺ is NaN."""
    misrounded: int = 0
    """w⁺ is not w − d, rounded, or to chance not one of its two neighbours."""
    moving: int = 0
    """d > 0 and g ≠ 0: exact arithmetic would move the weight."""
    lost: int = 0
    """Of these, those with w⁺ = w."""
    overflowed: int = 0
    """w⁺ = ±∞. Along −sign(g) the claim allows that too."""
    largest_lost: float = 0.0
    """The largest d/|w| of a lost step from a normal weight."""
    smallest_kept: float = float("inf")
    """The smallest d/|w| of a step from a normal weight that was not lost."""
    first_wrong_way: Case | None = None
    first_misrounded: Case | None = None

    @property
    def lost_share(self) -> float:
        """lost / moving, each bit pattern counting alike; NaN if nothing would move."""
        return self.lost / self.moving if self.moving else float("nan")

    def __add__(self, later: Counts) -> Counts:
        return Counts(
            wrong_way=self.wrong_way + later.wrong_way,
            misrounded=self.misrounded + later.misrounded,
            moving=self.moving + later.moving,
            lost=self.lost + later.lost,
            overflowed=self.overflowed + later.overflowed,
            largest_lost=max(self.largest_lost, later.largest_lost),
            smallest_kept=min(self.smallest_kept, later.smallest_kept),
            first_wrong_way=self.first_wrong_way or later.first_wrong_way,
            first_misrounded=self.first_misrounded or later.first_misrounded,
        )


@dataclass(frozen=True)
class Sweep:
    """What became of the cases of a grid. Sweeps over different steps of one grid merge into one."""

    format: str
    """Of the weights."""
    step_format: str
    implementation: str
    weights: int
    covered: tuple[range, ...]
    """Indices of the steps that were tried."""
    counts: Counts
    rounding: Rounding = "nearest"

    @property
    def steps(self) -> int:
        return sum(map(len, self.covered))

    @property
    def cases(self) -> int:
        return self.weights * self.steps * len(GRADIENTS)

    def merge(self, later: Sweep) -> Sweep:
        """Both together.

        Raises:
            UsageError: they are of different grids or implementations, or share steps.
        """
        mine, others = (
            (s.format, s.step_format, s.implementation, s.weights, s.rounding) for s in (self, later)
        )
        if mine != others:
            raise UsageError(f"cannot merge a sweep of {others} into one of {mine}; sweep the same grid")
        indices = {index for part in self.covered for index in part}
        if shared := indices.intersection(i for part in later.covered for i in part):
            raise UsageError(
                f"both sweeps cover step {min(shared)} ({len(shared):,} in all); merge sweeps of disjoint steps"
            )
        return replace(self, covered=self.covered + later.covered, counts=self.counts + later.counts)


def sweep(
    grid: Grid,
    steps: range | None = None,
    *,
    implementation: Implementation = "loop",
    rounding: Rounding = "nearest",
    device: str = "cpu",
    optimizer: Callable[..., torch.optim.Optimizer] = Grams,
    progress: Callable[[float], None] | None = None,
) -> Sweep:
    """Step every weight of the grid by its steps, all or some, and check what comes out.

    Args:
        grid: the pairs.
        steps: indices of steps, so that parts may run apart; None takes all. Memory does not grow with their number.
        implementation: "loop", "foreach" or "fused".
        rounding: "stochastic" rounds at random, from a seed of its own for each chunk.
        device: torch device.
        optimizer: takes parameter groups, lr, betas, eps and what chooses implementation and rounding, as Grams does.
        progress: called with the share that is done.

    Raises:
        UsageError: an index is not one of the grid's.
        UnknownNameError: there is no such implementation.
    """
    steps = range(len(grid.steps)) if steps is None else steps
    if implementation not in get_args(Implementation):
        raise UnknownNameError("implementation", implementation, get_args(Implementation))
    if steps and not 0 <= min(steps) <= max(steps) < len(grid.steps):
        raise UsageError(f"{steps} is not within the grid's steps; choose within range({len(grid.steps)})")
    weights, counts, done = grid.weights.to(device), Counts(), 0
    for part in _chunks(steps, len(weights), weights.device.type):
        d = grid.steps[list(part)].to(device)
        with torch.random.fork_rng([weights.device] if weights.is_cuda else []):
            torch.manual_seed(part[0])
            after = _stepped(optimizer, weights, d, implementation, rounding)
        counts += _checked(weights, d, after, grid.roundings, rounding)
        done += len(part)
        if progress is not None:
            progress(done / len(steps))
    formats = name(grid.weights.dtype), name(grid.steps.dtype)
    return Sweep(*formats, implementation, len(weights), (steps,), counts, rounding)


def _chunks(steps: range, weights: int, device: str) -> Iterator[range]:
    size = max(1, CHUNK.get(device, CHUNK["cuda"]) // (weights * len(GRADIENTS)))
    return (steps[start : start + size] for start in range(0, len(steps), size))


def _stepped(
    optimizer: Callable[..., torch.optim.Optimizer],
    weights: Tensor,
    d: Tensor,
    implementation: Implementation,
    rounding: Rounding,
) -> Tensor:
    """All weights after a step of each size and for each gradient, shape (S, gradients, W)."""
    options: dict[str, Any] = {"fused": True} if implementation == "fused" else {}
    if rounding == "stochastic":
        options |= {"state_dtype": torch.float32, "stochastic_rounding": True}
    computed = torch.float32 if options else weights.dtype
    after = weights.repeat(len(d), len(GRADIENTS), 1)
    parameters = [[torch.nn.Parameter(row) for row in rows] for rows in after]
    options |= {"eps": torch.finfo(computed).eps / 4, "foreach": implementation == "foreach"}
    made = optimizer([{"params": row} for row in parameters], lr=0.0, betas=BETAS, **options)

    def step(gradients: Iterable[float]) -> None:
        for row in parameters:
            for parameter, gradient in zip(row, gradients, strict=True):
                parameter.grad = torch.full_like(parameter, gradient)
        made.step()

    step(BEFORE)
    after.copy_(weights)
    for group, size in zip(made.param_groups, d.tolist(), strict=True):
        group["lr"] = (1 - BETAS[0] ** 2) * size
    step(GRADIENTS)
    return after


def _checked(
    weights: Tensor, d: Tensor, stepped: Tensor, roundings: tuple[torch.dtype, ...], rounding: Rounding
) -> Counts:
    """Counts over weights of shape (W,), steps (S,), and what came out, (S, gradients, W)."""
    w, after = weights.float(), stepped.float()  # exact, and compared faster than 16 bits
    fallen, risen, kept = after[:, :1], after[:, 1:2], after[:, 2:]
    wrong = torch.cat([~(fallen <= w), ~(risen >= w), kept != w], 1)
    signed_steps = torch.stack([d, -d], 1).double().unsqueeze(-1)
    if rounding == "stochastic":
        ends = neighbours(difference(w.double(), signed_steps, torch.float32), roundings[-1])
        expected = torch.stack([end.float() for end in ends])
    else:
        expected = difference(w.double(), signed_steps, *roundings).float().unsqueeze(0)
    misrounded = torch.cat([(after[:, :2] != expected).all(0), wrong[:, 2:]], 1)
    size, positive = w.abs(), d > 0
    normal = size >= torch.finfo(roundings[-1]).smallest_normal
    lost = (after[:, :2] == w) & positive[:, None, None]
    smallest = size.where(lost & normal, torch.inf).amin((1, 2)).double()
    largest = size.where(~lost & normal, 0).amax((1, 2)).double()
    return Counts(
        wrong_way=int(wrong.count_nonzero()),
        misrounded=int(misrounded.count_nonzero()),
        moving=2 * len(w) * int(positive.count_nonzero()),
        lost=int(lost.count_nonzero()),
        overflowed=int(after.isinf().count_nonzero()),
        largest_lost=float((d / smallest).amax()),
        smallest_kept=float((d / largest).where(positive, torch.inf).amin()),
        first_wrong_way=_first(wrong, weights, d, stepped),
        first_misrounded=_first(misrounded, weights, d, stepped),
    )


def _first(bad: Tensor, weights: Tensor, d: Tensor, stepped: Tensor) -> Case | None:
    if not bool(bad.any()):
        return None
    s, k, i = bad.nonzero()[0].tolist()
    return Case(pattern(weights[i]), pattern(d[s]), GRADIENTS[k], pattern(stepped[s, k, i]))
