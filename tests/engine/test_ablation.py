"""Ablation: what a claim needs breaks it when weakened, what it does not need does not, and the witnesses are exact."""

from dataclasses import replace
from fractions import Fraction
from functools import cache

import pytest

from grams_theory import claims
from grams_theory.core.definitions import CONVEX, PL, SEPARABLE
from grams_theory.core.document import dumps, loads
from grams_theory.core.errors import UnknownNameError
from grams_theory.core.ledger import ClaimResult, Ledger
from grams_theory.core.summary import describe
from grams_theory.core.verdict import Verdict
from grams_theory.engine import replay
from grams_theory.engine.ablation import ablate
from grams_theory.engine.certify import RECHECKS
from grams_theory.engine.exact import precision, rational
from grams_theory.engine.weaken import FACTORS, by_id, hypotheses, weaken

PROVED = [claim for claim in claims.all_claims() if claim.recorded is Verdict.PROVED]
NEEDED = [(claim.id, name) for claim in PROVED for name in hypotheses(claim)]


@cache
def ablations(claim_id):
    return {evidence.dropped: evidence for evidence in ablate(claims.by_id(claim_id))}


def exactly(value):
    """A witness's numbers, from strings."""
    if isinstance(value, dict):
        return {name: exactly(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [exactly(entry) for entry in value]
    return rational(value) if isinstance(value, str) else value


def margin_of(claim, witness):
    with precision():
        return RECHECKS[type(claim.setting)].margin_of(claim, exactly(witness.data), witness.part)


@pytest.mark.parametrize(("claim_id", "hypothesis"), NEEDED)
def test_every_hypothesis_of_a_proved_claim_is_needed(claim_id, hypothesis):
    evidence = ablations(claim_id)[hypothesis]
    assert evidence.witness is not None, describe(evidence)
    claim, weakened = claims.by_id(claim_id), weaken(claims.by_id(claim_id), hypothesis, evidence.factor or 2)
    assert margin_of(weakened.claim, evidence.witness) < 0
    kept = margin_of(claim, evidence.witness)
    assert kept is None or kept >= 0, (
        "outside the premises of the claim itself, or with the true f* in its favour"
    )
    assert weakened.text == evidence.text


@pytest.mark.parametrize(("claim_id", "hypothesis"), NEEDED)
def test_a_witness_is_small(claim_id, hypothesis):
    data = ablations(claim_id)[hypothesis].witness.data
    vectors = [value for name, value in data.items() if name != "betas" and isinstance(value, list)]
    assert max(map(len, vectors)) <= 2
    numbers = [x for v in vectors for y in v for x in (y if isinstance(y, list) else [y])]
    assert max(max(abs(n.numerator), n.denominator) for n in map(Fraction, numbers)) <= 1024


@pytest.mark.parametrize(("claim_id", "hypothesis"), NEEDED)
def test_a_witness_replays_through_the_production_optimizer(claim_id, hypothesis):
    assert replay(ablations(claim_id)[hypothesis].witness.token).reproduced


ALIGNED = claims.by_id("theorem-4.6")
DOWNHILL = replace(ALIGNED, margin=lambda q: {"dL/dt ≤ 0": -q.rate_L("grams")})
"""The part of Theorem 4.6 that Ψ does not enter."""


def with_assumption(claim_id, assumption):
    claim = claims.by_id(claim_id)
    return replace(claim, assumptions=(*claim.assumptions, assumption))


def with_step_size(claim_id):
    claim = claims.by_id(claim_id)
    limited = replace(claim.setting, step_size=claims.by_id("grams-vs-adam").setting.step_size)
    return replace(claim, setting=limited)


UNNECESSARY = [
    (with_assumption("lemma-4.2", CONVEX), "convex"),
    (with_assumption("comparison-sharp", CONVEX), "convex"),
    (with_assumption("comparison-sharp", SEPARABLE), "separable"),
    pytest.param(with_assumption("ams-lyapunov", PL), "pl", marks=pytest.mark.slow),
    (with_step_size("lemma-4.2"), "step size"),
    (DOWNHILL, "<∇K, Ψ(s)>"),
]


@pytest.mark.parametrize(("claim", "hypothesis"), UNNECESSARY, ids=lambda x: getattr(x, "id", x))
def test_an_unnecessary_hypothesis_is_shown_to_be_one(claim, hypothesis):
    found = {evidence.dropped: evidence for evidence in ablate(claim)}
    assert found[hypothesis].witness is None
    assert found[hypothesis].cases > 0
    assert "no counterexample" in describe(found[hypothesis])
    assert all(evidence.witness for name, evidence in found.items() if name != hypothesis)


def test_the_mildest_weakening_that_breaks_the_claim_is_shown():
    assert ablations("lemma-4.2")["smooth"].factor == FACTORS[0]
    assert weaken(claims.by_id("lemma-4.14"), "step size", FACTORS[0]).claim.id.endswith("× 2")
    loose = ablations("lemma-4.14")["step size"]
    assert loose.factor in FACTORS[1:]
    milder = weaken(claims.by_id("lemma-4.14"), "step size", FACTORS[0]).claim
    assert margin_of(milder, loose.witness) is None


def test_a_weakened_claim_still_bounds_what_it_has_loosened():
    claim = weaken(claims.by_id("lemma-4.2"), "smooth", 2).claim
    witness = ablations("lemma-4.2")["smooth"].witness
    steeper = replace(witness, data={**witness.data, "H": [["33/16"]], "g": ["1/1"]})
    assert margin_of(claim, replace(witness, data={**witness.data, "H": [["2/1"]]})) < 0
    assert margin_of(claim, steeper) is None


@pytest.mark.parametrize(("claim_id", "hypothesis"), NEEDED)
def test_a_weakened_claim_is_found_by_its_id(claim_id, hypothesis):
    weakened = weaken(claims.by_id(claim_id), hypothesis, 10).claim
    again = by_id(weakened.id)
    assert again.id == weakened.id != claim_id
    assert (again.loosened, again.assumptions) == (weakened.loosened, weakened.assumptions)


def test_what_is_no_hypothesis_cannot_be_weakened():
    with pytest.raises(UnknownNameError, match="did you mean smooth"):
        weaken(claims.by_id("lemma-4.2"), "smoth")


@pytest.mark.parametrize("claim_id", ["figure-1", "median-bias", "alignment"])
def test_a_claim_without_hypotheses_that_can_be_weakened_has_no_ablations(claim_id):
    assert ablate(claims.by_id(claim_id)) == ()


def test_ablations_are_reproducible_from_their_seed():
    first, again = (ablate(claims.by_id("comparison-separable"), seed=3) for _ in range(2))
    assert [replace(e, seconds=0.0) for e in first] == [replace(e, seconds=0.0) for e in again]


def test_ablations_are_written_and_read_back():
    evidence = (
        *ablations("adam-hamiltonian").values(),
        replace(*ablations("lemma-4.2").values(), witness=None),
    )
    result = ClaimResult("a", "title", "source", Verdict.PROVED, None, evidence, 1.0)
    back = loads(dumps(Ledger((result,)))).results[0]
    assert back.witness is None
    assert list(map(describe, back.evidence)) == list(map(describe, evidence))
    assert dumps(Ledger((back,))) == dumps(Ledger((result,)))


def test_the_flow_witness_is_the_corner_where_a_quarter_is_sharp():
    data = ablations("adam-hamiltonian")["a - b/4"].witness.data
    assert 0 < Fraction(data["a"]) < Fraction(data["b"]) / 4
    assert (data["g"], data["eps"]) == (["0/1"], "0/1")
