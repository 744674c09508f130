"""What the visited points say of mu: the PL ratio with the uncertainty of f*, and the gradient against the gap."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from grams_theory.landscape.descent import ERROR, ROUNDING, Trajectory
from grams_theory.landscape.quantity import Quantity


@dataclass(frozen=True)
class Ratios:
    """½‖∇f‖²/(f − f*) at the value of f*, per visited point; None where the gap is lost in rounding."""

    values: tuple[float | None, ...]
    smallest: Quantity
    """An upper bound of any global mu; its interval shows what the uncertainty of f* and rounding do to it."""
    slope: Quantity
    """Of log ‖∇f‖² against log(f − f*): near f* it is 1 under PL, and 2 where ‖∇f‖ ~ f − f*, so that no mu > 0 is."""


def ratios(run: Trajectory, minimum: Quantity, eps: float, blur: Sequence[float] | None = None) -> Ratios:
    """Of a run whose losses have relative rounding errors of `eps`; `minimum` must have a value and an upper end.

    Args:
        blur: per point, the error that rounding may leave in ∇f. A gradient below ROUNDING times that is lost, and so
            is the gap: where squares interpolate, f is small and its residuals are differences of larger numbers.
    """
    star = minimum.value
    assert star is not None
    blur = [0.0] * len(run.f) if blur is None else blur
    values: list[float | None] = []
    for f, norm, error in zip(run.f, run.grad_norm, blur, strict=True):
        lost = f - star < ROUNDING * eps * max(abs(f), abs(star)) or f == star or norm < ROUNDING * error
        values.append(None if lost else norm**2 / (2 * (f - star)))
    kept = [t for t, ratio in enumerate(values) if ratio is not None]
    return Ratios(tuple(values), _smallest(run, minimum, values, kept, eps, blur), _slope(run, minimum, kept))


def _smallest(
    run: Trajectory,
    minimum: Quantity,
    values: list[float | None],
    kept: list[int],
    eps: float,
    blur: Sequence[float],
) -> Quantity:
    if not kept:
        why = "every visited point is at the minimum, or its gradient at 0, up to rounding; start elsewhere"
        return Quantity(None, why)
    value, worst = min((ratio, t) for t, ratio in enumerate(values) if ratio is not None)

    def extreme(t: int, star: float, side: int) -> float:
        """The largest (side 1) or smallest (−1) ratio at this f* that rounding leaves possible."""
        norm = run.grad_norm[t] + side * blur[t]
        return norm**2 / (2 * (run.f[t] - side * ERROR * eps * abs(run.f[t]) - star))

    assert minimum.value is not None and minimum.high is not None
    lowest = minimum.low
    low = None if lowest is None else min(extreme(t, lowest, -1) for t in kept)
    relative = eps * abs(run.f[worst]) / (run.f[worst] - minimum.value)
    why = (
        f"smallest ½‖∇f‖²/(f − f*) over {len(kept)} visited points, at step {run.number(worst)}; interval: over the "
        f"interval of f* and the rounding of ∇f and f, {ERROR} eps |f|; eps |f|/gap = {relative:.1e}"
    )
    return Quantity(value, why, low, extreme(worst, minimum.high, 1))


def _slope(run: Trajectory, minimum: Quantity, kept: list[int]) -> Quantity:
    """By least squares, at the value of f* and its lower end; the interval holds two standard errors around both."""
    points = [t for t in kept if run.grad_norm[t] > 0]
    y = [2 * math.log(run.grad_norm[t]) for t in points]
    fits = []
    for end in (minimum.value, minimum.low):
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
