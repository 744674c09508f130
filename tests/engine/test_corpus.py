"""Falsifications are kept, tried again first, and never in the way."""

import dataclasses

import pytest

from grams_theory import claims
from grams_theory.engine import corpus, fuzz
from grams_theory.engine.budget import Budget
from grams_theory.engine.campaign import Campaign
from grams_theory.engine.corpus import Corpus
from grams_theory.engine.hunt import hunt
from grams_theory.engine.journal import State
from grams_theory.engine.production import Rig
from grams_theory.engine.tokens import Token

REFUTED = "comparison-sign-repaired"
CLAIM = claims.by_id(REFUTED)


@pytest.fixture(scope="module")
def token():
    _, found = hunt(CLAIM, Budget(50_000))
    return Token(REFUTED, found.structure, found.part, found.row)


def found_by(state, claim=CLAIM, rows=2000, **options):
    return hunt(claim, Budget(rows), state=State(state), **options)


def test_what_was_found_is_tried_first_also_with_another_seed(tmp_path):
    first = fuzz(REFUTED, state=tmp_path)
    again = fuzz(REFUTED, state=tmp_path, seed=5)
    assert not first.fuzz.known
    assert again.fuzz.known
    assert again.fuzz.structures == 1
    assert again.witness == first.witness
    assert again.verdict == "refuted"


def test_what_no_longer_violates_is_not_in_the_way(tmp_path, token):
    """A mended claim, or optimizer, is attacked from the start."""
    mended = dataclasses.replace(CLAIM, margin=lambda s: {p: m.abs() for p, m in CLAIM.margin(s).items()})
    Corpus(tmp_path / "corpus").add(token)
    evidence, found = found_by(tmp_path, mended)
    assert found is None
    assert not evidence.known
    assert evidence == dataclasses.replace(hunt(mended, Budget(2000))[0], seconds=evidence.seconds)
    assert len(list(Corpus(tmp_path / "corpus").tokens(REFUTED))) == 1


def test_tokens_of_other_optimizers_and_claims_are_left_alone(tmp_path, token):
    kept = Corpus(tmp_path)
    kept.add(dataclasses.replace(token, rig=Rig(cast={"Grams": "torch.optim:Adam"})))
    assert kept.falsify(Campaign(CLAIM)) is None
    kept.add(token)
    assert kept.falsify(Campaign(CLAIM)) is not None
    assert kept.falsify(Campaign(claims.by_id("comparison-sharp"))) is None


def test_quadratics_are_sought_among_quadratics(tmp_path, token):
    kept = Corpus(tmp_path)
    kept.add(dataclasses.replace(token, structure=dataclasses.replace(token.structure, family="softplus")))
    assert kept.falsify(Campaign(CLAIM, quadratic=True)) is None


@pytest.mark.parametrize(
    "text",
    ["", "gt1.", "nonsense", "\0\xff", "gt1.eNo"],
    ids=["empty", "no content", "no token", "binary", "cut"],
)
def test_what_cannot_be_decoded_is_passed_over(tmp_path, token, text):
    kept = Corpus(tmp_path)
    kept.add(token)
    (kept.home(REFUTED) / "damaged").write_text(text)
    assert list(kept.tokens(REFUTED)) == [token]


@pytest.mark.parametrize(
    "change",
    [{"family": "of an earlier version"}, {"knobs": {}}, {"dim": 0}, {"options": {"kappa": 3}}],
    ids=str,
)
def test_what_cannot_be_replayed_is_passed_over_and_stays(tmp_path, token, change):
    kept = Corpus(tmp_path / "corpus")
    stale = dataclasses.replace(token, structure=dataclasses.replace(token.structure, **change))
    kept.add(stale)
    evidence, found = found_by(tmp_path, rows=10_000)
    assert found is not None
    assert not evidence.known
    assert stale in list(kept.tokens(REFUTED))


def test_a_corpus_keeps_the_newest_and_each_once(tmp_path, token, monkeypatch):
    monkeypatch.setattr(corpus, "MOST", 3)
    kept = Corpus(tmp_path)
    tokens = [dataclasses.replace(token, row=row) for row in range(5)]
    for one in (*tokens, tokens[-1]):
        kept.add(one)
    assert list(kept.tokens(REFUTED)) == [tokens[4], tokens[3], tokens[2]]


def test_a_resumed_campaign_goes_on_where_it_was(tmp_path, token):
    """Its own falsification is in the corpus by then."""
    alone, found = hunt(CLAIM, Budget(50_000))
    found_by(tmp_path, rows=50_000)
    evidence, again = hunt(CLAIM, Budget(50_000), state=State(tmp_path, resume=True))
    assert dataclasses.replace(evidence, seconds=0.0) == dataclasses.replace(alone, seconds=0.0)
    assert (again.structure, again.row) == (found.structure, found.row)
