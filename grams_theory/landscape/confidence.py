"""Confidence intervals and tests that keep their level at every sample size: no limit theorem, nothing tuned."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.integer]
BET = 0.75
"""The share of the capital that is staked at most."""


def mean_of_independent(x: Floats, low: float, high: float, level: float) -> tuple[float, float]:
    """An interval for the mean of independent draws x, (n,), of one law on [low, high].

    Whoever bets on x against a candidate mean m cannot multiply the capital by 2/(1 − level) or more, but with
    probability (1 − level)/2, if m is the mean: candidates against which one of two bets does are left out.

    Source: Waudby-Smith and Ramdas, Estimating means of bounded random variables by betting, JRSS B 86 (2024),
    Theorem 3 with the bets of its Section 4.3.
    """
    unit = (np.asarray(x, float) - low) / (high - low)
    bound, bets = math.log(2 / (1 - level)), _bets(unit, level)
    left = _last_refused(unit, bets, bound)
    right = 1 - _last_refused(1 - unit, bets, bound)
    return low + (high - low) * left, low + (high - low) * right


def _bets(unit: Floats, level: float) -> Floats:
    """One for each draw, from those before it."""
    n = len(unit)
    t = np.arange(1, n + 1)
    mean = (0.5 + np.cumsum(unit)) / (t + 1)
    variance = (0.25 + np.cumsum((unit - mean) ** 2)) / (t + 1)
    before = np.concatenate([[0.25], variance[:-1]]) if n else variance
    return np.sqrt(2 * math.log(2 / (1 - level)) / (n * before))


def _last_refused(unit: Floats, bets: Floats, bound: float) -> float:
    """Up to which m a bet on the mean being larger wins; what it wins falls as m grows. 0 if for none."""

    def wins(m: float) -> bool:
        capital = np.cumsum(np.log1p(np.minimum(bets, BET / m) * (unit - m)))
        return bool(capital.size and capital.max() >= bound)

    left, right = 0.0, 1.0
    while right - left > 1e-9:
        middle = (left + right) / 2
        left, right = (middle, right) if wins(middle) else (left, middle)
    return left


def mean_of_dependent(x: Floats, low: float, high: float, level: float) -> tuple[float, float]:
    """An interval for the mean of E[x_t | x_1, ..., x_{t−1}], t = 1, ..., n, each x_t in [low, high].

    Wider than `mean_of_independent`: what is drawn, and how, may depend on all that came before.

    Source: Azuma, Weighted sums of certain dependent random variables (1967); Hoeffding (1963).
    """
    if not len(x):
        return low, high
    middle = float(np.mean(x))
    radius = (high - low) * math.sqrt(math.log(2 / (1 - level)) / (2 * len(x)))
    return max(low, middle - radius), min(high, middle + radius)


def sign_test(more: Counts, trials: Counts) -> Floats:
    """P(at least `more` heads in `trials` throws of a fair coin), elementwise.

    It is at most p with probability at most p if heads is not the likelier side.
    """
    from scipy.stats import binom

    pairs, place = np.unique(more.astype(np.int64) << 32 | trials, return_inverse=True)  # few, of many
    return binom.sf((pairs >> 32) - 1, pairs & 0xFFFFFFFF, 0.5)[place]


def drift_test(excess: Counts, trials: int) -> Floats:
    """A bound of P(x_1 + ... + x_n >= excess), x_t in [−1, 1], if the mean of E[x_t | x_1, ..., x_{t−1}] is at most 0.

    Source: Azuma (1967), as `mean_of_dependent`.
    """
    return np.exp(-(np.maximum(excess, 0).astype(float) ** 2) / (2 * trials))


def discovered(p: Floats, rate: float) -> NDArray[np.bool_]:
    """Hypotheses to reject so that at most a share `rate` of them is expected to be true (Benjamini–Hochberg).

    That holds if the tests are independent or positively dependent.
    """
    from scipy.stats import false_discovery_control

    return false_discovery_control(p) <= rate if p.size else np.zeros(0, bool)


def surely_discovered(p: Floats, error: float) -> int:
    """How many hypotheses may be rejected so that one is true with probability at most `error` (Holm).

    That holds whatever the dependence between the tests. Source: Holm, Scandinavian J. of Statistics 6 (1979).
    """
    allowed = error / np.arange(p.size, 0, -1)
    failed = np.flatnonzero(np.sort(p) > allowed)
    return int(failed[0]) if failed.size else p.size
