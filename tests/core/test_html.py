"""What notebooks show."""

from dataclasses import replace
from html.parser import HTMLParser

import pytest

from grams_theory import claims
from grams_theory.core.html import named_html
from tests.ledgers import CHANGED, FUZZ, LEDGER, PROOF, WITNESS


class Balance(HTMLParser):
    """Fails on a tag that is closed out of order; collects the text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag, attrs):
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def text_of(html: str) -> str:
    parser = Balance()
    parser.feed(html)
    assert not parser.open
    return parser.text


@pytest.mark.parametrize("found", LEDGER.results, ids=lambda found: found.id)
def test_a_result_shows_its_verdict_and_evidence(found):
    shown = text_of(found._repr_html_())
    assert found.id in shown
    assert str(found.verdict) in shown


def test_a_ledger_shows_every_claim_and_what_changed():
    assert all(claim_id in text_of(LEDGER._repr_html_()) for claim_id in LEDGER)
    assert "recorded: proved" in text_of(CHANGED._repr_html_())


def test_a_proof_shows_its_steps_and_what_checked_them():
    shown = text_of(PROOF._repr_html_())
    assert all(step.statement in shown and step.method in shown for step in PROOF.steps)


def test_a_witness_shows_its_numbers_the_code_and_how_to_replay_it():
    shown = text_of(WITNESS._repr_html_())
    assert all(
        text in shown for text in (*WITNESS.data, WITNESS.part, 'print("-1/2 < 0 & so it is violated")')
    )
    assert f"grams-theory replay {WITNESS.token}" in shown
    assert "replay" not in text_of(replace(WITNESS, token=None)._repr_html_())


def test_whole_fractions_are_shown_as_integers():
    assert text_of(named_html({"H": [["1/1", "-2/3"]]})).endswith("H((1, -2/3))")


def test_a_campaign_shows_its_parts_and_what_was_explored():
    shown = text_of(FUZZ._repr_html_())
    assert f"seed {FUZZ.seed}" in shown
    assert all(name in shown for name in (*FUZZ.parts, *FUZZ.families, *FUZZ.optimizers))
    condition = replace(FUZZ, explored={"condition": {"1e+08": 1234}})
    assert "condition1e+08 (1,234)" in text_of(condition._repr_html_())


@pytest.mark.parametrize("claim", claims.all_claims(), ids=lambda claim: claim.id)
def test_a_claim_shows_its_statement_and_its_formula(claim):
    shown = text_of(claim._repr_html_())
    assert claim.statement in shown
    assert f"$$ {claim.latex} $$" in shown
    assert all(assumption.id in shown for assumption in claim.assumptions)
