"""Budgets: what is accepted, what is refused, when one is spent."""

import pytest

from grams_theory.core.errors import UsageError
from grams_theory.engine.budget import DEFAULT_CASES, Budget


@pytest.mark.parametrize(
    ("text", "cases", "seconds"),
    [
        ("default", DEFAULT_CASES, None),
        ("200000", 200_000, None),
        (500, 500, None),
        ("2e5", 200_000, None),
        ("30s", None, 30.0),
        ("1.5m", None, 90.0),
        ("1h", None, 3600.0),
    ],
)
def test_a_budget_is_a_number_of_cases_or_a_time(text, cases, seconds):
    budget = Budget.parse(text)
    assert (budget.cases, budget.seconds) == (cases, seconds)


def test_a_number_of_cases_is_scaled_by_what_a_case_costs():
    assert Budget.parse(2 * DEFAULT_CASES, default=30).cases == 60
    assert Budget.parse("default", default=30).cases == 30
    assert Budget.parse(1, default=30).cases == 1


@pytest.mark.parametrize("text", ["0", 0, "0s", "-3", "-1s", "soon", "", "nan", "inf", "30 parsecs"])
def test_nothing_to_spend_is_refused_with_what_is_allowed(text):
    with pytest.raises(UsageError, match="positive"):
        Budget.parse(text)


def test_a_budget_of_cases_is_spent_when_they_are_checked():
    budget = Budget.parse("1000")
    assert not budget.spent(999)
    assert budget.spent(1000)
    assert budget.done(250) == 0.25
