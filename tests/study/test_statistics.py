"""Intervals, paired differences, Holm's correction and verdicts, against scipy and by hand."""

import numpy as np
import pytest
from scipy import stats

from grams_theory.core.errors import UsageError
from grams_theory.study.statistics import (
    difference,
    geometric,
    holm,
    interval,
    ordering,
    sign_test,
    verdict,
)


def normal(n, seed=0, shift=0.0):
    return (np.random.default_rng(seed).normal(size=n) + shift).tolist()


def by_seed(values):
    return dict(enumerate(values))


@pytest.mark.parametrize("n", [2, 5, 30])
def test_intervals_are_scipys(n):
    found, x = interval(normal(n)), normal(n)
    low, high = stats.ttest_1samp(x, 0.0).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((low, high), rel=1e-12)
    assert found.mean == pytest.approx(np.mean(x), rel=1e-12)


@pytest.mark.parametrize("n", [2, 5, 30])
def test_paired_differences_are_scipys(n):
    x, y = normal(n, 1), normal(n, 2, 0.3)
    known = stats.ttest_rel(x, y)
    found = difference(by_seed(x), by_seed(y))
    assert found.p == pytest.approx(known.pvalue, rel=1e-10)
    assert (found.low, found.high) == pytest.approx(tuple(known.confidence_interval(0.95)), rel=1e-10)


def ends(found):
    """Of an interval that has both."""
    assert found.low is not None and found.high is not None
    return found.low, found.high


def test_the_interval_covers_the_truth_as_often_as_it_says():
    trials, rng, covered = 2000, np.random.default_rng(3), 0
    for _ in range(trials):
        low, high = ends(interval(rng.normal(1.0, 2.0, 5).tolist()))
        covered += low <= 1.0 <= high
    # 4 standard deviations of a binomial: 4 sqrt(0.95 · 0.05/2000) = 0.0195
    assert abs(covered / trials - 0.95) < 0.0195


def test_seeds_are_paired_whatever_their_order():
    x, y = by_seed([1.0, 5.0, 9.0]), {2: 8.0, 0: 0.0, 1: 4.5}
    assert difference(x, y).mean == pytest.approx((1 + 0.5 + 1) / 3)


def test_pairing_is_worth_more_than_two_means():
    """Starts differ by 100, optimizers by 1: only differences of pairs show it."""
    starts = [0.0, 100.0, 200.0, 300.0, 400.0]
    x, y = starts, [s + 1 + 0.01 * k for k, s in enumerate(starts)]
    assert difference(by_seed(x), by_seed(y)).p < 1e-6
    assert stats.ttest_ind(x, y).pvalue > 0.9


def test_the_sign_of_a_difference_is_ours_minus_theirs():
    ours, theirs = by_seed([1.0, 1.1, 0.9]), by_seed([2.0, 2.2, 2.1])
    assert difference(ours, theirs).mean < 0
    assert difference(theirs, ours).mean == -difference(ours, theirs).mean
    assert verdict(difference(ours, theirs).mean, 0.001) == "holds"
    assert verdict(difference(theirs, ours).mean, 0.001) == "contradicted"


def test_equals_are_undecided():
    x = by_seed([1.0, 2.0, 3.0])
    found = difference(x, x)
    assert (found.mean, found.p) == (0.0, 1.0)
    assert verdict(found.mean, found.p) == "undecided"


def test_rounding_decides_nothing():
    x, y = by_seed([1.0, 1.0, 1.0]), by_seed([1 + 1e-15, 1 + 2e-15, 1 + 1e-15])
    assert difference(x, y, slack=1e-13).p == 1.0
    assert difference(x, y).p < 0.1, "without the slack rounding would be called a difference"


def test_seeds_that_do_not_pair_are_refused():
    with pytest.raises(UsageError, match=r"\[0, 1\] and \[0\]"):
        difference({0: 1.0, 1: 1.0}, {0: 1.0})


@pytest.mark.parametrize("values", [[], [1.0, float("nan")], [float("inf")]])
def test_what_is_not_finite_has_no_mean(values):
    with pytest.raises(UsageError, match="finite"):
        interval(values)


def test_one_value_has_no_interval():
    assert interval([3.0]).low is None


def test_an_interval_stays_where_the_values_must_lie():
    assert interval([0.0, 1.0], within=(0.0, 1.0)).high == 1.0
    assert ends(interval([0.0, 1.0]))[1] > 1.0


def test_a_geometric_mean_is_that_of_logarithms():
    found = geometric([1e-4, 1e-2, 1.0])
    logs = interval(np.log([1e-4, 1e-2, 1.0]).tolist())
    assert found.mean == pytest.approx(1e-2)
    assert ends(found) == pytest.approx(tuple(np.exp(ends(logs))))
    with pytest.raises(UsageError, match="positive"):
        geometric([0.0, 1.0])


@pytest.mark.parametrize(
    ("p", "corrected"),
    [
        ([], []),
        ([0.03], [0.03]),
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),  # 4·0.005, 3·0.01, 2·0.03, then no smaller
        ([0.5, 0.6], [1.0, 1.0]),
    ],
)
def test_holm_by_hand(p, corrected):
    assert holm(p) == pytest.approx(corrected)


def test_holm_keeps_the_error_of_a_family_where_single_tests_do_not():
    """400 families of 20 true null hypotheses: how often is any rejected?"""
    rng = np.random.default_rng(4)
    families = [stats.ttest_1samp(rng.normal(size=(5, 20)), 0.0).pvalue.tolist() for _ in range(400)]
    wrongly = sum(min(holm(family)) < 0.05 for family in families) / 400
    alone = sum(min(family) < 0.05 for family in families) / 400
    assert wrongly < 0.05 + 4 * (0.05 * 0.95 / 400) ** 0.5
    assert alone > 0.5


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        (["holds", "holds"], "holds"),
        (["holds", "undecided"], "undecided"),
        (["holds", "contradicted", "undecided"], "contradicted"),
        ([], "undecided"),
    ],
)
def test_an_ordering_is_as_good_as_its_weakest_part(verdicts, expected):
    assert ordering(verdicts) == expected


def test_the_sign_test_is_the_binomial_one():
    found = sign_test([-1.0, -2.0, -3.0, -0.1, -5.0, 2.0, 0.0])
    assert (found.below, found.above) == (5, 1)
    assert found.p == pytest.approx(2 * (1 + 6) / 2**6)
    assert sign_test([0.0]).p == 1.0
