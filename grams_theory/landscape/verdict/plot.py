"""One picture of an estimate: the gap of its run under what the theorems allow, and the PL ratio along it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from grams_theory.core.errors import UsageError
from grams_theory.core.summary import number, plural
from grams_theory.landscape.quantity import Quantity
from grams_theory.landscape.result import PLEstimate
from grams_theory.landscape.verdict.judgement import TheoremVerdicts
from grams_theory.landscape.verdict.theorems import judge

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLACK, GREY, PURPLE = "#000000", "#7f7f7f", "#cc79a7"
STYLES = {
    "theorem-4.15": ("#d55e00", "--", "s"),
    "linear-rate": ("#009e73", "-.", "^"),
    "one-step-pl-rate": ("#0072b2", ":", "o"),
}
"""Colour (Okabe and Ito's palette), line and marker of each bound: told apart without colours too."""
FURTHEST = 1e9
"""A bound is followed to the step from which it informs, unless that is later than this."""


def draw(
    estimate: PLEstimate,
    lr: float | None = None,
    *,
    eps: float | None = None,
    beta1: float | None = None,
    optimizer: str | None = None,
) -> Figure:
    """What `judge` says of a run, with the same arguments, as a matplotlib figure of 1000 x 560 pixels.

    Left: the gap f − f* (the band is the interval of f*), and the gap that each theorem allows. Above the initial gap,
    shaded, a bound says nothing. Right: ½‖∇f‖²/(f − f*), and the certified mu. Below: the verdicts in words.

    Raises:
        UsageError: as `judge` does, or no visited point has a gap.
    """
    from matplotlib.figure import Figure

    if not any(estimate.ratios):
        raise UsageError(f"nothing to draw: {estimate.mu_upper.provenance}")
    verdicts = judge(estimate, lr, eps=eps, beta1=beta1, optimizer=optimizer)
    figure = Figure(figsize=(10, 5.6), dpi=100, layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    _draw_gaps(left, estimate, verdicts)
    _draw_ratios(right, estimate)
    figure.suptitle(f"{verdicts.method}; {estimate.dim:,} weights, {plural(estimate.samples, 'sample')}")
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower left", frameon=False, fontsize=9, handlelength=3.5)
    return figure


def _draw_gaps(axes: Axes, estimate: PLEstimate, verdicts: TheoremVerdicts) -> None:
    f, star, initial = estimate.trajectory.f, estimate.f_star, verdicts.initial_gap
    steps = [estimate.trajectory.number(index) for index in range(len(f))]
    smallest, largest = _gaps(estimate, star.high), _gaps(estimate, star.low)
    axes.fill_between(steps, smallest, largest, color=BLACK, alpha=0.2, linewidth=0)
    lost = f"; {plural(estimate.dropped, 'point')} lost in rounding" if estimate.dropped else ""
    axes.plot(steps, smallest, color=BLACK, linewidth=2.2, label=f"the run, with {_star(star)}{lost}")
    for verdict in verdicts:
        colour, line, marker = STYLES[verdict.claim]
        points = [(T, math.nan if gap is None else gap) for T, gap in zip(steps, verdict.bound, strict=False)]
        points += [(T, gap) for T, gap in verdict.ahead if T <= FURTHEST]
        axes.plot(
            [T for T, _ in points],
            [gap for _, gap in points],
            color=colour,
            linestyle=line,
            marker=marker,
            markevery=0.2,
            markersize=5,
            label=f"{verdict.title}: {verdict.summary}",
        )
    axes.set(title="the gap, and what is allowed", xlabel="T (the run starts at T = 1)", ylabel="f(w_T) − f*")
    axes.set(xscale="log", yscale="log")
    axes.axhline(initial, color=GREY, linewidth=1)
    top = axes.get_ylim()[1]
    axes.axhspan(initial, top, color=GREY, alpha=0.15, linewidth=0)
    axes.set_ylim(top=top)
    axes.annotate(
        "above the initial gap a bound says nothing",
        (0.02, initial),
        (0, 4),
        xycoords=axes.get_yaxis_transform(),
        textcoords="offset points",
        fontsize=9,
        style="italic",
    )


def _draw_ratios(axes: Axes, estimate: PLEstimate) -> None:
    norms = estimate.trajectory.grad_norm
    steps = [estimate.trajectory.number(index) for index in range(len(norms))]
    upper, lower = (
        [norm**2 / (2 * gap) for norm, gap in zip(norms, _gaps(estimate, end), strict=True)]
        for end in (estimate.f_star.high, estimate.f_star.low)
    )
    at_most = "f* at its upper end"
    if estimate.f_star.low is None:
        at_most += " (no lower end known: at most this)"
    else:
        axes.fill_between(
            steps, lower, upper, color=PURPLE, alpha=0.35, linewidth=0, label="f* anywhere in its interval"
        )
    axes.plot(steps, upper, color=BLACK, linewidth=1.8, label=at_most)
    certified = estimate.mu_lower
    if certified.value is not None:
        axes.axhline(
            certified.value, color="#0072b2", linestyle="--", label=f"certified μ = {number(certified.value)}"
        )
    axes.set(title="PL ratio ½‖∇f‖²/(f − f*)", xlabel="T", yscale="log")
    axes.legend(fontsize=9, framealpha=1, edgecolor="none")


def _gaps(estimate: PLEstimate, star: float | None) -> list[float]:
    """f − f* at the points that rounding leaves, NaN elsewhere or where that end of f* is open."""
    return [
        math.nan if ratio is None or star is None else f - star
        for f, ratio in zip(estimate.trajectory.f, estimate.ratios, strict=True)
    ]


def _star(star: Quantity) -> str:
    if star.low is None:
        return f"f* at most {number(star.high)}, no lower end known"
    assert star.high is not None
    width = star.high - star.low
    if width <= 1e-3 * abs(star.high):
        return f"f* = {number(star.high)}" + (f" within {width:.1g}" if width else "")
    return f"f* in [{number(star.low)}, {number(star.high)}]"
