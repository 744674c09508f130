"""Worker processes that tell, while they work, how far they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from multiprocessing import get_context
from queue import Empty
from typing import Any

PAUSE = 0.2
"""Seconds between two looks at what the workers have told."""
_told: Any = None
"""In a worker: the queue of what it tells."""


class Workers:
    """Processes that share tasks: functions at the top of a module, whose last argument tells how far they are."""

    def __init__(self, count: int) -> None:
        context = get_context("spawn")
        self._queue = context.Queue()
        self._pool = ProcessPoolExecutor(
            count, mp_context=context, initializer=_attend, initargs=(self._queue,)
        )

    def start(self, function: Callable[..., Any], name: str, *arguments: Any) -> Future:
        """Have `function(name, *arguments, tell)` called as soon as a worker is free."""
        return self._pool.submit(_work, function, name, *arguments)

    def finish(self, task: Future, listener: Callable[..., None]) -> Any:
        """Wait for a task; meanwhile the listener is called, here, with (name, *event) for what any of them tells."""
        while not wait((task,), timeout=PAUSE).done:
            self._listen(listener)
        self._listen(listener)
        return task.result()

    def _listen(self, listener: Callable[..., None]) -> None:
        while True:
            try:
                listener(*self._queue.get_nowait())
            except Empty:
                return

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)
        self._queue.close()


@contextmanager
def workers(count: int) -> Iterator[Workers | None]:
    """Worker processes, or None for a single one: this process itself."""
    if count < 2:
        yield None
        return
    pool = Workers(count)
    try:
        yield pool
    finally:
        pool.close()


def _attend(queue: Any) -> None:
    """In a worker, before its first task. It ends without waiting for anybody to listen."""
    global _told
    _told = queue
    queue.cancel_join_thread()


def _work(function: Callable[..., Any], name: str, *arguments: Any) -> Any:
    return function(name, *arguments, lambda *event: _told.put((name, *event)))
