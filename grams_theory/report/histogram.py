"""Margins of fuzzed cases by decade, as columns: violations left, equality in the middle, what holds right."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

WIDTH, HEIGHT = 44, 90
"""Of a column with its gap, and of the tallest one."""
ABOVE, BELOW = 16, 18
"""Room for the count over a column, and for the decade under it."""


@dataclass(frozen=True)
class Column:
    """The cases of one decade of the relative margin."""

    decade: str
    """"-1e-3", "0" or "1e-3": its end nearer to 0."""
    cases: int
    kind: Literal["violated", "equal", "clear"]
    x: float
    height: float
    label: str


@dataclass(frozen=True)
class Histogram:
    width: int
    height: int
    base: int
    """Where the columns stand."""
    columns: tuple[Column, ...]

    @property
    def words(self) -> str:
        """The same for those who do not see it."""
        return "; ".join(f"{column.decade}: {column.cases:,}" for column in self.columns if column.cases)


def histogram(counts: Mapping[str, int]) -> Histogram | None:
    """Columns for every decade between the smallest and the largest one that is there; heights are logarithmic.

    None if there is no case.
    """
    most = max(counts.values(), default=0)
    if most == 0:
        return None
    shown = _decades(counts)
    columns = tuple(
        Column(
            decade,
            cases := counts.get(decade, 0),
            "violated" if decade.startswith("-") else "equal" if decade == "0" else "clear",
            place * WIDTH,
            round(HEIGHT * math.log1p(cases) / math.log1p(most), 1),
            _short(cases) if cases else "",
        )
        for place, decade in enumerate(shown)
    )
    return Histogram(WIDTH * len(columns), ABOVE + HEIGHT + BELOW, ABOVE + HEIGHT, columns)


def _decades(counts: Mapping[str, int]) -> list[str]:
    """In the order of the margins; "0" is always there."""
    below = _through([int(decade.removeprefix("-1e")) for decade in counts if decade.startswith("-")])
    above = _through([int(decade.removeprefix("1e")) for decade in counts if decade.startswith("1")])
    return [*(f"-1e{e}" for e in reversed(below)), "0", *(f"1e{e}" for e in above)]


def _through(exponents: list[int]) -> range:
    return range(min(exponents), max(exponents) + 1) if exponents else range(0)


def _short(count: int) -> str:
    """At most five characters."""
    for size, letter in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if count >= size:
            return f"{count / size:.3g}{letter}" if count < 999.5 * size else f"{count // size}{letter}"
    return str(count)
