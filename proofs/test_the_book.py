"""The book as a whole: no claim is left out, and all proofs together rest on seven axioms."""

from functools import cache

import pytest

from grams_theory import claims
from grams_theory.engine import prove
from proofs.conftest import chapter

PROVED = [claim.id for claim in claims.all_claims() if claim.prove or claim.prove_vacuous]
AXIOMS = {
    "fundamental theorem of calculus",
    "monotone integrals",
    "chain rule",
    "expectation",
    "monotone rounding",
    "level sets",
    "LaSalle's invariance principle",
}
LINE = 100
"""Characters of a line."""


@cache
def axioms(claim_id):
    return prove(claim_id).axioms


@pytest.mark.parametrize("claim_id", claims.names())
def test_every_claim_has_a_chapter_about_it(claim_id):
    assert chapter(claim_id).is_file(), f"write {chapter(claim_id)}, or let `grams-theory new-claim` write it"
    assert f'"{claim_id}"' in chapter(claim_id).read_text(encoding="utf-8")


def test_the_proofs_rest_on_seven_axioms():
    assert set().union(*map(axioms, PROVED)) == AXIOMS


@pytest.mark.parametrize("claim_id", PROVED)
def test_the_axioms_of_a_proof_fit_on_one_line(claim_id):
    assert len(", ".join(axioms(claim_id))) <= LINE


def test_only_what_is_about_the_code_merely_survives():
    survived = [claim.id for claim in claims.all_claims() if claim.recorded == "survived"]
    assert survived == ["definitions"], (
        "an empirical statement: the optimizers' code does what the paper defines"
    )
