"""Attaining cases are checked, and the ratio of two sides is 1 where an inequality is attained."""

from dataclasses import replace

import pytest

from grams_theory.claims import all_claims, by_id
from grams_theory.engine.budget import Budget
from grams_theory.engine.hunt import hunt
from grams_theory.engine.sharpness import NotAttainedError, attained

OFFERED = [claim.id for claim in all_claims() if claim.attained]
BOWL = {"H": [[1]], "g": [1], "u": [1], "eta": 2, "smoothness": 1}


@pytest.mark.parametrize("claim_id", OFFERED)
def test_what_a_claim_offers_attains_it(claim_id):
    found = attained(by_id(claim_id))
    assert {example.margin for example in found.examples} == {"0"}


@pytest.mark.parametrize(
    "changes",
    [{"H": [["99/100"]]}, {"H": [[2]]}, {"g": [0], "u": [0]}],
    ids=["one percent less curvature", "more curvature than assumed", "nothing moves"],
)
def test_what_does_not_attain_it_is_refused(changes):
    claim = replace(by_id("lemma-3.9"), attained=lambda: {"upper": {**BOWL, **changes}})
    with pytest.raises(NotAttainedError, match="'upper'"):
        attained(claim)


def test_a_claim_that_offers_nothing_has_no_examples():
    assert attained(by_id("figure-1")) is None


def test_fuzzing_sees_how_close_an_inequality_is_to_being_attained():
    evidence, _ = hunt(by_id("lemma-3.9"), Budget.parse(2000))
    assert 1 - 1e-6 < evidence.ratios["upper"] <= 1 + 1e-6
    assert "descent" not in evidence.ratios, "the sign of one term has no two sides"
