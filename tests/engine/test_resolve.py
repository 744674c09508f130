"""Rows inside their rounding bound are decided exactly: for the claim, against it, or left alone."""

from dataclasses import replace

import pytest
from flint import arb, fmpq
from hypothesis import find

from grams_theory import claims
from grams_theory.core.algebra import dot
from grams_theory.core.claim import Flow, OneStep, Run
from grams_theory.core.summary import describe
from grams_theory.engine import resolve as module
from grams_theory.engine.budget import Budget
from grams_theory.engine.cases import DRIVERS, one_step
from grams_theory.engine.cases.structure import Structure
from grams_theory.engine.certify import certify
from grams_theory.engine.evaluate import evaluate
from grams_theory.engine.exact import Exact, precision
from grams_theory.engine.exact_step import NoExactForm
from grams_theory.engine.hunt import hunt
from grams_theory.engine.production import Hyper, Rig
from grams_theory.engine.resolve import Resolution, resolve

KNOBS = {
    OneStep: {**one_step.PLAIN, "history": 1},
    Run: {"steps": 3, "fraction": 1.0},
}
UNDECIDED = ["alignment", "family-segment", "two-point-comparison", "lion-descent", "theorem-4.6"]
"""Claims with cases of equality, which rounding alone cannot tell from a violation."""


def structure(claim, family="dense_quadratic", **changes):
    setting = type(claim.setting)
    if setting is Flow:
        driver = DRIVERS[Flow]
        plainest = find(driver.strategy(claim, driver.pool(claim)[0]), lambda _: True)
        return replace(plainest, batch=32, seed=1, **changes)
    return Structure(family, 3, 1, 32, {}, Hyper(), {**KNOBS[setting], **changes})


@pytest.mark.parametrize("claim_id", UNDECIDED)
def test_cases_of_equality_are_resolved_and_hold(claim_id):
    claim = claims.by_id(claim_id)
    outcome = evaluate(claim, structure(claim))
    assert outcome.resolved > 0
    assert outcome.resolution.violated == ()
    assert int(outcome.undecided().sum()) < outcome.resolved


@pytest.mark.parametrize("claim_id", UNDECIDED)
def test_what_is_resolved_is_what_the_exact_margin_of_each_row_says(claim_id):
    claim = claims.by_id(claim_id)
    drawn = structure(claim)
    outcome = evaluate(claim, drawn)
    exact = module.MODULES[type(claim.setting)]
    for row in outcome.resolution.holds[:8]:
        case = exact.from_row(claim, outcome.record.row(row), drawn)
        with precision(1024):
            margins = exact.margins(claim, [case])
        assert all(margin[0].item() >= 0 for margin in margins.values())


def less(claim_id, excess):
    """The claim, asking for more than equality, by less than rounding shows."""
    claim = claims.by_id(claim_id)

    def margin(s):
        slack = dot(s.g, s.g) * excess
        return {part: m - slack for part, m in claim.margin(s).items()}

    return replace(claim, margin=margin)


def test_a_violation_within_rounding_is_found_and_certified():
    """Alignment holds with equality where u and g agree; 1e-18 |g|^2 more is not true, and no float can tell."""
    claim = less("alignment", 1e-18)
    drawn = structure(claim)
    outcome = evaluate(claim, drawn)
    part = next(iter(outcome.margins))
    assert outcome.resolution.violated
    row = outcome.resolution.violated[0][1]
    assert bool(outcome.violated(part)[row])
    assert not bool(outcome.margins[part].surely_negative()[row])
    assert not bool(outcome.undecided()[row])
    evidence, found = hunt(claim, Budget.parse(2000))
    assert evidence.violations > 0
    assert certify(claim, found).method == "rational arithmetic"


def test_a_violation_outside_the_premises_is_none(monkeypatch):
    claim = less("alignment", 1e-18)
    monkeypatch.setattr(module.exact_step, "curved_as_assumed", lambda *_: False)
    outcome = evaluate(claim, structure(claim))
    assert outcome.resolution.violated == ()
    assert outcome.worst() is None


def test_on_other_functions_only_what_does_not_ask_for_f_is_resolved():
    aligned, bound = (claims.by_id(name) for name in ("alignment", "family-segment"))
    assert evaluate(aligned, structure(aligned, "log_cosh")).resolved > 0
    outcome = evaluate(bound, structure(bound, "log_cosh"))
    assert outcome.resolved == 0
    assert int(outcome.undecided().sum()) > 0


def test_somebody_else_s_optimizer_is_not_resolved_by_the_definitions():
    claim = claims.by_id("alignment")
    drawn = structure(claim)
    outcome = evaluate(claim, drawn)
    assert resolve(claim, drawn, outcome, Rig(cast={"Grams": "torch.optim:Adam"})) == Resolution()


def test_runs_are_decided_in_balls():
    """Runs that hardly move: a few of their margins are beyond floating point, and none is against the claim."""
    evidence, found = hunt(claims.by_id("ams-lyapunov"), Budget(cases=600))
    assert found is None
    assert evidence.resolved > 0


def test_one_case_without_a_margin_does_not_spoil_its_batch():
    def margins(cases):
        if any(case["x"] == 0 for case in cases):
            raise ZeroDivisionError
        return {"positive": Exact([case["x"] for case in cases])}

    cases = [{"x": fmpq(x)} for x in (1, 0, -1, 2)]
    assert module._verdicts(margins, cases) == [True, None, "positive", True]
    with pytest.raises(ValueError, match="anything else"):
        module._verdicts(lambda cases: (_ for _ in ()).throw(ValueError("anything else")), cases)


def test_a_ball_that_straddles_zero_decides_nothing():
    assert module._verdict({"part": arb(0, 1)}) is None
    assert module._verdict({"part": arb(0, 1), "other": fmpq(-1)}) == "other"


def test_a_claim_without_an_exact_form_is_left_alone():
    claim = claims.by_id("definitions")
    narrow = replace(claim, margin=lambda s: {name: m * 0.0 for name, m in claim.margin(s).items()})
    with pytest.raises(NoExactForm):
        module.exact_step.margins(claim, [{"g": [fmpq(1)], "u": [fmpq(1)], "eta": fmpq(1)}])
    assert evaluate(narrow, structure(claim)).resolved == 0


def test_a_margin_that_only_tensors_can_take_is_fuzzed_and_left_undecided():
    claim = claims.by_id("alignment")
    wanting = replace(
        claim, margin=lambda s: {part: m.unsqueeze(-1).sum(-1) for part, m in claim.margin(s).items()}
    )
    outcome = evaluate(wanting, structure(claim))
    assert outcome.resolved == 0
    assert int(outcome.undecided().sum()) == int(evaluate(claim, structure(claim)).resolved) > 0


def test_the_evidence_says_how_many_were_resolved(monkeypatch):
    claim = claims.by_id("alignment")
    evidence, _ = hunt(claim, Budget.parse(2000))
    monkeypatch.setitem(module.ROWS, OneStep, 0)
    before, _ = hunt(claim, Budget.parse(2000))
    assert evidence.resolved > before.resolved == 0
    assert evidence.undecided + evidence.resolved == before.undecided
    assert f"{evidence.resolved:,} resolved in exact arithmetic" in describe(evidence)
