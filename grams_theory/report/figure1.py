"""The paper's Figure 1: trajectories over contours, distance to the optimum, objective."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Literal

import numpy as np
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from grams_theory.claims.figure_1 import Figure1Runs

STYLES = {
    "Grams": ("#0072b2", "-", 3.2),
    "Adam": ("#d55e00", "--", 2.0),
    "CautiousAdam": ("#009e73", ":", 2.4),
    "Lion": ("#cc79a7", "-.", 2.0),
    "CautiousLion": ("#000000", (0, (1, 2.5)), 1.8),
}
"""Colour (Okabe and Ito's palette, told apart with every colour vision), line style and width: runs may coincide."""
LABELS = {"CautiousAdam": "C-Adam", "CautiousLion": "C-Lion"}
FLOORS = {"distance": 1e-16, "objective": 1e-32}
"""Smallest value that each log axis shows, relative to the largest (f is quadratic in w)."""
CANVASES = {"png": FigureCanvasAgg, "svg": FigureCanvasSVG}


def draw(runs: Figure1Runs, kind: Literal["png", "svg"]) -> bytes:
    """The three panels as a PNG or SVG file."""
    figure = Figure(figsize=(13, 4.2), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    _trajectories(left, runs)
    _decay(middle, runs, "distance", "distance to the optimum ‖w‖")
    _decay(right, runs, "objective", "objective f(w)")
    figure.suptitle("f(w) = (0.5 w₁)² + (0.1 w₂)²")
    handles, labels = middle.get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside lower center", ncols=len(labels), frameon=False, handlelength=3.5
    )
    buffer = io.BytesIO()
    metadata = {"Date": None} if kind == "svg" else None
    with rc_context({"svg.hashsalt": "figure1"}):
        CANVASES[kind](figure).print_figure(buffer, format=kind, dpi=160, metadata=metadata)
    return buffer.getvalue()


def _label(name: str, runs: Figure1Runs) -> str:
    return f"{LABELS.get(name, name)} (lr {runs.rates[name]:g})"


def _trajectories(axes: Axes, runs: Figure1Runs) -> None:
    points = {name: w.numpy() for name, w in runs.points.items()}
    reach = 1.15 * max(float(np.abs(w).max()) for w in points.values()) or 1.0
    low = np.min([w.min(axis=0) for w in points.values()], axis=0) - 0.15 * reach
    high = np.max([w.max(axis=0) for w in points.values()], axis=0) + 0.15 * reach
    X, Y = np.meshgrid(np.linspace(low[0], high[0], 201), np.linspace(low[1], high[1], 201))
    f = (0.5 * X) ** 2 + (0.1 * Y) ** 2
    axes.contour(X, Y, f, levels=np.geomspace(f.max() * 1e-3, f.max(), 12), colors="0.8", linewidths=0.8)
    for name, w in points.items():
        colour, style, width = STYLES[name]
        axes.plot(w[:, 0], w[:, 1], color=colour, linestyle=style, linewidth=width, label=_label(name, runs))
    start = points["Grams"][0]
    axes.plot(*start, marker="o", color="black", markersize=5)
    axes.annotate("start", start, xytext=(6, 4), textcoords="offset points")
    axes.plot(0, 0, marker="*", color="black", markersize=11)
    axes.annotate("optimum", (0, 0), xytext=(8, -12), textcoords="offset points")
    axes.set(title="trajectories", xlabel="w₁", ylabel="w₂")


def _decay(axes: Axes, runs: Figure1Runs, quantity: Literal["distance", "objective"], title: str) -> None:
    for name in runs.points:
        values = getattr(runs, quantity)(name).numpy()
        colour, style, width = STYLES[name]
        axes.semilogy(values, color=colour, linestyle=style, linewidth=width, label=_label(name, runs))
    top = max(float(getattr(runs, quantity)(name).max()) for name in runs.points) or 1.0
    axes.set_ylim(FLOORS[quantity] * top, 3 * top)
    axes.grid(color="0.9")
    axes.set(title=title, xlabel="step")
