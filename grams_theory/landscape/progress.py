"""How far a measurement is: stages, one after another, of things that can be counted."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""Called with (the stage, how much of it is done, how much there is), first when it begins, with 0 done."""


class Stage:
    """Counts one stage: each call is one thing more that is done. Without `progress` nothing is told."""

    def __init__(self, progress: Progress | None, name: str, total: int) -> None:
        self._progress, self._name, self._total, self._done = progress, name, total, 0
        self._tell()

    def __call__(self) -> None:
        self._done += 1
        self._tell()

    def _tell(self) -> None:
        if self._progress is not None:
            self._progress(self._name, self._done, self._total)
