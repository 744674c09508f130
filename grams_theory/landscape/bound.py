"""Theorem 4.15 held against one run: f(w_T) − f* <= 4G/(μηT) (f(w_1) − f*)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from grams_theory.landscape.estimate import PLEstimate
from grams_theory.landscape.quantity import Quantity

Status = Literal["violated", "vacuous", "informative", "unknown"]


@dataclass(frozen=True)
class BoundCheck:
    """What the bound says of a run of T points.

    "vacuous": it allows at least the initial gap, so it says nothing; "informative": it is smaller and holds;
    "violated": some gap surely exceeds it; "unknown": no μ is known.
    """

    status: Status
    mu: float | None
    mu_source: str
    G: float
    """Largest gradient norm of the run: the smallest constant that bounds it, so the strongest bound."""
    factor: float
    """4G/(μηT): the bound over the initial gap."""
    informative_from: int | None
    """The first T with 4G/(μηT) < 1."""


def check_bound(estimate: PLEstimate, eta: float) -> BoundCheck:
    """Hold the bound against an estimate's own run, taken with step size `eta`.

    μ is the certified one, or else the smallest ratio of the run itself (with which PL holds at its points).
    """
    run = estimate.trajectory
    certified = estimate.mu_lower.value is not None
    mu = estimate.mu_lower.value if certified else estimate.mu_upper.value
    source = "certified" if certified else "along the run"
    G, T = max(run.grad_norm), len(run.f)
    if mu is None:
        return BoundCheck("unknown", None, source, G, math.nan, None)
    scale = 4 * G / (mu * eta)
    status = _status(run.f, estimate.f_star, scale)
    return BoundCheck(status, mu, source, G, scale / T, math.floor(scale) + 1)


def _status(f: tuple[float, ...], star: Quantity, scale: float) -> Status:
    """For every T of the run: the gap of w_T from below, against the bound from above."""
    if star.low is not None and star.high is not None:
        initial = f[0] - star.low
        if any(f_t - star.high > scale / t * initial for t, f_t in enumerate(f, 1)):
            return "violated"
    return "informative" if scale < len(f) else "vacuous"
