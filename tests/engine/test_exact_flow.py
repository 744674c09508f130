"""Flows, rechecked exactly: the same margins, and every premise demanded."""

from dataclasses import replace

import pytest
from flint import fmpq
from hypothesis import find

from grams_theory import claims
from grams_theory.engine.budget import Budget
from grams_theory.engine.cases import DRIVERS
from grams_theory.engine.certify import certify
from grams_theory.engine.evaluate import evaluate
from grams_theory.engine.exact import rational
from grams_theory.engine.exact_flow import from_row, margin_of, violates
from grams_theory.engine.hunt import hunt
from grams_theory.engine.weaken import weaken

FLOWS = ["theorem-4.6", "adam-hamiltonian"]


def flipped(claim_id):
    claim = claims.by_id(claim_id)
    return replace(claim, margin=lambda q: {part: -m for part, m in claim.margin(q).items()})


def sampled(claim, **changes):
    """One structure of the claim's states, and what its batch showed."""
    driver = DRIVERS[type(claim.setting)]
    plainest = find(driver.strategy(claim, driver.pool(claim)[0]), lambda _: True)
    structure = replace(plainest, batch=16, **changes)
    return structure, evaluate(claim, structure)


@pytest.mark.parametrize("claim_id", FLOWS)
def test_the_exact_margin_lies_in_the_ball_of_the_sampled_one(claim_id):
    claim = claims.by_id(claim_id)
    structure, outcome = sampled(claim)
    for index in range(16):
        case = from_row(claim, outcome.record.row(index), structure)
        for part, ball in outcome.margins.items():
            exact = margin_of(claim, case, part)
            assert exact is not None
            assert abs(exact - rational(ball.mid[index].item())) <= rational(ball.rad[index].item())


@pytest.mark.parametrize("claim_id", FLOWS)
def test_a_false_claim_on_a_flow_has_a_small_exact_witness(claim_id):
    claim = flipped(claim_id)
    _, found = hunt(claim, Budget.parse(5000))
    witness = certify(claim, found)
    assert witness is not None
    assert (witness.kind, witness.method) == ("flow", "rational arithmetic")
    assert len(witness.data["g"]) == 1


STILL = {"g": [0], "m": [1], "root": [1], "a": "1/8", "b": 1, "eps": 0}
"""a = b/8: H grows at g = 0."""


def case(**changes):
    given = {**STILL, **changes}
    return {
        name: [rational(x) for x in value] if isinstance(value, list) else rational(value)
        for name, value in given.items()
    }


def test_a_state_outside_the_premises_is_no_witness():
    claim = claims.by_id("adam-hamiltonian")
    free = weaken(claim, "a - b/4").claim
    part = "dH/dt ≤ 0, adam"
    assert margin_of(free, case(), part) == fmpq(-1)
    assert margin_of(claim, case(), part) is None
    assert margin_of(claim, case(a="1/4"), part) == 0
    for impossible in ({"root": [-1]}, {"root": [0]}, {"b": -1}, {"a": 0}, {"eps": -1}):
        assert not violates(free, case(**impossible), part)


@pytest.mark.parametrize("premise", ["<∇L, Φ(∇L)>", "<∇K, Ψ(s)>"])
def test_only_the_dropped_premise_is_waived(premise):
    free = weaken(claims.by_id("theorem-4.6"), premise).claim
    pushed = {"g": [1], "k": [1], "phi": [0], "psi": [0]}
    name, other = ("phi", "psi") if "Φ" in premise else ("psi", "phi")
    part = "dH/dt ≤ 0, momentum"
    assert margin_of(free, case_of({**pushed, name: [-1]}), part) == fmpq(-1)
    assert margin_of(free, case_of({**pushed, other: [-1]}), part) is None


def case_of(numbers):
    return {name: [rational(x) for x in values] for name, values in numbers.items()}
