"""Ctrl-C that is not lost: Python drops a KeyboardInterrupt that is raised in a callback, such as Hypothesis' own."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def heeded() -> Iterator[Callable[[], None]]:
    """Inside the block Ctrl-C does what it did before; the callable raises KeyboardInterrupt if that had no effect."""
    pressed, before = False, signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield lambda: None
        return

    def handle(number, frame):
        nonlocal pressed
        pressed = True
        before(number, frame)

    def heed() -> None:
        if pressed:
            raise KeyboardInterrupt

    signal.signal(signal.SIGINT, handle)
    try:
        yield heed
    finally:
        signal.signal(signal.SIGINT, before)
