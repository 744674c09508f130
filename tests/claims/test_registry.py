"""Claims are found, ordered and cross-checked without a list kept by hand."""

import subprocess
import sys
from dataclasses import replace

import pytest

from grams_theory.claims import all_claims, by_id, check_references, names
from grams_theory.core.claim import OneStep, Run
from grams_theory.core.errors import UnknownNameError, UsageError
from grams_theory.engine.production import load

CLAIMS = all_claims()


def test_claims_come_in_the_order_of_the_paper():
    places = [claim.place for claim in CLAIMS if claim.place]
    assert places == sorted(places)
    assert names().index("lemma-3.9") < names().index("lemma-4.2") < names().index("theorem-4.6")


def test_a_claim_is_found_by_its_id():
    assert by_id("lemma-4.2").id == "lemma-4.2"


def test_an_unknown_id_offers_the_nearest():
    with pytest.raises(UnknownNameError, match=r"lemma-4\.2"):
        by_id("lemma-42")


@pytest.mark.parametrize("claim", CLAIMS, ids=names())
def test_a_claim_can_be_attacked_proved_or_measured(claim):
    assert (claim.setting and claim.margin) or claim.prove or claim.prove_vacuous or claim.measure


@pytest.mark.parametrize("claim", CLAIMS, ids=names())
def test_a_claim_says_what_and_where(claim):
    assert all((claim.title, claim.source, claim.statement, claim.latex))


@pytest.mark.parametrize(
    "setting", [claim.setting for claim in CLAIMS if isinstance(claim.setting, OneStep | Run)]
)
def test_the_optimizers_of_a_claim_exist(setting):
    assert [load(name).__name__ for name in setting.optimizers] == list(setting.optimizers)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"id": "lemma-3.9"}, "two claims have the id"),
        ({"amends": "lemma-9.9"}, "amends"),
        ({"argument": ("lemma-9.9",)}, "argues from"),
        ({"argument": ("lemma-4.2",)}, "rest on each other"),
    ],
)
def test_duplicates_dangling_references_and_circles_are_refused(changes, reason):
    others = [claim for claim in CLAIMS if claim.id != "lemma-4.2"]
    with pytest.raises(UsageError, match=reason):
        check_references([*others, replace(by_id("lemma-4.2"), **changes)])


def test_a_long_circle_is_refused_too():
    a, b, c = (
        replace(by_id("alignment"), id=name, argument=(used,))
        for name, used in (("a", "b"), ("b", "c"), ("c", "a"))
    )
    with pytest.raises(UsageError, match="a argues from b argues from c argues from a"):
        check_references([a, b, c])


def test_listing_the_claims_imports_neither_torch_nor_sympy():
    code = "from grams_theory.claims import all_claims; all_claims(); import sys; print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {"torch", "sympy", "z3", "cvc5"} & set(found.stdout.split()) == set()
