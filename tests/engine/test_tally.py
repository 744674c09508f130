"""Tallies add up in any order and survive JSON; evidence does not show how the turns were shared."""

import dataclasses
import itertools
import json
from functools import reduce

import pytest

from grams_theory import claims
from grams_theory.engine.campaign import Campaign
from grams_theory.engine.tally import Tally


@pytest.fixture(scope="module")
def tallies():
    campaign = Campaign(claims.by_id("theorem-4.6"), quadratic=True)
    return [campaign.play(turn)[0] for turn in itertools.islice(campaign.turns(), 4)]


def merged(tallies):
    tally = Tally()
    for other in tallies:
        tally.merge(other)
    return tally


def evidence(tally):
    return dataclasses.replace(tally.evidence(("Grams",), 0), seconds=0.0)


def test_the_order_does_not_matter(tallies):
    found = {str(evidence(merged(order))) for order in itertools.permutations(tallies)}
    assert len(found) == 1


def test_groups_do_not_matter(tallies):
    pairs = [merged(tallies[:2]), merged(tallies[2:])]
    assert evidence(merged(pairs)) == evidence(merged(tallies))


def test_counts_add_up_and_extremes_are_kept(tallies):
    whole = merged(tallies)
    for name in ("cases", "discarded", "undecided", "violations", "structures"):
        assert getattr(whole, name) == sum(getattr(tally, name) for tally in tallies)
    assert whole.structures > 8
    for part in whole.parts:
        assert whole.parts[part] == min(tally.parts[part] for tally in tallies if part in tally.parts)
    for part in whole.ratios:
        assert whole.ratios[part] == max(tally.ratios[part] for tally in tallies if part in tally.ratios)
    for axis in ("dimension", "hyperparameters"):
        assert sum(whole.explored[axis].values()) == whole.cases


def test_a_tally_survives_json(tallies):
    for tally in tallies:
        assert Tally.from_dict(json.loads(json.dumps(tally.as_dict()))) == tally


def test_merging_leaves_what_is_merged_alone(tallies):
    before = [tally.as_dict() for tally in tallies]
    reduce(lambda whole, tally: whole.merge(tally) or whole, tallies, Tally())
    assert [tally.as_dict() for tally in tallies] == before
