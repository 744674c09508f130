"""Verification: complete, in the order of the paper, the same for any number of workers."""

import dataclasses

import pytest

from grams_theory import claims
from grams_theory.core.errors import UsageError
from grams_theory.core.evidence import ArgumentEvidence
from grams_theory.core.verdict import Verdict
from grams_theory.engine import verification, verify


def plain(ledger):
    """The ledger as data, without the seconds."""

    def timeless(value):
        if isinstance(value, dict):
            return {name: timeless(entry) for name, entry in value.items() if name != "seconds"}
        return [timeless(entry) for entry in value] if isinstance(value, list | tuple) else value

    return timeless(ledger.as_dict())


def test_two_workers_find_what_one_finds():
    wanted = ["alignment", "comparison-sign-repaired", "adam-hamiltonian"]
    seen = {1: [], 2: []}
    alone, shared = (
        verify(wanted, budget=1000, workers=workers, progress=seen[workers].append) for workers in (1, 2)
    )
    assert plain(alone) == plain(shared)
    for claim_id in wanted:
        for workers in (1, 2):
            told = [event for event in seen[workers] if event.claim_id == claim_id]
            margins = [event.margin for event in told if event.margin is not None]
            assert margins
            assert margins == sorted(margins, reverse=True)
            assert told[-1].result is not None
            assert all(event.result is None for event in told[:-1])


def test_results_come_in_the_order_of_the_paper_whatever_was_asked_for():
    ledger = verify(["lemma-4.2", "alignment"], budget=500)
    assert list(ledger) == ["alignment", "lemma-4.2"]


def test_what_an_argument_rests_on_is_verified_too():
    ledger = verify(["theorem-4.15"])
    assert set(ledger) == {"lemma-4.14", "trajectory-comparison", "theorem-4.15"}
    assert ledger["theorem-4.15"].verdict is Verdict.GAP
    arguments = [e for e in ledger["theorem-4.15"].evidence if isinstance(e, ArgumentEvidence)]
    assert arguments == [ArgumentEvidence(("trajectory-comparison",))]


def test_a_theorem_has_no_gap_when_nothing_of_its_argument_is_refuted(monkeypatch):
    rested = dataclasses.replace(claims.by_id("theorem-4.15"), argument=("lemma-4.14",), measure=None)
    others = [claim for claim in claims.all_claims() if claim.id != rested.id]
    monkeypatch.setattr(verification.registry, "all_claims", lambda: (*others, rested))
    monkeypatch.setattr(
        verification.registry, "by_id", lambda name: {c.id: c for c in (*others, rested)}[name]
    )
    result = verify(["theorem-4.15"], budget=2000)["theorem-4.15"]
    assert result.verdict is Verdict.SURVIVED
    assert result.changed


def test_progress_is_told_for_every_claim():
    seen = []
    verify(["alignment", "lemma-4.2"], budget=500, progress=seen.append)
    assert [event.claim_id for event in seen if event.stage == "done"] == ["alignment", "lemma-4.2"]
    assert {event.stage for event in seen} == {"prove", "fuzz", "weaken", "done"}
    assert all(event.total == 2 for event in seen)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"claims": ["lemma-42"]}, "did you mean lemma-4.2"),
        ({"budget": "0s"}, "positive"),
        ({"device": "cuda:77"}, "use --device cpu"),
        ({"dtype": "float12"}, "no dtype named"),
    ],
)
def test_bad_input_is_refused_before_any_work(arguments, message):
    with pytest.raises(UsageError, match=message):
        verify(**arguments)
