"""Proof-checks: a small book, one chapter `test_<claim id>.py` per claim, run in the order of the paper.

    pytest proofs/                 the whole book, and the table of claims
    pytest proofs/test_lemma_4_2.py
    pytest proofs/ -k planted      only the planted faults: false claims that the machinery must catch

`grams-theory new-claim` writes new chapters under the same names. What a chapter computes by hand, it
computes with `proofs.by_hand`: the paper's definitions in rational numbers, apart from the engine that it
checks.
"""

import re
from pathlib import Path

import pytest

from grams_theory import claims

HERE = Path(__file__).parent


def chapter(claim_id: str) -> Path:
    """The file of a claim, named as `grams-theory new-claim` names it."""
    return HERE / f"test_{re.sub('[-.]', '_', claim_id)}.py"


def pytest_collection_modifyitems(items):
    """Chapters in the order of the paper, behind everything that is no chapter."""
    order = {chapter(claim_id): place for place, claim_id in enumerate(claims.names())}
    items.sort(key=lambda item: order.get(item.path, len(order) if item.path.parent == HERE else -1))


@pytest.fixture
def proved(examine):
    """Fails unless the claim is proved from exactly these axioms and claims, and nothing fuzzed breaks it.

    `axioms` are all that the proof rests on, those of cited claims too; `uses` are the claims that it cites itself.
    """

    def check(claim_id: str, *, axioms: tuple[str, ...] = (), uses: tuple[str, ...] = ()) -> None:
        result = examine(claim_id)
        assert result.verdict == "proved"
        assert result.proof.complete, result.proof.failure
        assert result.proof.axioms == axioms
        assert result.proof.uses == uses
        assert result.proof.stated is not None
        if result.fuzz is not None:
            assert result.fuzz.violations == 0
            assert result.fuzz.cases > result.fuzz.undecided

    return check


@pytest.fixture
def refuted(examine):
    """The witness of a claim; fails unless it is refuted."""

    def check(claim_id: str):
        result = examine(claim_id)
        assert result.verdict == "refuted"
        return result.witness

    return check
