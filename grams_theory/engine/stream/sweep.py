"""Streams: long sweeps of one claim over one family, compiled, many rows at a time, with nothing kept but counts."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice

import torch
from torch import Tensor

from grams_theory.core.claim import Claim, OneStep
from grams_theory.core.errors import UsageError
from grams_theory.core.random import stream_seed
from grams_theory.engine.cases.one_step import PLAIN, State, Step, draw, shifted
from grams_theory.engine.cases.step import longest_step_size
from grams_theory.engine.cases.structure import Structure
from grams_theory.engine.production import OURS, Rig, is_coordinatewise
from grams_theory.engine.stream.compilers import compile_program, reduced
from grams_theory.engine.stream.native import Compiled
from grams_theory.engine.stream.program import Program, tensors

QUANTILE = 0.25
"""The step size is this quantile of the bounds at the first step, times the structure's fraction."""


@dataclass(frozen=True, order=True)
class Address:
    """Which of all cases: the chunk, the start that its functions are given, the step of the run, and the row."""

    chunk: int
    start: int
    step: int
    row: int


@dataclass(frozen=True)
class Extreme:
    """The smallest of some numbers, and where it is."""

    value: float
    at: Address


@dataclass(frozen=True)
class Swept:
    """What a sweep counted. A case is one step of one row, as one problem may hold at one step and fail at the next."""

    cases: int = 0
    """Inside the premise."""
    discarded: int = 0
    undecided: int = 0
    violations: int = 0
    parts: Mapping[str, Extreme] = field(default_factory=dict)
    """Part of the claim -> its smallest margin whose sign is sure."""
    closest: Mapping[str, Extreme] = field(default_factory=dict)
    """Part -> its smallest relative margin (over the magnitude of its terms) whose sign is sure."""
    first: tuple[str, Address] | None = None
    """The part and the case of the first violation: of the first step that has one, the relatively worst row."""

    def __add__(self, other: Swept) -> Swept:
        """Both together, in any order."""
        return Swept(
            self.cases + other.cases,
            self.discarded + other.discarded,
            self.undecided + other.undecided,
            self.violations + other.violations,
            _smaller(self.parts, other.parts),
            _smaller(self.closest, other.closest),
            min(
                filter(None, (self.first, other.first)), key=lambda found: (found[1], found[0]), default=None
            ),
        )


def _smaller(one: Mapping[str, Extreme], other: Mapping[str, Extreme]) -> dict[str, Extreme]:
    """The smaller extreme of each part; of equal ones the earlier."""
    found = dict(one)
    for part, extreme in other.items():
        if part not in found or (extreme.value, extreme.at) < (found[part].value, found[part].at):
            found[part] = extreme
    return found


@dataclass(frozen=True)
class Stream:
    """A claim, and endlessly many chunks of problems drawn as the structure says, each run for `steps` steps.

    Chunk k is a function of the structure's seed and k alone. A structure's `batch` is the number of rows of a chunk.
    Drawing a chunk costs as much as many steps, so that its functions may be given several `starts`: in start s, row i
    runs from where row i + s does in start 0.

    Raises:
        UsageError: the claim is not about one step, or an optimizer couples the coordinates of a tensor.
    """

    claim: Claim
    structure: Structure
    rig: Rig = OURS
    steps: int = 8
    starts: int = 1

    def __post_init__(self) -> None:
        if not isinstance(self.claim.setting, OneStep) or self.claim.margin is None:
            raise UsageError(f"claim {self.claim.id!r} is not about one step of an optimizer; use fuzz")
        for role in self.claim.setting.optimizers:
            if not is_coordinatewise(self.rig.optimizer(role)):
                raise UsageError(
                    f"{self.rig.optimizer(role).__name__} couples the coordinates of a tensor, and a stream holds all "
                    "problems in one; use fuzz"
                )

    def chunk_structure(self, chunk: int) -> Structure:
        """The structure that fills the chunk."""
        return replace(
            self.structure,
            seed=stream_seed(self.structure.seed, "stream", chunk),
            knobs={**PLAIN, **self.structure.knobs},
        )

    def fill(self, chunk: int, start: int = 0) -> State:
        """The problems of the chunk, and the state that their runs start from."""
        return shifted(draw(self.claim, self.chunk_structure(chunk), self.rig), start)

    @cached_property
    def program(self) -> Program:
        """The steps, at a step size that suits the first chunk."""
        first, knobs = self.fill(0), {**PLAIN, **self.structure.knobs}
        trial = Program(self.claim, first.hyper, self.rig, lr=1.0, steps=1)
        step, _ = next(trial.records(first))
        assert isinstance(self.claim.setting, OneStep)
        low = longest_step_size(self.claim.setting, step).low
        usable = low[low.isfinite() & (low > 0)]
        if not len(usable):
            raise UsageError(
                f"no row of family {self.structure.family!r} is inside the premise of {self.claim.id!r}; "
                "choose another family, or other hyperparameters"
            )
        lr = knobs["fraction"] * usable.quantile(QUANTILE).item()
        return replace(trial, lr=lr, steps=self.steps)

    @cached_property
    def kernel(self) -> Compiled:
        """The compiled steps. Raises UsageError where they cannot be compiled."""
        rows = 3 if self.rig.device == "cpu" else self.structure.batch
        state, fewer = (
            draw(self.claim, replace(self.chunk_structure(0), batch=n), self.rig) for n in (rows, rows - 1)
        )
        return compile_program(self.program, state, fewer)

    def eager(self, state: State) -> tuple[Tensor, Tensor, Tensor]:
        """What the kernel gives, by torch: counts, minima, and the rows where these are."""
        return reduced((rows.counted, rows.minimised) for rows in self.program.rows(state))

    def measure(self, chunk: int, *, compiled: bool = True) -> Swept:
        """One chunk."""
        drawn = self.fill(chunk)
        states = (shifted(drawn, start) for start in range(self.starts))
        found = [self.kernel(tensors(state)) if compiled else self.eager(state) for state in states]
        return self._tally(chunk, *(torch.stack(several) for several in zip(*found, strict=True)))

    def measured(self, chunks: Iterable[int], *, compiled: bool = True, workers: int = 1) -> Iterator[Swept]:
        """The chunks, in order, by so many threads; at most twice as many are in the works."""
        _ = self.parts, self.kernel if compiled else None  # made before threads share them
        with ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            waiting: deque[Future[Swept]] = deque()
            for chunk in chunks:
                waiting.append(pool.submit(self.measure, chunk, compiled=compiled))
                if len(waiting) >= 2 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()

    @cached_property
    def parts(self) -> tuple[str, ...]:
        """The parts of the claim, in the order of the kernel's results."""
        state = draw(self.claim, replace(self.chunk_structure(0), batch=1), self.rig)
        return tuple(next(self.program.rows(state)).violated)

    def _tally(self, chunk: int, counts: Tensor, minima: Tensor, places: Tensor) -> Swept:
        """The results of a chunk; their first axis is that of the starts."""
        shape, width = (self.starts, self.steps), len(self.parts)
        inside, undecided, *violated = counts.reshape(*shape, 2 + width).unbind(-1)
        minima, places = (x.reshape(*shape, -1)[..., : 2 * width] for x in (minima, places))
        (relative, margin), rows = (
            minima.unflatten(-1, (2, width)).unbind(-2),
            places.unflatten(-1, (2, width)),
        )

        def extremes(numbers: Tensor, kind: int) -> dict[str, Extreme]:
            found = {}
            for place, part in enumerate(self.parts):
                start, step = divmod(int(numbers[..., place].argmin()), self.steps)
                at = Address(chunk, start, step, int(rows[start, step, kind, place]))
                found[part] = Extreme(numbers[start, step, place].item(), at)
            return {part: extreme for part, extreme in found.items() if extreme.value < math.inf}

        first = None
        faults = torch.stack(violated, -1) > 0
        if bool(faults.any()):
            start, step = faults.any(-1).nonzero()[0].tolist()
            place = int(torch.where(faults[start, step], relative[start, step], math.inf).argmin())
            first = self.parts[place], Address(chunk, start, step, int(rows[start, step, 0, place]))
        cases = int(inside.sum())
        return Swept(
            cases,
            self.starts * self.steps * self.structure.batch - cases,
            int(undecided.sum()),
            sum(int(mask.sum()) for mask in violated),
            extremes(margin, 1),
            extremes(relative, 0),
            first,
        )

    def replay(self, address: Address) -> tuple[Step, int]:
        """The record of the chunk at that step, eagerly, and the row in it: what an exact recheck starts from."""
        records = self.program.records(self.fill(address.chunk, address.start))
        step, _ = next(islice(records, address.step, None))
        return step, address.row


def sweep(
    claim: Claim,
    structure: Structure,
    *,
    rig: Rig = OURS,
    steps: int = 8,
    starts: int = 1,
    chunks: int = 1,
    compiled: bool = True,
    workers: int = 1,
    until_violated: bool = False,
) -> Swept:
    """Draw `chunks` chunks of `structure.batch` problems, run each for `steps` production steps from `starts` starts,
    and check the claim at every step.

    Memory does not grow with `chunks`. Every violation counted is beyond rounding; `Stream.replay` gives its record.

    Args:
        structure: what is drawn; see `Stream`.
        compiled: by one compiled kernel (it takes seconds to compile); otherwise eagerly, by torch.
        workers: threads, each with its own chunks. The result does not depend on it.
        until_violated: stop after the first chunk with a violation.

    Raises:
        UsageError: the claim or an optimizer cannot be streamed, or there is no C++ compiler.
    """
    stream, total = Stream(claim, structure, rig, steps, starts), Swept()
    for found in stream.measured(range(chunks), compiled=compiled, workers=workers):
        total += found
        if until_violated and total.first is not None:
            break
    return total
