"""A one-step witness as a picture: the quadratic around w, and the optimizers' steps by their definitions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal, cast

import numpy as np
from contourpy import contour_generator

from grams_theory.symbolic import twin

SIZE = 320
GRID = 49
LEVELS = 11
NAMES = ("Grams", "CautiousAdam", "Adam")

Vector = tuple[float, float]


@dataclass(frozen=True)
class Step:
    """One optimizer's displacement, ending at (x, y) of the drawing, and the change of f along it."""

    name: str
    x: float
    y: float
    change: str


@dataclass(frozen=True)
class Picture:
    kind: Literal["contour", "graph"]
    """What `lines` are: contours of f; in one dimension, its graph."""
    caption: str
    size: int
    lines: tuple[str, ...]
    level: tuple[str, ...]
    """Where f is as large as at w."""
    origin: Vector
    steps: tuple[Step, ...]


def displacements(data: Mapping[str, Any], names: Sequence[str] = NAMES) -> dict[str, list[Fraction]]:
    """The steps of those optimizers from the state of a one-step witness."""
    g, u, eta = data["g"], data["u"], data["eta"]
    moved = {name: cast("list[twin.fmpq]", twin.displacement(name, g, u, eta)) for name in names}
    return {name: [Fraction(int(x.p), int(x.q)) for x in d] for name, d in moved.items()}


def change(data: Mapping[str, Any], d: list[Fraction]) -> Fraction:
    """f(w + d) - f(w) = ⟨g, d⟩ + d'Hd/2."""
    g, H = [Fraction(x) for x in data["g"]], [[Fraction(x) for x in row] for row in data["H"]]
    pull = sum(gi * di for gi, di in zip(g, d, strict=True))
    bend = sum(d[i] * H[i][j] * d[j] for i in range(len(d)) for j in range(len(d)))
    return Fraction(pull + bend / 2)


def picture(data: Mapping[str, Any], names: Sequence[str] = NAMES) -> Picture | None:
    """The drawing, or None if the witness has more than two dimensions."""
    ends = displacements(data, names)
    match len(data["g"]):
        case 1:
            return _graph(data, {name: d[0] for name, d in ends.items()})
        case 2:
            return _plane(data, ends)
    return None


def _plane(data: Mapping[str, Any], ends: Mapping[str, list[Fraction]]) -> Picture:
    corners = [(0.0, 0.0), *((float(d[0]), float(d[1])) for d in ends.values())]
    xs, ys = zip(*corners, strict=True)
    reach = 0.8 * max(max(xs) - min(xs), max(ys) - min(ys)) or 1.0
    left, bottom = (max(xs) + min(xs)) / 2 - reach, (max(ys) + min(ys)) / 2 - reach

    def place(x: float, y: float) -> Vector:
        return round(SIZE * (x - left) / (2 * reach), 1), round(SIZE * (1 - (y - bottom) / (2 * reach)), 1)

    X, Y = np.meshgrid(
        np.linspace(left, left + 2 * reach, GRID), np.linspace(bottom, bottom + 2 * reach, GRID)
    )
    g, H = (
        np.array([float(Fraction(x)) for x in data["g"]]),
        [[float(Fraction(x)) for x in row] for row in data["H"]],
    )
    Z = g[0] * X + g[1] * Y + (H[0][0] * X * X + (H[0][1] + H[1][0]) * X * Y + H[1][1] * Y * Y) / 2
    lines = contour_generator(X, Y, Z, line_type="Separate")

    def paths(level: float) -> tuple[str, ...]:
        return tuple(
            "M" + " ".join(f"{x},{y}" for x, y in (place(*point) for point in line))
            for line in cast("list[np.ndarray]", lines.lines(level))
        )

    levels = np.quantile(Z, np.linspace(0.02, 0.98, LEVELS))
    return Picture(
        kind="contour",
        caption="The step of each optimizer from w, over contours of f. On the dashed one f is as large as at w.",
        size=SIZE,
        lines=tuple(path for level in levels for path in paths(float(level))),
        level=paths(0.0),
        origin=place(0.0, 0.0),
        steps=tuple(
            Step(name, *place(float(d[0]), float(d[1])), str(change(data, d))) for name, d in ends.items()
        ),
    )


def _graph(data: Mapping[str, Any], ends: Mapping[str, Fraction]) -> Picture:
    xs = [0.0, *map(float, ends.values())]
    reach = 0.8 * (max(xs) - min(xs)) or 1.0
    left = (max(xs) + min(xs)) / 2 - reach
    grid = np.linspace(left, left + 2 * reach, GRID)
    values = [float(change(data, [Fraction(x)])) for x in grid]
    high = max(abs(value) for value in values) * 1.1 or 1.0

    def place(x: float, y: float) -> Vector:
        return round(SIZE * (x - left) / (2 * reach), 1), round(SIZE * (1 - y / high) / 2, 1)

    drawn = " ".join(f"{x},{y}" for x, y in map(place, grid, values))
    return Picture(
        kind="graph",
        caption="The step of each optimizer from w, on the graph of f. On the dashed line f is as large as at w.",
        size=SIZE,
        lines=(f"M{drawn}",),
        level=(f"M0,{SIZE / 2} {SIZE},{SIZE / 2}",),
        origin=place(0.0, 0.0),
        steps=tuple(
            Step(name, *place(float(d), float(change(data, [d]))), str(change(data, [d])))
            for name, d in ends.items()
        ),
    )
