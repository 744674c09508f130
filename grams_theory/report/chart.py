"""Line charts of measured tables whose first column is `step`: data already in the ledger, drawn as SVG."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeGuard

from grams_theory.core.evidence import MeasuredEvidence

WIDTH, HEIGHT = 640, 300
LEFT, RIGHT, TOP, BOTTOM = 62, 14, 12, 40


@dataclass(frozen=True)
class Line:
    name: str
    index: int
    path: str


@dataclass(frozen=True)
class Tick:
    at: float
    label: str


@dataclass(frozen=True)
class Chart:
    """Values on a log scale over steps."""

    width: int
    height: int
    frame: tuple[float, float, float, float]
    """x, y, width, height of the plotting area."""
    lines: tuple[Line, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]


def chart(measured: MeasuredEvidence) -> Chart | None:
    """The chart of a table with columns `step`, name, name, ...; None for any other table."""
    if measured.columns[:1] != ("step",) or len(measured.rows) < 2:
        return None
    steps = [float(row[0]) for row in measured.rows if isinstance(row[0], int | float)]
    values = [x for row in measured.rows for x in row[1:] if _positive(x)]
    increasing = steps == sorted(set(steps))
    if len(steps) != len(measured.rows) or not increasing or not values:
        return None
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    high = max(high, low + 1)
    width, height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def x_of(step: float) -> float:
        return LEFT + width * (step - steps[0]) / (steps[-1] - steps[0])

    def y_of(value: float) -> float:
        return TOP + height * (high - math.log10(value)) / (high - low)

    lines = []
    for index, name in enumerate(measured.columns[1:], 1):
        points = [
            f"{x_of(step):.1f},{y_of(value):.1f}"
            for step, row in zip(steps, measured.rows, strict=True)
            if _positive(value := row[index])
        ]
        lines.append(Line(name, index, "M" + " ".join(points)))
    stride = max(1, -(-(high - low) // 6))
    return Chart(
        WIDTH,
        HEIGHT,
        (LEFT, TOP, width, height),
        tuple(lines),
        tuple(Tick(x_of(s), f"{s:g}") for s in _round_steps(steps[0], steps[-1])),
        tuple(Tick(y_of(10.0**p), f"1e{p}") for p in range(low, high + 1, stride)),
    )


def _positive(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and 0 < value < math.inf


def _round_steps(first: float, last: float) -> list[float]:
    unit = 10.0 ** math.floor(math.log10(max(last - first, 1)))
    unit = next(unit * factor for factor in (0.1, 0.2, 0.5, 1) if (last - first) / (unit * factor) <= 6)
    start = math.ceil(first / unit) * unit
    return [start + i * unit for i in range(int((last - start) / unit) + 1)]
