"""The claims on whole runs: proofs are complete, planted variants fail, and margins notice bad optimizers."""

from importlib import import_module
from types import SimpleNamespace

import pytest
import sympy as sp
import torch

from grams_theory.claims import _ams_run, _small_step
from grams_theory.core.claim import Run
from grams_theory.core.rounding import Ball
from grams_theory.core.verdict import Verdict
from grams_theory.engine.cases import run
from grams_theory.engine.cases.structure import Structure
from grams_theory.engine.exact import precision, rational
from grams_theory.engine.exact_run import ExactRun
from grams_theory.engine.production import Hyper, Rig
from grams_theory.families import by_name, certifying
from grams_theory.symbolic.proof import ProofFailed, prove

ams_lyapunov, lemma_4_14, linear_rate, linear_rate_limit, one_step_pl_rate = (
    import_module(f"grams_theory.claims.{name}")
    for name in ("ams_lyapunov", "lemma_4_14", "linear_rate", "linear_rate_limit", "one_step_pl_rate")
)
theorem_4_15, trajectory_comparison = (
    import_module(f"grams_theory.claims.{name}") for name in ("theorem_4_15", "trajectory_comparison")
)
PROVED = [ams_lyapunov.CLAIM, lemma_4_14.CLAIM, linear_rate.CLAIM]
NEARBY = [linear_rate_limit.CLAIM, one_step_pl_rate.CLAIM]
ON_RUNS = [*PROVED, theorem_4_15.CLAIM, trajectory_comparison.CLAIM]


@pytest.mark.parametrize("claim", [*PROVED, *NEARBY], ids=lambda claim: claim.id)
def test_the_proof_is_complete_and_has_no_axioms_of_its_own(claim):
    evidence = prove(claim)
    assert evidence.complete, evidence.failure
    assert evidence.stated is not None
    assert set(evidence.axioms) <= {"fundamental theorem of calculus", "monotone integrals"}
    assert evidence.seconds < 15


CONSTANTS = {
    "a step that is twice too long": (ams_lyapunov, _ams_run, "LONGEST", 2, "V does not increase"),
    "an average that is twice too small": (lemma_4_14, lemma_4_14, "FACTOR", 1, "half of the first-order"),
    "a rate that is twice too fast": (linear_rate, linear_rate, "CONTRACTION", 4, "f falls by ρF"),
}


@pytest.mark.parametrize("fault", CONSTANTS)
def test_a_better_constant_has_a_countermodel(monkeypatch, fault):
    module, owner, name, value, step = CONSTANTS[fault]
    monkeypatch.setattr(owner, name, value)
    evidence = prove(module.CLAIM)
    assert not evidence.complete
    failure = str(evidence.failure)
    assert failure.startswith(step)
    assert " = " in failure.rpartition("[")[2]


def larger(formula):
    """x ≥ y becomes x ≥ 1.01 y."""
    return sp.Ge(formula.lhs, sp.Rational(101, 100) * formula.rhs) if isinstance(formula, sp.Ge) else formula


def smaller(formula):
    """x ≤ y becomes x ≤ 0.99 y."""
    return sp.Le(formula.lhs, sp.Rational(99, 100) * formula.rhs) if isinstance(formula, sp.Le) else formula


@pytest.mark.parametrize(
    ("claim_id", "step", "edit"),
    [
        ("ams-lyapunov", "Adam's step", larger),
        ("ams-lyapunov", "an average of squares below G² stays below", smaller),
        ("linear-rate", "Bernoulli's inequality", smaller),
        ("one-step-pl-rate", "the drop, by the PL condition", larger),
    ],
)
def test_a_step_stated_one_percent_sharper_breaks_the_proof(plant, claim_id, step, edit):
    with pytest.raises(ProofFailed):
        plant(claim_id, step, edit)


def test_the_theorem_has_no_proof_of_its_own_and_points_to_the_refuted_step():
    claim = theorem_4_15.CLAIM
    assert claim.prove is None
    assert claim.recorded is Verdict.GAP
    assert trajectory_comparison.CLAIM.id in claim.argument
    assert trajectory_comparison.CLAIM.recorded is Verdict.REFUTED
    assert linear_rate.CLAIM.amends == claim.id


QUICK = Hyper((0.5, 0.5), 1.0)


def structure(
    family: str = "dense_quadratic",
    dim: int = 3,
    steps: int = 12,
    fraction: float = 1.0,
    hyper: Hyper = QUICK,
    batch: int = 32,
    **options,
) -> Structure:
    return Structure(
        family, dim, 0, batch, options, hyper, {"steps": steps, "fraction": fraction, "quantile": 0.0}
    )


def built(claim, shape: Structure, **cast):
    found = run.build(claim, shape, rig=Rig(cast=cast))
    assert found is not None
    return found


def margins(claim, shape: Structure, **cast) -> dict[str, Ball]:
    record, inside = built(claim, shape, **cast)
    return {part: margin[inside] for part, margin in claim.margin(record).items()}


def worst(found: dict[str, Ball], name: str) -> Ball:
    """The smallest margin of that optimizer over all parts."""
    return Ball.stack([margin for part, margin in found.items() if part.endswith(name)]).worst(0)


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
    found = margins(claim, structure(fraction=0.5), Grams=Idle)
    assert bool(worst(found, "Grams").surely_negative().all())
    assert not bool(worst(found, ", Adam").surely_negative().any())


@pytest.mark.parametrize("claim", [lemma_4_14.CLAIM, theorem_4_15.CLAIM], ids=lambda claim: claim.id)
def test_a_run_that_never_decreases_violates_the_sublinear_bounds(claim):
    """f(w) = w²/2 held at w = 1 for 100 steps of size 1: both bounds fall below 1/2."""
    ones = torch.ones(101, 1, dtype=torch.float64)
    record = SimpleNamespace(
        initial_gap=Ball.exact(ones[0] / 2),
        smoothness=Ball.exact(ones[0]),
        pl=Ball.exact(ones[0]),
        betas=(0.9, 0.999),
        eps=1e-3,
        eta=1.0,
        steps=100,
        gap=lambda name: Ball.exact(ones / 2),
        grad=lambda name: Ball.exact(ones.unsqueeze(-1)),
    )
    assert all(bool(margin.surely_negative().all()) for margin in claim.margin(record).values())


def test_grams_falls_behind_adam_where_the_gradient_turns():
    found = margins(
        trajectory_comparison.CLAIM, structure("turning_gradient", steps=16, fraction=0.1, scale=1e-2)
    )
    assert bool(found["every t"].surely_negative().any())


def guaranteed(family: str, **options):
    """A run of 40 steps of Grams, Adam and C-Adam, and 1 − ρ."""
    f = by_name(family)
    dim = min((d for d in f.dims if d >= 3), default=f.dims[-1])
    shape = structure(
        family,
        dim,
        40,
        0.5,
        Hyper((0.9, 0.999), 1.0),
        min(16, f.max_batch),
        **{k: v[0] for k, v in f.options.items()},
    )
    return built(linear_rate.CLAIM, shape, **options)


@pytest.mark.parametrize("family", [f.name for f in certifying({"smooth", "bounded", "pl"})])
def test_the_gap_shrinks_as_fast_as_guaranteed_or_faster(family):
    """δ = 1/2 leaves half of the first-order decrease, so that much is to be expected; on round bowls it is all."""
    record, inside = guaranteed(family)
    values = linear_rate.reads(record)
    for name in linear_rate.OPTIMIZERS:
        gap, rho = record.gap(name).mid, values[name]["ρ"].mid
        measured = (gap[0] / gap[-1]).log() / record.steps
        assert bool((measured >= -torch.log1p(-rho))[inside].all())


def test_on_a_round_bowl_the_guarantee_is_tight():
    """L = μ and β₂ → 1: per step the gap shrinks by (1 − ημ/(G + ε))² or more, and 1 − ρ has half the exponent."""
    hyper = Hyper((0.9, 0.999), 1.0)
    record, inside = built(linear_rate.CLAIM, structure("rank_deficient_quadratic", 3, 40, 0.5, hyper))
    rho = linear_rate.reads(record)["Grams"]["ρ"].mid
    gap = record.gap("Grams").mid
    ratio = (gap[0] / gap[-1]).log() / record.steps / -torch.log1p(-rho)
    assert 1 < ratio[inside].min() < 2.5


def test_the_momentum_error_starts_at_zero_and_is_the_bias_corrected_one():
    record, _ = built(ams_lyapunov.CLAIM, structure(steps=4))
    g = record.grad("Adam")
    e = _ams_run.averages(g, 0.5) - g
    assert bool((e.mid[0].abs() <= e.rad[0]).all())
    weights = torch.tensor([1.0, 2.0, 4.0, 8.0], dtype=torch.float64) / 15  # β = 1/2
    expected = (weights[:, None, None] * g.mid[:4]).sum(0) - g.mid[3]
    assert bool(((e.mid[3] - expected).abs() <= 2 * e.rad[3]).all())


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
    L = Ball.exact(torch.tensor([2.0]))
    record = SimpleNamespace(smoothness=L, betas=(0.5, 0.5), eps=1.0)
    with precision():
        assert _small_step.largest_step_size(exact).item() == rational("1/8")
    assert _small_step.largest_step_size(record).mid.item() == 0.125
