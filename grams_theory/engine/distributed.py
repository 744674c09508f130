"""The processes that share a campaign: by default this one alone, under torchrun all that it started.

Process R of N plays turns R, R + N, ... A turn that falsifies the claim is announced, so that nobody goes beyond it;
what counts is every turn up to the lowest such one, whatever N is.

They meet through torch.distributed's store and nothing else. What they tell each other are counts and a witness, some
kilobytes at each meeting, on any device: no process group, with threads and connections of its own, is needed.
"""

from __future__ import annotations

import os
import pickle
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import islice
from math import inf
from typing import TYPE_CHECKING, Any, TypeVar

import torch

from grams_theory.core.errors import GramsTheoryError, UsageError

if TYPE_CHECKING:
    from torch.distributed.distributed_c10d import Store

T = TypeVar("T")

LONG = timedelta(days=7)
"""How long processes wait for the store; for each other they wait for ever: torchrun ends them all when one dies."""
PAUSE = 0.01
"""Seconds between looks into the store. A blocking call would not hear Ctrl-C."""
FAILED = -1
"""What is announced when a process cannot go on: nobody plays any further turn."""
PIECE = 1 << 20
"""Characters that are put into the store at once: it takes no more than 8 MiB."""


class Crew:
    """This process alone."""

    rank, size = 0, 1

    def place(self, device: str) -> str:
        """The device that this process uses: with `cuda`, a GPU of its own if there are enough."""
        return device

    def share(self, turns: Iterable[T]) -> Iterator[T]:
        """The turns that this process plays."""
        return islice(turns, self.rank, None, self.size)

    def announce(self, turn: int) -> None:
        """Tell the others that this turn falsified the claim."""

    def announced(self) -> float:
        """The lowest turn that a process announced since they were last `together`; +inf if none did."""
        return inf

    def together(self, work: Callable[[], T]) -> list[T]:
        """Do this in every process; what it gave, by rank.

        Every process must come here, or fail: if one fails, all raise its error, and nobody waits for anybody.
        """
        return [work()]

    def first(self, work: Callable[[], T]) -> T:
        """Do this in process 0 only; what it gave, for all."""
        return self.together(lambda: work() if self.rank == 0 else None)[0]  # type: ignore[return-value]


ALONE = Crew()


class Ranks(Crew):
    """Process `rank` of `size`, which share a store."""

    def __init__(self, store: Store, rank: int, size: int) -> None:
        self.rank, self.size = rank, size
        self._store, self._meetings, self._failed = store, 0, False

    @property
    def _key(self) -> str:
        return f"turn {self._meetings}"

    def place(self, device: str) -> str:
        gpus = torch.cuda.device_count() if device == "cuda" else 0
        return f"cuda:{_local('LOCAL_RANK', self.rank) % gpus}" if gpus else device

    def announce(self, turn: int) -> None:
        lowest = self._store.compare_set(self._key, "", str(turn))
        while int(lowest) > turn:
            lowest = self._store.compare_set(self._key, lowest.decode(), str(turn))

    def announced(self) -> float:
        return int(self._store.get(self._key)) if self._store.check([self._key]) else inf

    def together(self, work: Callable[[], T]) -> list[T]:
        value: Any = None
        failure: Exception | None = None
        try:
            value = work()
        except Exception as error:
            if self._failed:  # the others know
                raise
            self.announce(FAILED)
            failure = error
        told = None if failure is None else (isinstance(failure, UsageError), str(failure) or repr(failure))
        met: list[Any] = self.meet((value, told))
        problems = [(rank, *problem) for rank, (_, problem) in enumerate(met) if problem is not None]
        self._failed = bool(problems)
        if failure is not None:
            raise failure
        for rank, usage, text in problems:
            raise UsageError(text) if usage else GramsTheoryError(f"process {rank} failed: {text}")
        return [value for value, _ in met]

    def meet(self, value: T) -> list[T]:
        """The values of all processes, by rank."""
        data = b64encode(pickle.dumps(value)).decode()
        pieces = [data[start : start + PIECE] for start in range(0, len(data), PIECE)]
        place = self._place(self.rank)
        for index, piece in enumerate(pieces):
            self._store.set(f"{place} {index}", piece)
        self._store.set(place, str(len(pieces)))
        met = [self._said(self._place(rank)) for rank in range(self.size)]
        self._meetings += 1
        return met

    def leave(self) -> None:
        """Meet a last time; the first process, which may hold the store, leaves when the others are done with it."""
        self.meet(None)
        if self.rank:
            self._store.set(f"left {self.rank}", "")
        else:
            for rank in range(1, self.size):
                self._await(f"left {rank}")

    def _place(self, rank: int) -> str:
        return f"meeting {self._meetings} process {rank}"

    def _said(self, place: str) -> Any:
        self._await(place)
        pieces = int(self._store.get(place))
        data = b"".join(self._store.get(f"{place} {index}") for index in range(pieces))
        return pickle.loads(b64decode(data))

    def _await(self, key: str) -> None:
        while not self._store.check([key]):
            time.sleep(PAUSE)


def _local(name: str, default: int) -> int:
    """A number that torchrun tells its processes."""
    return int(os.environ.get(name, default))


@contextmanager
def join() -> Iterator[Crew]:
    """The processes that torchrun started with this one, which leave together; without torchrun this one alone."""
    if not {"RANK", "WORLD_SIZE"} <= os.environ.keys():
        yield ALONE
        return
    from torch.distributed.distributed_c10d import PrefixStore
    from torch.distributed.rendezvous import rendezvous

    store, rank, size = next(rendezvous("env://", timeout=LONG))
    store.set_timeout(LONG)
    crew = Ranks(PrefixStore("grams_theory", store), rank, size)
    try:
        yield crew
    except Exception:
        crew.leave()
        raise
    crew.leave()
