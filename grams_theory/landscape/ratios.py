"""What the visited points say of mu: the PL ratio with the uncertainty of f*, and the gradient against the gap."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from grams_theory.landscape.descent import ROUNDING, Trajectory
from grams_theory.landscape.quantity import Quantity


@dataclass(frozen=True)
class Ratios:
    """½‖∇f‖²/(f − f*) at the upper end of f*, per visited point; None where the gap is lost in rounding."""

    values: tuple[float | None, ...]
    smallest: Quantity
    """An upper bound of any global mu; its interval shows what the uncertainty of f* and rounding do to it."""
    slope: Quantity
    """Of log ‖∇f‖² against log(f − f*): near f* it is 1 under PL, and 2 where ‖∇f‖ ~ f − f*, so that no mu > 0 is."""


def ratios(run: Trajectory, minimum: Quantity, eps: float, blur: Sequence[float] | None = None) -> Ratios:
    """Of a run whose losses have relative rounding errors of `eps`; `minimum` must have an upper end.

    Args:
        blur: per point, the error that rounding may leave in ∇f. A gradient below ROUNDING times that is lost, and so
            is the gap: where squares interpolate, f is small and its residuals are differences of larger numbers.
    """
    high = minimum.high
    assert high is not None
    values: list[float | None] = []
    for f, norm, error in zip(run.f, run.grad_norm, blur or [0.0] * len(run.f), strict=True):
        lost = f - high < ROUNDING * eps * max(abs(f), abs(high)) or f == high or norm < ROUNDING * error
        values.append(None if lost else norm**2 / (2 * (f - high)))
    kept = [t for t, ratio in enumerate(values) if ratio is not None]
    return Ratios(tuple(values), _smallest(run, minimum, values, kept, eps), _slope(run, minimum, kept))


def _smallest(
    run: Trajectory, minimum: Quantity, values: list[float | None], kept: list[int], eps: float
) -> Quantity:
    if not kept:
        return Quantity(None, "every visited point is at the minimum up to rounding; start elsewhere")
    value, worst = min((ratio, t) for t, ratio in enumerate(values) if ratio is not None)
    assert minimum.high is not None
    rounding = eps * abs(run.f[worst]) / (run.f[worst] - minimum.high)
    low = None
    if minimum.low is not None:
        at_low = min(run.grad_norm[t] ** 2 / (2 * (run.f[t] - minimum.low)) for t in kept)
        low = at_low * (1 - rounding)
    why = (
        f"smallest ½‖∇f‖²/(f − f*) over {len(kept)} visited points, at step {run.number(worst)}; "
        f"interval: over the interval of f*; relative rounding error eps |f|/gap = {rounding:.1e}"
    )
    return Quantity(value, why, low, value * (1 + rounding))


def _slope(run: Trajectory, minimum: Quantity, kept: list[int]) -> Quantity:
    """By least squares, at both ends of f*; the interval holds two standard errors around both."""
    points = [t for t in kept if run.grad_norm[t] > 0]
    y = [2 * math.log(run.grad_norm[t]) for t in points]
    fits = []
    for end in (minimum.high, minimum.low):
        fit = None if end is None else _line([math.log(run.f[t] - end) for t in points], y)
        if fit is not None:
            fits.append(fit)
    meaning = (
        "slope of log ‖∇f‖² against log(f − f*); near f* it is 1 under PL, 2 where ‖∇f‖ ~ f − f* (no mu > 0)"
    )
    if not fits:
        return Quantity(None, f"{meaning}; needs three points with different gaps")
    value, error = fits[0]
    ends = "both ends" if len(fits) == 2 else "the upper end"
    return Quantity(
        value,
        f"{meaning}; fit to {len(points)} points, standard error {error:.1e} as if they were independent; "
        f"interval: two standard errors at {ends} of f*",
        min(slope - 2 * error for slope, error in fits),
        max(slope + 2 * error for slope, error in fits),
    )


def _line(x: list[float], y: list[float]) -> tuple[float, float] | None:
    """Slope and its standard error; None for fewer than three points, or if all lie at one x."""
    n = len(x)
    if n < 3:
        return None
    mean_x, mean_y = math.fsum(x) / n, math.fsum(y) / n
    spread = math.fsum((a - mean_x) ** 2 for a in x)
    if spread == 0:
        return None
    slope = math.fsum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True)) / spread
    left = math.fsum((b - mean_y - slope * (a - mean_x)) ** 2 for a, b in zip(x, y, strict=True))
    return slope, math.sqrt(left / (n - 2) / spread)
