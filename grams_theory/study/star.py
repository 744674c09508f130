"""f* of a loss between two ends, from everything that was run on it; and what that leaves of the PL ratio."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable
from dataclasses import dataclass

from grams_theory.core.errors import GramsTheoryError, UsageError
from grams_theory.landscape.descent import ROUNDING
from grams_theory.study.cell import Result, Run


@dataclass(frozen=True)
class Star:
    """f* lies in [low, high]; low is None where no lower bound is certified."""

    low: float | None
    high: float
    eps: float
    provenance: str
    scale: float = 0.0
    """The largest |f| at a start: losses are sums and differences of terms of that size."""

    def slack(self, f: float) -> float:
        """What rounding may have done to a difference of two losses as large as f."""
        return ROUNDING * self.eps * abs(f)

    def log_gap(self, f: float) -> float:
        """log10 of f − f*, f* at its certified bound; a gap that rounding could hide counts as what rounding can do.

        A cross-entropy rounds to 0 where its true value is not: below eps times the scale nothing is told apart.

        Raises:
            UsageError: no bound is certified.
        """
        if self.low is None:
            raise UsageError("f* has no certified lower bound, so the gap has no upper end")
        return math.log10(max(f - self.low, self.slack(f), self.eps * self.scale, sys.float_info.min))

    def ratio(self, f: float, grad2: float) -> tuple[float | None, float | None]:
        """½‖∇f‖²/(f − f*) at a point, as an interval, for every f* that is possible.

        The low end is 0 where f* has no certified bound; the high end is None, open, where rounding cannot tell f from
        the best value that was seen; both are None where it cannot tell f from the certified bound.
        """
        slack = self.slack(f)
        if self.low is not None and f - self.low <= slack:
            return None, None
        low = 0.0 if self.low is None else grad2 / 2 / (f - self.low)
        return low, grad2 / 2 / (f - self.high) if f - self.high > slack else None


def bracket(floor: Result, runs: Iterable[tuple[Run, Result]]) -> Star:
    """The certified lower bound, and the smallest value that any run of the loss or L-BFGS has met.

    The last value of a run is not taken for f*: it is one of those that the upper end is the smallest of.

    Raises:
        GramsTheoryError: a run went below the certified bound: one of them is wrong.
    """
    low, best, where = floor["low"], floor["high"], "L-BFGS or the certificate"
    scale = 0.0
    for run, result in runs:
        scale = max([scale, *(abs(point["f"]) for point in result["points"][:1])])
        for point in result["points"]:
            if point["f"] < best:
                best, where = point["f"], f"step {point['step']} of {run.name}"
    if low is not None and best < low - ROUNDING * floor["eps"] * abs(low):
        raise GramsTheoryError(
            f"f* is certified to be at least {low:.17g} ({floor['provenance']}), and {where} reached {best:.17g}: "
            "the certificate or the measurement is wrong; please report this"
        )
    return Star(low, best, floor["eps"], f"{floor['provenance']}; smallest value met: {where}", scale)
