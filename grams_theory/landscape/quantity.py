"""A measured number that cannot be separated from where it comes from."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Quantity:
    """A value, the interval that it is known to lie in, and why.

    `value` is None where nothing can be said, and `low` or `high` where that side is open.
    """

    value: float | None
    provenance: str
    low: float | None = None
    high: float | None = None
    radius: float | None = None
    """It holds within this distance of the starting weights; None: everywhere, or distance does not matter."""


def over_run(values: Sequence[float], what: str) -> Quantity:
    """The median of what was measured along a run, between its smallest and its largest value."""
    if not values:
        return Quantity(None, f"{what}; every gradient was 0")
    why = f"{what}; median, smallest, largest of the run"
    return Quantity(statistics.median(values), why, min(values), max(values))
