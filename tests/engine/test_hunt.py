"""Fuzzing: reproducible, honest about rounding, and able to find, shrink, certify and replay."""

import dataclasses
from fractions import Fraction

import pytest
import torch

from grams_theory import claims
from grams_theory.core.definitions import SMOOTH
from grams_theory.core.errors import UsageError
from grams_theory.engine import fuzz, replay
from grams_theory.engine.budget import Budget
from grams_theory.engine.campaign import Campaign
from grams_theory.engine.certify import certify
from grams_theory.engine.hunt import hunt
from grams_theory.engine.production import OURS, Rig
from grams_theory.engine.tokens import Token

REFUTED = "comparison-sign-repaired"


@pytest.fixture(scope="module")
def refuted():
    return fuzz(REFUTED, budget=50_000)


def test_a_campaign_is_reproducible_from_its_seed():
    runs = [hunt(claims.by_id("lemma-4.2"), Budget.parse(3000), run_seed=7)[0] for _ in range(2)]
    first, second = (dataclasses.replace(run, seconds=0.0) for run in runs)
    assert first == second
    other = hunt(claims.by_id("lemma-4.2"), Budget.parse(3000), run_seed=8)[0]
    assert dataclasses.replace(other, seconds=0.0, seed=7) != first


def test_a_campaign_reports_what_it_explored():
    evidence, found = hunt(claims.by_id("lemma-4.2"), Budget.parse(10_000))
    assert found is None
    assert 0.9 * 10_000 <= evidence.cases + evidence.discarded <= 11_000  # turns are played whole
    assert sum(evidence.families.values()) == evidence.cases
    assert evidence.optimizers == ("Grams",)
    assert len(evidence.families) >= 3
    for axis in ("dimension", "hyperparameters", "near", "layout", "reached"):
        assert sum(evidence.explored[axis].values()) == evidence.cases
        assert len(evidence.explored[axis]) > 1


def test_a_time_that_imports_use_up_still_plays_one_turn():
    late = Budget.parse("1s").less(5.0)
    claim = claims.by_id("lemma-4.2")
    evidence, _ = hunt(claim, late)
    first = next(iter(Campaign(claim, OURS, 0, False, 0).turns()))
    assert evidence.cases + evidence.discarded == first.rows


def test_a_false_claim_is_refuted_with_an_exact_witness(refuted):
    assert refuted.verdict == "refuted"
    data = refuted.witness.data
    assert refuted.witness.method == "rational arithmetic"
    assert Fraction(refuted.witness.margin) < 0
    assert len(data["g"]) == 2
    entries = [*data["g"], *data["u"], *data["H"][0], *data["H"][1], data["eta"], data["smoothness"]]
    numbers = list(map(Fraction, entries))
    assert max(max(abs(n.numerator), n.denominator) for n in numbers) <= 16


def test_the_witness_is_reached_by_production_grams_from_zero_state(refuted):
    run, u = refuted.witness.data["run"], refuted.witness.data["u"]
    from grams_theory.optim import Adam

    w = torch.nn.Parameter(torch.zeros(2, dtype=torch.float64))
    optimizer = Adam(
        [w], lr=1.0, betas=tuple(float(Fraction(b)) for b in run["betas"]), eps=float(Fraction(run["eps"]))
    )
    for gradient in run["gradients"]:
        before = w.detach().clone()
        w.grad = torch.tensor([float(Fraction(x)) for x in gradient], dtype=torch.float64)
        optimizer.step()
    expected = torch.tensor([float(Fraction(x)) for x in u], dtype=torch.float64)
    assert torch.allclose(before - w.detach(), expected, rtol=1e-12, atol=0)


def test_a_token_replays_the_violation(refuted):
    again = replay(refuted.witness.token)
    assert again.reproduced
    assert again.margin + again.rounding < 0
    assert REFUTED in again.text


@pytest.mark.parametrize("text", ["", "gt1.", "gt1.AAAA", "nonsense", "gt1.eNo"])
def test_a_damaged_token_is_refused(text):
    with pytest.raises(UsageError, match="not a replay token"):
        replay(text)


def test_a_token_round_trips(refuted):
    token = Token.decode(refuted.witness.token)
    assert Token.decode(token.encode()) == token


def test_dropping_smoothness_from_the_recheck_is_noticed(refuted):
    """The certificate ||H|| <= L is part of the recheck: a witness with a larger H is no witness."""
    from grams_theory.engine import exact_step
    from grams_theory.engine.exact import rational

    claim, data = claims.by_id(REFUTED), refuted.witness.data
    case = {
        "H": [[2 * rational(x) for x in row] for row in data["H"]],
        "g": [rational(x) for x in data["g"]],
        "u": [rational(x) for x in data["u"]],
        "eta": rational(data["eta"]),
        "smoothness": rational(data["smoothness"]),
    }
    assert exact_step.margin_of(claim, case, refuted.witness.part) is None


def test_a_violation_that_exact_arithmetic_does_not_confirm_is_no_witness():
    """A margin that lies about its rounding is found by the fuzzer and thrown out by the recheck."""
    honest = claims.by_id("lemma-4.2")
    lying = dataclasses.replace(
        honest,
        assumptions=(SMOOTH,),
        margin=lambda s: {part: m - 1e-3 if hasattr(m, "mid") else m for part, m in honest.margin(s).items()},
    )
    _, found = hunt(lying, Budget.parse(5000))
    assert found is not None
    assert certify(lying, found) is None


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
def test_production_grams_keeps_its_definition_in_every_dtype(dtype):
    result = fuzz("definitions", budget=4000, dtype=dtype)
    assert result.verdict in ("survived", "undecided")
    assert result.fuzz.violations == 0
    if dtype != "bfloat16":  # there the rounding bound itself exceeds most updates
        assert result.verdict == "survived"


@pytest.mark.gpu
@pytest.mark.parametrize("claim_id", ["definitions", "lemma-4.2", "theorem-4.6", "theorem-4.15"])
def test_claims_are_fuzzed_on_cuda(claim_id):
    evidence, found = hunt(claims.by_id(claim_id), Budget.parse(20_000), rig=Rig(device="cuda").check())
    assert found is None
    assert evidence.cases >= 20_000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"claim_id": "lemma-4.3"}, "did you mean"),
        ({"claim_id": "lemma-4.2", "budget": 0}, "positive"),
        ({"claim_id": "lemma-4.2", "optimizer": "torch.optim:Adan"}, "does not exist"),
        ({"claim_id": "lemma-4.2", "optimizer": "torch.optim:Adam", "role": "Gramz"}, "no role"),
        ({"claim_id": "theorem-4.6", "optimizer": "torch.optim:Adam"}, "not about an optimizer"),
        ({"claim_id": "figure-1"}, "nothing to fuzz"),
        ({"claim_id": "lemma-4.2", "device": "cuda:99"}, "use --device cpu"),
    ],
)
def test_bad_input_is_refused(arguments, message):
    with pytest.raises(UsageError, match=message):
        fuzz(**arguments)


@pytest.mark.parametrize("spec", ["torch.optim:Adam", "torch.optim:SGD"])
def test_another_optimizer_in_the_place_of_grams_is_refuted(spec):
    result = fuzz("definitions", optimizer=spec, budget=20_000)
    assert result.verdict == "refuted"
    assert result.witness.kind == "observed"
    assert replay(result.witness.token).reproduced


def test_torch_adam_in_the_role_of_adam_survives():
    assert fuzz("definitions", optimizer="torch.optim:Adam", role="Adam", budget=5000).verdict == "survived"
