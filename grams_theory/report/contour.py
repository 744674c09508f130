"""A two-dimensional one-step witness as a picture: contours of the quadratic, and the steps from w."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, cast

import numpy as np
from contourpy import contour_generator

SIZE = 320
GRID = 81
LEVELS = 13

Vector = tuple[float, float]


@dataclass(frozen=True)
class Step:
    """One optimizer's displacement, ending at (x, y) of the drawing, and the change of f along it."""

    name: str
    key: str
    x: float
    y: float
    change: str


@dataclass(frozen=True)
class Picture:
    size: int
    contours: tuple[str, ...]
    level: tuple[str, ...]
    """The contour through w, on which f does not change."""
    origin: Vector
    steps: tuple[Step, ...]


def displacements(data: Mapping[str, Any]) -> dict[str, list[Fraction]]:
    """The steps -η·step of Grams, Cautious (mask ≥, unscaled) and Adam from the state of a one-step witness."""
    g, u = ([Fraction(x) for x in data[name]] for name in ("g", "u"))
    eta = Fraction(data["eta"])
    pairs = list(zip(g, u, strict=True))
    return {
        "Grams": [-eta * abs(ui) * ((gi > 0) - (gi < 0)) for gi, ui in pairs],
        "Cautious": [-eta * ui * (ui * gi >= 0) for gi, ui in pairs],
        "Adam": [-eta * ui for _, ui in pairs],
    }


def change(data: Mapping[str, Any], d: list[Fraction]) -> Fraction:
    """f(w + d) - f(w) = ⟨g, d⟩ + d'Hd/2."""
    g, H = [Fraction(x) for x in data["g"]], [[Fraction(x) for x in row] for row in data["H"]]
    pull = sum(gi * di for gi, di in zip(g, d, strict=True))
    bend = sum(d[i] * H[i][j] * d[j] for i in range(len(d)) for j in range(len(d)))
    return Fraction(pull + bend / 2)


def picture(data: Mapping[str, Any]) -> Picture | None:
    """The drawing, or None if the witness is not two-dimensional."""
    if len(data["g"]) != 2:
        return None
    ends = displacements(data)
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
        size=SIZE,
        contours=tuple(path for level in levels for path in paths(float(level))),
        level=paths(0.0),
        origin=place(0.0, 0.0),
        steps=tuple(
            Step(name, name.lower(), *place(float(d[0]), float(d[1])), str(change(data, d)))
            for name, d in ends.items()
        ),
    )
