"""Plays cells, in this process or in several. One thread each, so that results do not depend on how many there are."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import active_children, get_context, parent_process

import torch

from grams_theory.core.errors import GramsTheoryError, UsageError
from grams_theory.study.cell import Cell, Result

Played = tuple[Cell, Result, float]
"""The cell, its result, and the seconds that it took."""


def play(cell: Cell, device: str) -> Played:
    """Play one cell on one thread. Raises UsageError, with the cell's name, for what it cannot do."""
    threads, begun = torch.get_num_threads(), time.perf_counter()
    torch.set_num_threads(1)
    try:
        return cell, cell.play(device), time.perf_counter() - begun
    except GramsTheoryError as error:
        raise UsageError(f"{cell.name}: {error}") from error
    finally:
        torch.set_num_threads(threads)


@contextmanager
def crew(workers: int, device: str) -> Iterator[Crew]:
    """Those who play. When the block is left by an exception, what they are at is given up."""
    if workers == 1:
        yield Crew(None, device)
        return
    before = set(active_children())
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_begin)
    try:
        yield Crew(pool, device)
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        for child in set(active_children()) - before:
            child.terminate()
        raise
    pool.shutdown()


class Crew:
    """`crew` makes one."""

    def __init__(self, pool: ProcessPoolExecutor | None, device: str) -> None:
        self._pool, self._device = pool, device

    def play(self, cells: Iterable[Cell]) -> Iterator[Played]:
        """Every cell, in the order in which they are finished. Raises GramsTheoryError if a worker dies."""
        if self._pool is None:
            yield from (play(cell, self._device) for cell in cells)
            return
        futures = [self._pool.submit(play, cell, self._device) for cell in cells]
        try:
            for future in as_completed(futures):
                yield future.result()
        except BrokenProcessPool as error:
            raise GramsTheoryError(
                "a worker died, perhaps for lack of memory; what is finished is kept: go on with fewer --workers"
            ) from error


def _begin() -> None:
    """In a worker: leave Ctrl-C to the parent, and end with it even if it is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
