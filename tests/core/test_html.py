"""What notebooks show."""

from html.parser import HTMLParser

import pytest

from tests.ledgers import CHANGED, LEDGER, PROOF


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
