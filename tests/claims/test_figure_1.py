"""Figure 1: what the production optimizers do on its function, and what the definitions confirm."""

from fractions import Fraction

import pytest
import torch

from grams_theory.claims.figure_1 import (
    HORIZONS,
    RATES,
    RIVALS,
    STARTS,
    _counterexamples,
    confirm,
    figure1_runs,
    measure,
    objective,
    trajectories,
)
from grams_theory.core.evidence import MeasuredEvidence, Witness


def points(*rows):
    return torch.tensor(rows, dtype=torch.float64)


@pytest.fixture(scope="module")
def evidence():
    return measure("cpu")


@pytest.fixture(scope="module")
def losses():
    starts = points(*([float(Fraction(x)) for x in start] for start in STARTS))
    return {name: objective(path) for name, path in trajectories(starts, max(HORIZONS)).items()}


def test_the_objective_is_the_one_of_the_paper():
    w = points([1.0, 2.0], [-3.0, 0.5])
    expected = (0.5 * w[:, 0]) ** 2 + (0.1 * w[:, 1]) ** 2
    assert torch.allclose(
        objective(w), expected, rtol=8 * 2.0**-53, atol=0
    )  # at most 8 roundings on either side


def test_starts_in_one_quadrant_stand_for_all():
    w = points([1.0, 0.25])
    flip = points([-1.0, 1.0])
    mirrored = trajectories(w * flip, 300)
    for name, path in trajectories(w, 300).items():
        assert torch.equal(mirrored[name], path * flip), name


def test_a_run_alone_is_the_run_in_a_batch():
    alone = figure1_runs((0.5, 2.0), 50)
    batch = trajectories(points([1.0, 1.0], [0.5, 2.0]), 50)
    for name in RATES:
        assert torch.equal(alone.points[name], batch[name][:, 1]), name


def test_the_first_step_of_each_optimizer_has_the_size_of_its_learning_rate():
    runs = figure1_runs((1.0, 1.0), 1)
    for name, rate in RATES.items():
        move = runs.points[name][0] - runs.points[name][1]
        shrink = 1e-8 / 0.02  # Adam's first step is rate · g / (|g| + eps), and the smallest |g| is 0.02
        assert move == pytest.approx([float(rate)] * 2, rel=shrink + 1e-13), name


def test_the_witness_is_confirmed_and_complete(evidence):
    witness = next(e for e in evidence if isinstance(e, Witness))
    assert witness.data["H"] == (("1/2", "0"), ("0", "1/50"))
    assert witness.data.keys() == {"H", "start", "steps", "eta", "betas", "eps"}
    rival = next(name for name in witness.data["eta"] if name != "Grams")
    again = confirm(witness.data["start"], witness.data["steps"], rival)
    assert again == witness


@pytest.mark.parametrize("rival", RIVALS)
def test_nothing_is_confirmed_where_grams_is_not_higher(rival):
    assert confirm(("1", "1"), 400 if rival in ("Adam", "CautiousAdam") else 100, rival) is None


def test_a_measured_counterexample_names_its_case(losses):
    assert [rival for _, _, rival in _counterexamples(losses)]
    for start, T, rival in _counterexamples(losses):
        row = STARTS.index(start)
        assert losses[rival][T, row] < losses["Grams"][T, row]


def test_no_counterexample_is_seen_where_grams_is_lowest(losses):
    lowest = torch.stack(list(losses.values())).min(0).values
    assert list(_counterexamples({**losses, "Grams": lowest})) == []


def test_from_starts_away_from_the_axes_no_rival_is_below_grams(losses):
    away = [row for row, start in enumerate(STARTS) if min(map(Fraction, start)) >= Fraction(1, 2)]
    assert len(away) == 16
    for rival in RIVALS:
        for T in HORIZONS:
            assert bool((losses[rival][T, away] >= losses["Grams"][T, away]).all()), (rival, T)


def test_the_tables_say_what_was_measured(evidence, losses):
    tables = [e for e in evidence if isinstance(e, MeasuredEvidence)]
    for T, rival, lower, equal, _, _ in tables[0].rows:
        assert lower == int((losses[rival][T] < losses["Grams"][T]).sum())
        assert equal == int((losses[rival][T] == losses["Grams"][T]).sum())
    assert len(tables[0].rows) == len(HORIZONS) * len(RIVALS)
    assert tables[1].columns[0] == "step"
    assert len(tables[2].rows) == len(STARTS)
