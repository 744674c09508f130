"""Which cells a study needs, given those that are finished: learning rates are chosen before they are evaluated.

Everything here is a pure function of the settings and the finished cells, so a study that was stopped goes on as if
it had not been.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import product

from grams_theory.study import contenders
from grams_theory.study.cell import Cell, Floor, Run
from grams_theory.study.journal import Journal
from grams_theory.study.settings import FULL, TUNING_SEED, Settings, Task

GROWTH = 2
"""Half decades by which a grid grows beyond the edge at which its best rate lies."""


@dataclass(frozen=True)
class Tuning:
    """The grid of one contender on one loss in one mode, as far as it is known."""

    scores: dict[int, float | None]
    """k of the rate 10^(k/2) -> mean final f over the tuning seeds; None: a run diverged."""
    best: int | None
    """k of the smallest score; None if all diverged."""
    at_edge: bool
    """The best is the first or the last of the grid, which was not extended further."""
    missing: tuple[Run, ...] = field(default=(), compare=False)
    """Runs without which nothing is chosen."""


def floor(settings: Settings, task: Task) -> Floor:
    return Floor(
        loss=task.loss,
        seed=0,
        samples=task.samples,
        chunk=task.chunk,
        path=settings.paths.get(task.loss),
        evaluations=task.floor,
    )


def _run(
    settings: Settings,
    task: Task,
    mode: str,
    name: str,
    k: int,
    seed: int,
    *,
    betas: tuple[float, float] | None = None,
    measured: bool = False,
) -> Run:
    """`measured`: at all points and with the noise; otherwise at the two ends only."""
    return Run(
        loss=task.loss,
        seed=seed,
        samples=task.samples,
        chunk=task.chunk,
        path=settings.paths.get(task.loss),
        optimizer=name,
        lr=contenders.rate(k),
        betas=betas or contenders.by_name(name).betas,
        batch=None if mode == FULL else task.batch,
        steps=task.steps,
        stages=settings.stages if measured else 1,
        noise_batch=task.batch,
        skew_batches=settings.skew_batches if measured else 0,
        test_samples=task.test_samples,
        tested=measured,
    )


def tuning_seeds(settings: Settings) -> range:
    return range(TUNING_SEED, TUNING_SEED + settings.tuning_seeds)


def first_grid(settings: Settings, task: Task, name: str) -> tuple[int, int]:
    """The lowest and the highest k of the rates 10^(k/2) that are tried first."""
    low, high = contenders.by_name(name).rates
    return low + task.shift + settings.narrow, high + task.shift - settings.narrow


def tuning_runs(settings: Settings, task: Task, mode: str, name: str, k: int) -> tuple[Run, ...]:
    return tuple(_run(settings, task, mode, name, k, seed) for seed in tuning_seeds(settings))


def tune(settings: Settings, task: Task, mode: str, name: str, journal: Journal) -> Tuning:
    """Choose the rate with the smallest mean final f; the smaller rate of two that tie."""
    low, high = first_grid(settings, task, name)
    for extension in range(settings.extensions + 1):
        grid = range(low, high + 1)
        runs = {k: tuning_runs(settings, task, mode, name, k) for k in grid}
        missing = tuple(run for group in runs.values() for run in group if run not in journal)
        if missing:
            return Tuning({}, None, False, missing)
        scores = {k: _mean(final(journal, run) for run in group) for k, group in runs.items()}
        best = min(grid, key=lambda k: (math.inf if scores[k] is None else scores[k], k))
        if best not in (low, high) or extension == settings.extensions:
            break
        low, high = (low - GROWTH, high) if best == low else (low, high + GROWTH)
    chosen = None if scores[best] is None else best
    return Tuning(scores, chosen, best in (low, high))


def evaluation(settings: Settings, task: Task, mode: str, name: str, tuning: Tuning) -> tuple[Run, ...]:
    """One run per seed at the chosen rate; none if there is no such rate."""
    if tuning.best is None:
        return ()
    seeds = range(settings.seeds)
    return tuple(_run(settings, task, mode, name, tuning.best, seed, measured=True) for seed in seeds)


SWEPT = ("Grams", "Adam")


@dataclass(frozen=True)
class SweepPoint:
    beta1: float
    beta2: float
    lr: float
    runs: tuple[Run, ...]


def sweep(settings: Settings, task: Task, mode: str, name: str, tuning: Tuning) -> tuple[SweepPoint, ...]:
    """Every combination of the betas and of rates around the tuned one, on the tuning seeds."""
    if tuning.best is None:
        return ()
    found = []
    for beta1, beta2, offset in product(settings.sweep_beta1, settings.sweep_beta2, settings.sweep_rates):
        k = tuning.best + offset
        runs = tuple(
            _run(settings, task, mode, name, k, seed, betas=(beta1, beta2)) for seed in tuning_seeds(settings)
        )
        found.append(SweepPoint(beta1, beta2, contenders.rate(k), runs))
    return tuple(found)


def swept(settings: Settings, task: Task) -> tuple[str, ...]:
    """Which contenders are swept on a loss."""
    return tuple(n for n in SWEPT if n in settings.contenders(task)) if task.loss in settings.sweep else ()


def needed(settings: Settings, journal: Journal) -> list[Cell]:
    """The cells that are missing and known to be needed; more may be needed once they are there. None: all is done.

    Those of one loss and one seed follow each other, so that it is loaded once.
    """
    cells: dict[str, Cell] = {}
    for cell in _needed(settings, journal):
        if cell not in journal:
            cells[cell.name] = cell
    place = {task.loss: index for index, task in enumerate(settings.tasks)}
    return sorted(cells.values(), key=lambda cell: (place[cell.loss], cell.seed))


def _needed(settings: Settings, journal: Journal) -> Iterator[Cell]:
    for task in settings.tasks:
        yield floor(settings, task)
        for mode, name in product(task.modes, settings.contenders(task)):
            tuning = tune(settings, task, mode, name, journal)
            yield from tuning.missing
            if tuning.missing:
                continue
            yield from evaluation(settings, task, mode, name, tuning)
            if name in swept(settings, task):
                for point in sweep(settings, task, mode, name, tuning):
                    yield from point.runs


def outlook(settings: Settings, journal: Journal) -> list[Cell]:
    """Cells of the kind and number that are still to be played, if no grid grows: for an estimate of the time."""
    cells: dict[str, Cell] = {}
    for task in settings.tasks:
        cells.setdefault(floor(settings, task).name, floor(settings, task))
        for mode, name in product(task.modes, settings.contenders(task)):
            found = tune(settings, task, mode, name, journal)
            low, high = first_grid(settings, task, name)
            if found.missing:
                middle = Tuning({}, (low + high) // 2, False)
                planned = [
                    r for k in range(low, high + 1) for r in tuning_runs(settings, task, mode, name, k)
                ]
                planned += found.missing
            else:
                middle, planned = found, []
            planned += evaluation(settings, task, mode, name, middle)
            if name in swept(settings, task):
                planned += [run for point in sweep(settings, task, mode, name, middle) for run in point.runs]
            cells.update((run.name, run) for run in planned)
    return [cell for cell in cells.values() if cell not in journal]


def final(journal: Journal, run: Run) -> float | None:
    """f at the end of a finished run; None if it diverged."""
    result = journal[run]
    return None if result["diverged"] is not None else result["points"][-1]["f"]


def _mean(values: Iterable[float | None]) -> float | None:
    found = list(values)
    finite = [value for value in found if value is not None]
    return math.fsum(finite) / len(found) if len(finite) == len(found) else None
