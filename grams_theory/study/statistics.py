"""What a few seeds can say: intervals, paired differences, a correction for asking often, and verdicts.

Intervals are Student's t over seeds. With five seeds the bootstrap is no alternative: it has 126 distinct resamples and
its intervals (BCa's too) are known to be too narrow there; and a permutation test of five pairs cannot go
below p = 2/2^5 = 0.0625. The t interval is exact for normal differences. All runs of one seed share their start and the
order of their data, so that differences are taken seed by seed.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

from grams_theory.core.errors import UsageError

LEVEL = 0.95
Verdict = Literal["holds", "contradicted", "undecided"]


@dataclass(frozen=True)
class Interval:
    """A mean over n values with the ends of its confidence interval, None where n < 2."""

    mean: float
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True)
class Difference:
    """The mean of paired differences (ours − theirs; smaller is better), and how sure one may be that it is not 0."""

    mean: float
    low: float | None
    high: float | None
    n: int
    p: float
    """Two-sided, of the paired t test; 1 where nothing was compared."""


EVERYTHING = (-math.inf, math.inf)


def interval(
    values: Sequence[float], level: float = LEVEL, within: tuple[float, float] = EVERYTHING
) -> Interval:
    """The mean and its Student-t interval, cut to the range `within` that the values must lie in.

    Raises:
        UsageError: there are no values, or one is not finite.
    """
    x = _finite(values)
    if len(x) < 2:
        return Interval(x[0], None, None, len(x))
    mean, (lowest, highest) = x.mean().item(), within
    half = float(stats.t.ppf((1 + level) / 2, len(x) - 1) * x.std(ddof=1) / math.sqrt(len(x)))
    return Interval(mean, max(mean - half, lowest), min(mean + half, highest), len(x))


def geometric(values: Sequence[float], level: float = LEVEL) -> Interval:
    """The geometric mean, with the t interval of the logarithms: for positive numbers that spread over decades.

    Raises:
        UsageError: there are no values, or one is not positive and finite.
    """
    if not all(value > 0 for value in values):
        raise UsageError(f"{list(values)} have no geometric mean; give positive values")
    logs = interval([math.log(value) for value in values], level)
    low, high = (None if end is None else _exp(end) for end in (logs.low, logs.high))
    return Interval(_exp(logs.mean), low, high, logs.n)


def difference(
    ours: Mapping[int, float], theirs: Mapping[int, float], slack: float = 0.0, level: float = LEVEL
) -> Difference:
    """ours − theirs, seed by seed, over the same seeds.

    A difference of at most `slack` (rounding) counts as 0. Differences that are all alike leave nothing to chance:
    p is then 1 if they are 0, and 0 if not.

    Raises:
        UsageError: the seeds differ, there are none, or a value is not finite.
    """
    if set(ours) != set(theirs):
        raise UsageError(
            f"differences are paired by seed, and the seeds are {sorted(ours)} and {sorted(theirs)}; run both on both"
        )
    d = _finite([ours[seed] - theirs[seed] for seed in sorted(ours)])
    d = np.where(np.abs(d) <= slack, 0.0, d)
    found = interval(d.tolist(), level)
    if len(d) < 2:
        p = 1.0
    elif np.ptp(d) == 0:
        p = 1.0 if d[0] == 0 else 0.0
    else:
        t = found.mean / (d.std(ddof=1) / math.sqrt(len(d)))
        p = float(2 * stats.t.sf(abs(t), len(d) - 1))
    return Difference(found.mean, found.low, found.high, found.n, p)


def holm(p: Sequence[float]) -> list[float]:
    """The p-values of a family of tests, corrected by Holm's step-down rule: each <= 1, in the order given."""
    corrected, running = [0.0] * len(p), 0.0
    for rank, index in enumerate(sorted(range(len(p)), key=lambda i: p[i])):
        running = max(running, min(1.0, (len(p) - rank) * p[index]))
        corrected[index] = running
    return corrected


def verdict(mean: float, corrected_p: float, level: float = LEVEL) -> Verdict:
    """Whether "ours is smaller" holds, is contradicted, or cannot be told at this level."""
    if not corrected_p < 1 - level or mean == 0:
        return "undecided"
    return "holds" if mean < 0 else "contradicted"


def ordering(verdicts: Sequence[Verdict]) -> Verdict:
    """Of "ours is smaller than every rival": a single rival may contradict it; it holds if all comparisons do."""
    if "contradicted" in verdicts:
        return "contradicted"
    return "holds" if verdicts and all(v == "holds" for v in verdicts) else "undecided"


@dataclass(frozen=True)
class SignTest:
    """On how many losses the mean difference is below 0 and above 0, and the two-sided binomial p of that."""

    below: int
    above: int
    p: float


def sign_test(means: Sequence[float]) -> SignTest:
    """Of mean differences, one per loss; those that are 0 say nothing."""
    below, above = sum(mean < 0 for mean in means), sum(mean > 0 for mean in means)
    p = stats.binomtest(below, below + above).pvalue if below + above else 1.0
    return SignTest(below, above, float(p))


def _exp(x: float) -> float:
    """e^x, with the largest float in the place of an overflow."""
    return math.exp(x) if x < math.log(sys.float_info.max) else sys.float_info.max


def _finite(values: Sequence[float]) -> np.ndarray:
    x = np.asarray(values, dtype=float)
    if not len(x) or not np.isfinite(x).all():
        raise UsageError(f"a mean over {list(values)} says nothing; give finite values, at least one")
    return x
