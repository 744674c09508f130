"""Theorem 4.15 against runs, and the table over the real losses."""
# pyright: reportOperatorIssue=false, reportOptionalOperand=false

import pytest
import torch

from grams_theory.landscape import estimate_pl, names
from grams_theory.landscape.bound import check_bound
from grams_theory.landscape.real import measure_real_losses


@pytest.fixture
def run(quadratic):
    """f = ‖w‖²/2 in one dimension from w = 1, gradient descent with lr 0.1: μ = G = 1, gap falls by 0.81."""
    return lambda steps: estimate_pl(*quadratic(torch.eye(1), torch.ones(1)), f_star=0.0, steps=steps, lr=0.1)


@pytest.mark.parametrize(("steps", "status"), [(39, "vacuous"), (42, "informative")])
def test_the_bound_becomes_informative_at_four_G_over_mu_eta(steps, status, run):
    check = check_bound(run(steps), eta=0.1)
    assert check.status == status
    assert pytest.approx(1.0) == check.G
    assert check.factor == pytest.approx(40 / steps)
    assert check.informative_from == pytest.approx(41, abs=1)
    assert check.mu_source == "along the run"


def test_a_bound_for_another_step_size_is_seen_to_be_violated(run):
    assert check_bound(run(20), eta=100.0).status == "violated"


def test_without_a_mu_nothing_is_said(quadratic):
    still = estimate_pl(*quadratic(torch.eye(1), torch.zeros(1)), f_star=0.0, steps=2)
    assert check_bound(still, eta=0.1).status == "unknown"


def test_the_table_has_every_loss_and_no_contradiction():
    measured = measure_real_losses(steps=4)
    rows = [dict(zip(measured.columns, row, strict=True)) for row in measured.rows]
    assert tuple(row["loss"] for row in rows) == names()
    for row in rows:
        assert row["L cert."] is None or row["L seen"] <= row["L cert."]
        assert row["μ cert."] is None or row["μ cert."] <= row["μ upper"]
        assert 0 < row["κ min"] <= row["κ median"] <= 1
        assert 0 <= row["disagree"] <= 1
        assert (row["bound/gap"] < 1) == (row["Thm 4.15"] == "informative")
