"""f* between its ends, and the interval of the PL ratio."""

import math

import pytest

from grams_theory.core.errors import GramsTheoryError, UsageError
from grams_theory.study.cell import Run
from grams_theory.study.star import bracket

EPS = 2.0**-52


def floor(low, high):
    return {"low": low, "high": high, "eps": EPS, "provenance": "planted"}


def run(*values, name="Grams"):
    key = Run("loss", 0, None, None, None, name, 0.1, (0.9, 0.999), None, 10, 2, 4, 0, None, False)
    return key, {"points": [{"step": t, "f": f, "grad2": 1.0} for t, f in enumerate(values)]}


def test_the_upper_end_is_the_smallest_value_of_all_runs_wherever_it_was_met():
    star = bracket(floor(0.0, 9.0), [run(5.0, 1.0, 3.0), run(4.0, 2.0)])
    assert (star.low, star.high) == (0.0, 1.0)
    assert "step 1 of loss_full_Grams" in star.provenance


def test_the_long_run_may_be_the_lowest():
    assert bracket(floor(0.0, 0.5), [run(5.0, 1.0)]).high == 0.5


def test_a_run_below_the_certified_bound_is_an_error_that_names_it():
    with pytest.raises(GramsTheoryError, match=r"step 2 of loss_full_Grams.*reached 0\.5"):
        bracket(floor(1.0, 2.0), [run(5.0, 3.0, 0.5)])


def test_a_run_at_the_certified_bound_but_for_rounding_is_none():
    assert bracket(floor(1.0, 2.0), [run(1.0 - 100 * EPS)]).high < 1.0


@pytest.mark.parametrize("star", [0.2, 0.5, 0.9])
def test_the_interval_contains_the_ratio_for_every_possible_minimum(star):
    """A quadratic of curvature 2 with minimum `star`: ½‖∇f‖²/(f − f*) = 2 everywhere."""
    known = bracket(floor(0.1, 1.0), [])
    for f in (1.5, 3.0, 100.0):
        low, high = known.ratio(f, 2 * 2 * (f - star))
        assert low is not None and high is not None
        assert low <= 2.0 <= high


def test_the_lowest_point_of_all_has_no_upper_end():
    """With the last iterate for f* its gap would be 0 and the ratio infinite."""
    star = bracket(floor(0.0, 9.0), [run(5.0, 3.0, 1.0)])
    assert star.ratio(1.0, 1.0) == (0.5, None)


def test_without_a_certified_bound_the_lower_end_is_0():
    assert bracket(floor(None, 1.0), []).ratio(2.0, 4.0) == (0.0, 2.0)


@pytest.mark.parametrize(("f", "log"), [(1.01, -2.0), (11.0, 1.0), (1.0, math.log10(1000 * EPS))])
def test_a_gap_is_measured_from_the_certified_bound_down_to_rounding(f, log):
    assert bracket(floor(1.0, 1.0), []).log_gap(f) == pytest.approx(log, rel=1e-6)


def test_without_a_certified_bound_there_is_no_gap():
    with pytest.raises(UsageError, match="no certified lower bound"):
        bracket(floor(None, 1.0), []).log_gap(2.0)


def test_a_gap_that_rounding_could_hide_tells_nothing():
    star = bracket(floor(1.0, 1.0), [])
    assert star.ratio(1.0 + 100 * EPS, 1.0) == (None, None)


def test_a_gap_below_the_rounding_of_the_terms_is_no_infinite_lead():
    """A cross-entropy of float64 rounds to 0 long before its true value does."""
    star = bracket(floor(0.0, 1.0), [run(4.0, 1e-3), run(3.0, 0.0)])
    assert star.log_gap(0.0) == star.log_gap(1e-30) == pytest.approx(math.log10(4 * EPS))
    assert star.log_gap(1e-3) == pytest.approx(-3)
