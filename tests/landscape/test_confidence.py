"""Intervals and tests keep their level where the truth is known, and a fault that breaks the level is seen."""

from fractions import Fraction
from math import comb

import numpy as np
import pytest
from scipy.stats import binom

from grams_theory.landscape.confidence import (
    discovered,
    drift_test,
    mean_of_dependent,
    mean_of_independent,
    sign_test,
    surely_discovered,
)

LEVEL, RUNS = 0.9, 400
CHANCE = 1e-6
"""With which a test of a correct interval fails, over all seeds; the seed is fixed."""
MOST = int(binom.ppf(1 - CHANCE, RUNS, 1 - LEVEL))
"""So many misses in RUNS intervals a method of that level exceeds with probability CHANCE at most."""

LAWS = {
    "two points, 1/4": (lambda rng, n: (rng.random(n) < 0.25).astype(float), 0.25),
    "rare": (lambda rng, n: (rng.random(n) < 0.02).astype(float), 0.02),
    "uniform": (lambda rng, n: rng.random(n), 0.5),
    "narrow": (lambda rng, n: 0.7 + 0.01 * rng.random(n), 0.705),
    "constant": (lambda rng, n: np.full(n, 0.3), 0.3),
    "at the end": (lambda rng, n: np.ones(n), 1.0),
}


def misses(interval, law, mean, n, low=0.0, high=1.0):
    """How many of RUNS intervals leave the mean out, on [low, high]."""
    rng = np.random.default_rng(0)
    span, found = high - low, 0
    for _ in range(RUNS):
        left, right = interval(low + span * law(rng, n), low, high, LEVEL)
        assert low <= left <= right <= high
        found += not left - 1e-12 * span <= low + span * mean <= right + 1e-12 * span
    return found


@pytest.mark.parametrize("interval", [mean_of_independent, mean_of_dependent])
@pytest.mark.parametrize(("law", "mean"), LAWS.values(), ids=LAWS)
@pytest.mark.parametrize("n", [1, 10])
def test_intervals_hold_the_mean_as_often_as_they_say(interval, law, mean, n):
    assert misses(interval, law, mean, n, low=-1.0) <= MOST


def test_an_interval_without_a_level_is_seen():
    def normal(x, low, high, level):
        """Its level holds in the limit only: a rare event that did not happen has variance 0."""
        half = 1.645 * x.std() / len(x) ** 0.5
        return max(low, x.mean() - half), min(high, x.mean() + half)

    law, mean = LAWS["rare"]
    assert misses(normal, law, mean, 10) > MOST


def test_means_may_depend_on_what_was_drawn_before():
    """Stop drawing as soon as a one was drawn: the conditional means follow the draws."""
    rng = np.random.default_rng(0)
    found = 0
    for _ in range(RUNS):
        x, means = [], []
        for _ in range(20):
            means.append(0.1 if any(x) else 0.5)
            x.append(float(rng.random() < means[-1]))
        left, right = mean_of_dependent(np.array(x), 0.0, 1.0, LEVEL)
        found += not left <= np.mean(means) <= right
    assert found <= MOST


def test_narrow_laws_get_narrow_intervals():
    law, _ = LAWS["narrow"]
    left, right = mean_of_independent(law(np.random.default_rng(0), 64), 0.0, 1.0, 0.95)
    other = mean_of_dependent(law(np.random.default_rng(0), 64), 0.0, 1.0, 0.95)
    assert right - left < (other[1] - other[0]) / 3


def test_nothing_drawn_says_nothing():
    nothing = np.zeros(0)
    assert (
        mean_of_independent(nothing, -1.0, 1.0, 0.95)
        == mean_of_dependent(nothing, -1.0, 1.0, 0.95)
        == (-1, 1)
    )


def tail(more, trials):
    return Fraction(sum(comb(trials, k) for k in range(more, trials + 1)), 2**trials)


def test_the_sign_test_is_the_tail_of_a_fair_coin():
    pairs = [(k, n) for n in (0, 1, 2, 7, 64) for k in range(n + 1)]
    found = sign_test(np.array([k for k, _ in pairs]), np.array([n for _, n in pairs]))
    assert found == pytest.approx([float(tail(k, n)) for k, n in pairs], rel=1e-12)


@pytest.mark.parametrize("n", [1, 5, 20])
def test_the_drift_test_is_above_the_tail_of_a_fair_walk(n):
    excess = np.arange(-n, n + 1, 2)
    exact = [float(tail((n + k) // 2, n)) for k in excess]
    assert (drift_test(excess, n) >= np.array(exact) * (1 - 1e-12)).all()


def rejections(select, effects, seeds=RUNS):
    """(false, all) rejections of each run, for normal test statistics of those means; 0 is the hypothesis."""
    from scipy.stats import norm

    rng = np.random.default_rng(0)
    p = norm.sf(rng.standard_normal((seeds, len(effects))) + effects)
    chosen = np.array([select(row) for row in p])
    return (chosen & (effects == 0)).sum(1), chosen.sum(1)


def by_holm(p):
    chosen = np.zeros(p.size, bool)
    chosen[np.argsort(p)[: surely_discovered(p, 0.05)]] = True
    return chosen


NONE, SOME = np.zeros(50), np.repeat([0.0, 4.0], [40, 10])


@pytest.mark.parametrize("effects", [NONE, SOME], ids=["none", "some"])
@pytest.mark.parametrize(
    "select", [by_holm, lambda p: discovered(p, 0.05)], ids=["Holm", "Benjamini–Hochberg"]
)
def test_false_discoveries_are_as_rare_as_stated(select, effects):
    """Any for Holm, their share for Benjamini–Hochberg; a share is at most 1, so Hoeffding bounds its mean."""
    false, every = rejections(select, effects)
    shares = (false > 0) if select is by_holm else false / np.maximum(every, 1)
    assert shares.mean() <= 0.05 + (np.log(1 / CHANCE) / (2 * RUNS)) ** 0.5
    if select is by_holm:
        assert (false > 0).sum() <= binom.ppf(1 - CHANCE, RUNS, 0.05)


def test_what_is_there_is_discovered_and_tests_without_correction_find_what_is_not():
    _, every = rejections(by_holm, SOME)
    assert every.mean() > 5
    false, _ = rejections(lambda p: p <= 0.05, NONE)
    assert (false > 0).sum() > binom.ppf(1 - CHANCE, RUNS, 0.05)


def test_benjamini_hochberg_finds_no_less_than_holm():
    """So that a count of the one lies in an interval of the other."""
    rng = np.random.default_rng(0)
    for p in rng.random((200, 30)) ** 4:
        assert discovered(p, 0.1).sum() >= surely_discovered(p, 0.05)
    assert discovered(np.zeros(0), 0.1).sum() == surely_discovered(np.zeros(0), 0.1) == 0


def test_long_runs_have_a_p_value():
    """50,000 counts of 32 bits, whose square has more."""
    p = drift_test(np.array([50_000, 70_000, -3], dtype=np.int32), 70_000)
    assert p == pytest.approx([np.exp(-(50_000**2) / 140_000), np.exp(-35_000), 1.0], abs=0)
    assert discovered(p, 0.05).tolist() == [True, True, False]
