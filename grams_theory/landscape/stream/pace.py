"""When to probe a run that somebody else makes: at fixed steps, or as often as a share of its time allows."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import torch

from grams_theory.core.errors import UsageError
from grams_theory.landscape.stream.shadow import synchronize


class Clock:
    """Seconds of probes and of training since `began`, which was a time of `time.perf_counter`.

    What happened between `began` and now counts as a probe. An accelerator is waited for before and after each.
    """

    def __init__(self, began: float, device: torch.device) -> None:
        self.began, self.device = began, device
        self.ended: float | None = None
        self.spent = time.perf_counter() - began
        """On probes."""
        self.cost = 0.0
        """Of the last probe."""
        self._aside = 0.0

    @property
    def trained(self) -> float:
        now = time.perf_counter() if self.ended is None else self.ended
        return now - self.began - self.spent - self._aside

    def end(self) -> None:
        self.ended = time.perf_counter()

    def probe(self, work: Callable[[], None]) -> None:
        """Do the first part of a probe."""
        self.cost = 0.0
        self.more(work)

    def more(self, work: Callable[[], None]) -> None:
        """Do another part of the same probe."""
        synchronize(self.device)
        begin = time.perf_counter()
        try:
            work()
            synchronize(self.device)
        finally:
            took = time.perf_counter() - begin
            self.spent += took
            self.cost += took

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Time that is neither of training nor of probes."""
        begin = time.perf_counter()
        try:
            yield
        finally:
            if self.ended is None:
                self._aside += time.perf_counter() - begin


class Pace(Protocol):
    def due(self, step: int, clock: Clock) -> bool:
        """Whether to probe before that step; the first is 1."""
        ...

    def last(self, clock: Clock) -> bool:
        """Whether to probe once more when the run is over."""
        ...


@dataclass(frozen=True)
class Every:
    """Before steps 1, 1 + k, 1 + 2k, ..., and after the last."""

    k: int

    def __post_init__(self) -> None:
        if not isinstance(self.k, int) or self.k < 1:
            raise UsageError(f"every={self.k!r} must be a whole number of steps, at least 1")

    def due(self, step: int, clock: Clock) -> bool:
        return (step - 1) % self.k == 0

    def last(self, clock: Clock) -> bool:
        return True


RESERVE = 0.25
"""The part of a budget that is left for what no clock beside the probes sees: training goes on with cold caches, which
took a further 11 to 20 % of the time of the probes in `benchmarks/pl_stream.py`."""


@dataclass(frozen=True)
class Budget:
    """Before step 1, and from then on wherever one more probe like the last keeps within a share of training."""

    share: float

    def __post_init__(self) -> None:
        if not 0 < self.share < math.inf:
            raise UsageError(f"budget={self.share} must be a share of the time of training, > 0, as 0.05")

    def due(self, step: int, clock: Clock) -> bool:
        return step == 1 or self.last(clock)

    def last(self, clock: Clock) -> bool:
        return clock.spent + clock.cost <= (1 - RESERVE) * self.share * clock.trained
