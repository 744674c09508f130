"""The histogram of margins: every case once, in the decade of its relative margin."""

import itertools

import pytest
import torch

from grams_theory import claims
from grams_theory.engine.campaign import Campaign
from grams_theory.engine.tally import DECADES, Tally, decades


@pytest.mark.parametrize(
    ("relative", "decade"),
    [
        (1.0, "1e0"),
        (0.999, "1e-1"),
        (1e-3, "1e-3"),
        (9.99e-3, "1e-3"),
        (-1e-3, "-1e-3"),
        (-0.5, "-1e-1"),
        (2e-16, "1e-16"),
        (1e-20, "0"),
        (0.0, "0"),
        (-0.0, "0"),
        (7.0, "1e0"),
    ],
)
def test_a_margin_counts_in_its_decade(relative, decade):
    one = torch.tensor([relative], dtype=torch.float64)
    assert decades(one, torch.tensor([True])) == {decade: 1}


def test_every_power_of_ten_opens_its_decade():
    powers = torch.tensor([10.0**decade for decade in DECADES], dtype=torch.float64)
    clear = torch.ones(len(DECADES), dtype=torch.bool)
    for sign, prefix in ((1, ""), (-1, "-")):
        assert decades(sign * powers, clear) == {f"{prefix}1e{decade}": 1 for decade in DECADES}


def test_what_rounding_leaves_open_is_equality():
    relative = torch.tensor([0.5, -0.5, torch.inf], dtype=torch.float64)
    assert decades(relative, torch.zeros(3, dtype=torch.bool)) == {"0": 3}


@pytest.mark.parametrize("claim_id", ["lemma-4.2", "adam-monotone"])
def test_a_campaign_counts_every_case_once_for_each_part(claim_id):
    campaign, tally = Campaign(claims.by_id(claim_id)), Tally()
    for turn in itertools.islice(campaign.turns(), 3):
        tally.merge(campaign.play(turn)[0])
    evidence = tally.evidence((), 0)
    assert evidence.cases > 0
    assert evidence.histogram
    for counts in evidence.histogram.values():
        assert sum(counts.values()) == evidence.cases
        assert list(counts) == sorted(counts, key=float)
    violated = sum(n for counts in evidence.histogram.values() for d, n in counts.items() if d[0] == "-")
    assert (violated > 0) is (evidence.violations > 0)
