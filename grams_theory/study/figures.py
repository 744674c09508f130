"""The figures of a study, drawn from its document. Nothing is computed here."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from grams_theory.study.document import modes, pairs
from grams_theory.study.stages import STAGES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Json = dict[str, Any]
STYLES: dict[str, tuple[str, Any, str]] = {
    "Grams": ("#0072b2", "-", "o"),
    "Adam": ("#d55e00", "--", "s"),
    "CautiousAdam": ("#009e73", ":", "^"),
    "CautiousAdamRescaled": ("#e69f00", (0, (3, 1, 1, 1)), "v"),
    "Lion": ("#cc79a7", "-.", "D"),
    "CautiousLion": ("#000000", (0, (1, 2.5)), "P"),
    "DirectionOnly": ("#56b4e9", (0, (5, 1)), "X"),
    "Neither": ("#999999", (0, (4, 1, 1, 1, 1, 1)), "*"),
}
"""Colour (Okabe and Ito's palette, told apart with every colour vision), line and marker: no reader needs colours."""
VERDICT_STYLES = {
    "holds": ("o", "#0072b2", "#0072b2"),
    "contradicted": ("s", "#d55e00", "#d55e00"),
    "undecided": ("o", "#666666", "white"),
}
"""Marker, colour and filling."""
MEASURES = {
    "kappa": "κ",
    "disagreement": "disagreement with ∇f\n(share of coordinates)",
    "sign_disagreement": "sign(g_B) ≠ sign(∇f)\n(share of coordinates)",
    "expected_descent": "expected descent\n(1: no noise)",
}
DPI = 110


def draw(document: Json) -> dict[str, bytes]:
    """File name -> PNG."""
    figures = {
        "study-loss.png": _grid(document, _loss, "step", "loss f"),
        "study-pl.png": _grid(document, _ratio, "step", "½‖∇f‖²/(f − f*)"),
        "study-differences.png": _grid(document, _forest, "f of Grams − f of the rival, at the end", ""),
    }
    for mode in modes(document["losses"]):
        figures[f"study-stages-{mode.replace(' ', '-')}.png"] = _stages(document, mode)
    return {name: _png(figure) for name, figure in figures.items()}


def _grid(document: Json, panel: Callable[[Axes, Json, Json], None], x: str, y: str) -> Figure:
    """One row per loss, one column per mode."""
    from matplotlib.figure import Figure

    losses, names = document["losses"], modes(document["losses"])
    figure = Figure(figsize=(4.2 * len(names), 2.5 * len(losses) + 0.8), layout="constrained")
    axes = figure.subplots(len(losses), len(names), squeeze=False)
    labels = {c["name"]: c["label"] for c in document["contenders"]}
    for row, loss in zip(axes, losses, strict=True):
        found = {mode["mode"]: mode for mode in loss["modes"]}
        for place, mode in zip(row, names, strict=True):
            if mode not in found:
                place.set_axis_off()
                continue
            panel(place, found[mode], labels)
            place.set_title(f"{loss['name']}, {mode}", fontsize=9)
            place.set(xlabel=x, ylabel=y)
            place.grid(color="0.92")
            place.tick_params(which="both", labelsize=8)
    _legend(figure)
    return figure


def _legend(figure: Figure) -> None:
    """One for all panels, with each contender that any of them shows."""
    handles = {
        label: handle
        for place in figure.axes
        for handle, label in zip(*place.get_legend_handles_labels(), strict=True)
    }
    figure.legend(
        list(handles.values()),
        list(handles),
        loc="outside upper center",
        ncols=4,
        handlelength=3.2,  # a whole period of every line style
        frameon=False,
        fontsize=8,
    )


def _drawn(mode: Json) -> Iterator[tuple[str, Json]]:
    for contender in mode["contenders"]:
        if contender["curves"] is not None:
            yield contender["name"], contender["curves"]


def _loss(axes: Axes, mode: Json, labels: Json) -> None:
    """Median over seeds, and the band from the smallest to the largest; 0, which has no logarithm, at the floor."""
    curves = [curve for _, curve in _drawn(mode)]
    floor = _floor([value for curve in curves for part in ("f", "f_low", "f_high") for value in curve[part]])
    for name, curve in _drawn(mode):
        f, low, high = ([max(value, floor) for value in curve[part]] for part in ("f", "f_low", "f_high"))
        colour, style, marker = STYLES[name]
        axes.plot(
            curve["step"],
            f,
            color=colour,
            linestyle=style,
            marker=marker,
            markersize=3,
            label=labels[name],
        )
        axes.fill_between(curve["step"], low, high, color=colour, alpha=0.15, linewidth=0)
    if floor > 0:
        axes.set_yscale("log")
    if any(value < floor for curve in curves for value in curve["f_low"]):
        text = f"0 is drawn at {floor:.2g}"
        axes.text(0.98, 0.96, text, transform=axes.transAxes, ha="right", va="top", fontsize=8)


def _floor(values: list[float]) -> float:
    """The smallest positive one, where a logarithmic axis ends; −∞ if some are negative or none is positive."""
    positive = [value for value in values if value > 0]
    return min(positive) if positive and min(values) >= 0 else -math.inf


def _ratio(axes: Axes, mode: Json, labels: Json) -> None:
    """The median low end (f* at its certified bound) as a line, the way up to the high end as a band."""
    ends = []
    for name, curve in _drawn(mode):
        colour, style, marker = STYLES[name]
        low = [float("nan") if value is None else value for value in curve["pl_low"]]
        high = [float("nan") if value is None else value for value in curve["pl_high"]]
        axes.plot(
            curve["step"], low, color=colour, linestyle=style, marker=marker, markersize=3, label=labels[name]
        )
        axes.fill_between(curve["step"], low, high, color=colour, alpha=0.12, linewidth=0)
        ends += [value for value in (*curve["pl_low"], *curve["pl_high"]) if value]
    _logarithmic(axes, ends)


def _forest(axes: Axes, mode: Json, labels: Json) -> None:
    """Mean difference and its interval, per rival; left of 0 Grams ends lower."""
    rows = [c for c in mode["comparisons"] if c["difference"] is not None]
    for at, comparison in enumerate(rows):
        found = comparison["difference"]
        marker, colour, filling = VERDICT_STYLES[comparison["verdict"]]
        axes.plot([found["low"], found["high"]], [at, at], color=colour, linewidth=1.6)
        axes.plot(
            found["mean"],
            at,
            marker=marker,
            color=colour,
            markerfacecolor=filling,
            linestyle="none",
            label=f"Grams lower: {comparison['verdict']}",
        )
    axes.axvline(0.0, color="0.3", linewidth=0.8)
    axes.set_yticks(range(len(rows)), [labels[c["rival"]] for c in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.locator_params(axis="x", nbins=4)


def _logarithmic(axes: Axes, values: list[float]) -> None:
    if values and min(values) > 0:
        axes.set_yscale("log")


def _stages(document: Json, mode: str) -> Figure:
    """Per loss a row: κ, disagreement and noise by stage, mean over seeds with its interval."""
    from matplotlib.figure import Figure

    losses = [(loss["name"], found) for loss, found in pairs(document["losses"]) if found["mode"] == mode]
    labels = {c["name"]: c["label"] for c in document["contenders"]}
    figure = Figure(figsize=(2.4 * len(MEASURES), 2.2 * len(losses) + 0.8), layout="constrained")
    axes = figure.subplots(len(losses), len(MEASURES), squeeze=False)
    for row, (name, found) in zip(axes, losses, strict=True):
        for place, (measure, text) in zip(row, MEASURES.items(), strict=True):
            _by_stage(place, found, measure, labels)
            place.set_title(name, fontsize=8)
            place.set_ylabel(text, fontsize=8)
            place.set_xticks(range(len(STAGES)), STAGES)
            place.tick_params(labelsize=8)
            place.grid(color="0.92")
    _legend(figure)
    return figure


def _by_stage(axes: Axes, mode: Json, measure: str, labels: Json) -> None:
    contenders = [c for c in mode["contenders"] if c["stages"]]
    for index, contender in enumerate(contenders):
        colour, style, marker = STYLES[contender["name"]]
        shift = 0.07 * (index - (len(contenders) - 1) / 2)
        seen = [
            (k, stage[measure]) for k, stage in enumerate(contender["stages"]) if stage[measure] is not None
        ]
        means = [found["mean"] for _, found in seen]
        below = [found["mean"] - found["low"] for _, found in seen]
        above = [found["high"] - found["mean"] for _, found in seen]
        axes.errorbar(
            [k + shift for k, _ in seen],
            means,
            yerr=[below, above],
            color=colour,
            linestyle=style,
            linewidth=0.8,
            marker=marker,
            markersize=4,
            label=labels[contender["name"]],
        )


def _png(figure: Figure) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    buffer = io.BytesIO()
    FigureCanvasAgg(figure).print_figure(buffer, format="png", dpi=DPI)
    return buffer.getvalue()
