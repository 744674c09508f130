"""A study from its settings to its document: plays what is missing, and can be stopped at any time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from grams_theory.core.errors import UsageError
from grams_theory.core.summary import plural
from grams_theory.study import problems
from grams_theory.study.cell import Cell
from grams_theory.study.crew import crew
from grams_theory.study.journal import Journal
from grams_theory.study.plan import needed, outlook
from grams_theory.study.results import summarise
from grams_theory.study.settings import Settings


@dataclass(frozen=True)
class Progress:
    """How far a study is."""

    done: int
    """Cells that are finished, earlier sessions' too."""
    expected: int
    """Of how many; grids may grow."""
    seconds_left: float | None
    """None before anything is known."""
    cell: Cell | None
    """The one that was just finished."""


def conduct(
    settings: Settings,
    folder: Path,
    *,
    workers: int = 1,
    restart: bool = False,
    progress: Callable[[Progress], None] | None = None,
) -> dict[str, Any]:
    """Play what the journal in the folder lacks, and sum up: the document that `study.json` holds.

    The document does not depend on how often the study was stopped, nor on the number of workers.

    Raises:
        GramsTheoryError: a worker died, or a run went below a certified minimum.
        UsageError: the folder holds another study or damaged records, the device or the data of a loss are not there.
    """
    _check_device(settings.device)
    for task in settings.tasks:
        problems.load(task.loss, 0, settings.paths.get(task.loss), "cpu")
    journal = Journal(folder, settings, restart=restart)
    report = progress or (lambda event: None)
    report(Progress(len(journal), len(journal) + len(outlook(settings, journal)), None, None))
    with _stoppable(journal), crew(workers, settings.device) as players:
        while cells := needed(settings, journal):
            waiting = {cell.name: cell for cell in outlook(settings, journal)}
            for cell, result, seconds in players.play(cells):
                journal.add(cell, result, seconds)
                waiting.pop(cell.name, None)
                left = _left(journal, list(waiting.values())) / workers
                report(Progress(len(journal), len(journal) + len(waiting), left, cell))
    return summarise(settings, journal)


def _check_device(device: str) -> None:
    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:  # torch built without CUDA asserts
        reason = str(error).splitlines()[0]
        raise UsageError(
            f"device {device!r} cannot be used: {reason}; choose another with --device"
        ) from error


@contextmanager
def _stoppable(journal: Journal) -> Iterator[None]:
    """Ctrl-C says what is kept."""
    try:
        yield
    except KeyboardInterrupt:
        done = plural(len(journal), "cell")
        raise KeyboardInterrupt(
            f"interrupted; {done} are kept, and the same command goes on from there"
        ) from None


def _left(journal: Journal, cells: list[Cell]) -> float:
    """Seconds for the cells, one after the other: each takes as long as others of its class, or else as the mean."""
    everything = [seconds for group in journal.seconds.values() for seconds in group]
    overall = sum(everything) / len(everything)
    known = {kind: sum(group) / len(group) for kind, group in journal.seconds.items()}
    return sum(known.get(cell.cost_class, overall) for cell in cells)
