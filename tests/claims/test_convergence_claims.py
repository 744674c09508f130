"""The claims on whole runs: proofs are complete, planted variants fail, and margins notice bad optimizers."""

from importlib import import_module
from types import SimpleNamespace

import pytest
import torch

from grams_theory.claims import _small_step
from grams_theory.core.claim import Run
from grams_theory.core.rounding import Ball
from grams_theory.core.verdict import Verdict
from grams_theory.engine.cases import run
from grams_theory.engine.cases.structure import Structure
from grams_theory.engine.exact import precision, rational
from grams_theory.engine.exact_run import ExactRun
from grams_theory.engine.production import Hyper, Rig
from grams_theory.symbolic.proof import prove

ams_lyapunov, lemma_4_14, linear_rate, theorem_4_15, trajectory_comparison = (
    import_module(f"grams_theory.claims.{name}")
    for name in ("ams_lyapunov", "lemma_4_14", "linear_rate", "theorem_4_15", "trajectory_comparison")
)
PROVED = [ams_lyapunov.CLAIM, lemma_4_14.CLAIM, linear_rate.CLAIM]
ON_RUNS = [*PROVED, theorem_4_15.CLAIM, trajectory_comparison.CLAIM]


@pytest.mark.parametrize("claim", PROVED, ids=lambda claim: claim.id)
def test_the_proof_is_complete_and_rests_on_induction_only(claim):
    evidence = prove(claim)
    assert evidence.complete, evidence.failure
    assert evidence.axioms == ("induction",)
    assert evidence.uses == claim.uses
    assert evidence.seconds < 10


PLANTED = {
    "a step size that is twice too large": (ams_lyapunov, "DIVISOR", 2, "the condition on η implies"),
    "a decrease that is twice too fast": (ams_lyapunov, "DESCENT", 4, "Lyapunov inequality"),
    "an error that weighs too little": (ams_lyapunov, "WEIGHT", 0, "Lyapunov inequality"),
    "an average that is twice too small": (lemma_4_14, "FACTOR", 4, "average of the squared gradients"),
    "a rate that is twice too fast": (linear_rate, "CONTRACTION", 2, "contraction of V"),
    "a step size without bound": (linear_rate, "DIVISOR", 0, "the gap contracts no faster"),
}


@pytest.mark.parametrize("fault", PLANTED)
def test_a_false_variant_has_a_countermodel(monkeypatch, fault):
    module, name, value, step = PLANTED[fault]
    monkeypatch.setattr(module, name, value)
    evidence = prove(module.CLAIM)
    assert not evidence.complete
    failure = str(evidence.failure)
    assert failure.startswith(step)
    assert " = " in failure.rpartition("[")[2]


def test_the_theorem_has_no_proof_of_its_own_and_points_to_the_refuted_step():
    claim = theorem_4_15.CLAIM
    assert claim.prove is None
    assert claim.recorded is Verdict.GAP
    assert trajectory_comparison.CLAIM.id in claim.argument
    assert trajectory_comparison.CLAIM.recorded is Verdict.REFUTED
    assert linear_rate.CLAIM.amends == claim.id


def structure(family: str = "dense_quadratic", dim: int = 3, steps: int = 12, **options) -> Structure:
    knobs = {"steps": steps, "fraction": 1.0, "quantile": 0.0}
    return Structure(family, dim, 0, 32, options, Hyper((0.5, 0.5), 1.0), knobs)


def built(claim, shape: Structure, **cast):
    found = run.build(claim, shape, rig=Rig(cast=cast))
    assert found is not None
    return found


def margins(claim, shape: Structure, **cast) -> dict[str, Ball]:
    record, inside = built(claim, shape, **cast)
    return {part: margin[inside] for part, margin in claim.margin(record).items()}


@pytest.mark.parametrize("claim", ON_RUNS, ids=lambda claim: claim.id)
def test_a_margin_has_one_entry_per_row(claim):
    assert isinstance(claim.setting, Run)
    record, _ = built(claim, structure())
    assert all(margin.shape == (32,) for margin in claim.margin(record).values())


@pytest.mark.parametrize("claim", PROVED, ids=lambda claim: claim.id)
def test_what_is_proved_holds_along_production_runs(claim):
    for margin in margins(claim, structure()).values():
        assert not bool(margin.surely_negative().any())


class Idle(torch.optim.Optimizer):
    """Never moves."""

    def __init__(self, params, lr=1e-3):
        super().__init__(params, {"lr": lr})

    def step(self, closure=None):
        return None


@pytest.mark.parametrize("claim", [ams_lyapunov.CLAIM, linear_rate.CLAIM], ids=lambda claim: claim.id)
def test_an_optimizer_that_does_not_move_violates(claim):
    found = margins(claim, structure(), Grams=Idle)
    assert bool(found["Grams"].surely_negative().all())
    assert not bool(found["Adam"].surely_negative().any())


@pytest.mark.parametrize("claim", [lemma_4_14.CLAIM, theorem_4_15.CLAIM], ids=lambda claim: claim.id)
def test_a_run_that_never_decreases_violates_the_sublinear_bounds(claim):
    """f(w) = w²/2 held at w = 1 for 100 steps of size 1: both bounds fall below 1/2."""
    ones = torch.ones(101, 1, dtype=torch.float64)
    record = SimpleNamespace(
        initial_gap=Ball.exact(ones[0] / 2),
        smoothness=ones[0],
        pl=ones[0],
        eps=1e-3,
        eta=1.0,
        steps=100,
        gap=lambda name: Ball.exact(ones / 2),
        grad=lambda name: Ball.exact(ones.unsqueeze(-1)),
    )
    assert all(bool(margin.surely_negative().all()) for margin in claim.margin(record).values())


def test_grams_falls_behind_adam_where_the_gradient_turns():
    found = margins(trajectory_comparison.CLAIM, structure("turning_gradient", steps=16, scale=1e-2))
    assert bool(found["every t"].surely_negative().any())


def test_the_momentum_error_starts_at_zero_and_is_the_bias_corrected_one():
    claim = ams_lyapunov.CLAIM
    record, _ = built(claim, structure(steps=4))
    first, *_, last = ams_lyapunov.errors(record, "Adam")
    g = record.grad("Adam").mid
    assert bool((first.mid.abs() <= first.rad).all())
    weights = torch.tensor([1.0, 2.0, 4.0, 8.0], dtype=torch.float64) / 15  # β = 1/2
    expected = (weights[:, None, None] * g[:4]).sum(0) - g[3]
    assert bool(((last.mid - expected).abs() <= 2 * last.rad).all())


def test_the_largest_step_size_is_the_same_in_floats_and_exactly():
    H = [["2", "0"], ["0", "1"]]
    exact = ExactRun(
        [[rational(x) for x in row] for row in H],
        [rational(1), rational(2)],
        rational(2),
        rational(1),
        (rational("1/2"), rational("1/2")),
        rational(1),
        5,
    )
    with precision():
        found = float(_small_step.largest_step_size(exact).item())
    L, gap = torch.tensor([2.0], dtype=torch.float64), torch.tensor([3.0], dtype=torch.float64)
    record = SimpleNamespace(initial_gap=Ball.exact(gap), smoothness=L, betas=(0.5, 0.5), eps=1.0)
    ball = _small_step.largest_step_size(record)
    assert abs(ball.mid.item() - found) <= ball.rad.item()
    assert found == pytest.approx(0.5 / (8 * (12**0.5 + 1) ** 0.5))
