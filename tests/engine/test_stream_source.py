"""Streams in a campaign: they find faults alone, decide nothing alone, count apart, and repeat as any turn does."""

import dataclasses
import itertools
import shutil
from functools import cache

import pytest
import torch

from grams_theory import claims, optim, verify
from grams_theory.core.claim import OneStep
from grams_theory.core.errors import UsageError
from grams_theory.core.evidence import Streamed
from grams_theory.core.summary import sources
from grams_theory.engine import fuzz
from grams_theory.engine.budget import Budget
from grams_theory.engine.campaign import Campaign, Turn
from grams_theory.engine.certify import certify
from grams_theory.engine.evaluate import evaluate
from grams_theory.engine.hunt import hunt
from grams_theory.engine.journal import State
from grams_theory.engine.production import Rig
from grams_theory.engine.stream import Address, Stream, source
from grams_theory.engine.stream.source import FEWEST, MOST, SHARE, StreamTurn
from grams_theory.engine.stream.sweep import Extreme, Swept
from grams_theory.engine.tally import Tally, together
from grams_theory.engine.verification import SETTLED, TOO_SHORT
from grams_theory.optim import rule
from tests.engine.test_distributed import in_threads
from tests.quality.test_planted_claims import PLANTED

needs_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++")

CLAIM = claims.by_id("alignment")
LEMMA = claims.by_id("lemma-4.2")
ROWS = 2000


def alone(claim, seed=0):
    """One turn of a stream, of the fewest steps."""
    return hunt(claim, Budget(1), run_seed=seed, sources="streams")


def both(**options):
    return timeless(*hunt(CLAIM, Budget(ROWS), sources="both", **options))


def timeless(evidence, found):
    return dataclasses.replace(evidence, seconds=0.0), found


@cache
def expected():
    return both()


@pytest.fixture
def often(monkeypatch):
    """Every second turn is a stream's, and a short one; what a campaign then finds."""
    monkeypatch.setattr(source, "PERIOD", 2)
    monkeypatch.setattr(source, "FEWEST", 1 << 12)
    monkeypatch.setattr(source, "SHARE", 4)
    return expected()


@pytest.fixture
def short(monkeypatch):
    monkeypatch.setattr(source, "FEWEST_ALONE", 1 << 16)


# What a stream finds alone

FALSE = [name for name, claim in PLANTED.items() if isinstance(claim.setting, OneStep)]


@needs_compiler
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name == "lemma 4.2, one percent more descent" else pytest.mark.slow)
        for name in FALSE
    ],
)
def test_a_false_claim_is_refuted_exactly(name):
    for budget in (1, 1 << 25):
        evidence, found = hunt(PLANTED[name], Budget(budget), sources="streams")
        if found is not None:
            break
    assert evidence.streams.suspicious > 0
    assert evidence.violations > 0
    witness = certify(PLANTED[name], found)
    assert witness is not None
    assert "arithmetic" in witness.method


@needs_compiler
def test_a_wrong_rule_of_an_optimizer_of_ours_is_found(short, monkeypatch):
    right, nothing = alone(LEMMA)
    assert nothing is None
    assert right.streams.steps > 50_000
    assert right.streams.suspicious == right.violations == right.cases == 0
    monkeypatch.setattr(optim.Grams, "_direction", lambda self, group: rule.unchanged)
    evidence, found = alone(LEMMA)
    assert found is not None
    assert evidence.streams.suspicious >= 1
    assert evidence.violations >= 1
    assert bool(found.outcome.violated(found.part)[found.row])
    assert certify(LEMMA, found) is None  # the code is wrong, and not the claim


# What it does not decide


def suspecting(part, row, relative=-0.5):
    """A stream that suspects a step, whatever happened there."""

    def measured(self, chunks, workers=1):
        at = Address(0, 0, 0, row)
        yield Swept(cases=7, violations=1, closest={part: Extreme(relative, at)}, first=(part, at))

    return measured


@pytest.mark.parametrize("part", ["descent", "upper"])
def test_a_kernel_that_production_contradicts_refutes_nothing_and_is_named(monkeypatch, part):
    monkeypatch.setattr(source, "disagreement", lambda stream: None)
    monkeypatch.setattr(Stream, "measured", suspecting(part, 3))
    evidence, found = alone(LEMMA)
    assert found is None
    assert evidence.violations == 0
    assert evidence.cases > 0  # those of production
    assert evidence.streams.steps == evidence.streams.kernels == evidence.streams.suspicious == 0
    (seen,) = evidence.streams.disagreements
    assert "problem 3" in seen
    assert f"{part!r} is violated in the kernel, by up to 0.5 of its terms, and not in production" in seen


def test_a_kernel_that_steps_otherwise_counts_nothing_and_is_named(monkeypatch):
    monkeypatch.setattr(source, "disagreement", lambda stream: "problem 0, step 0: it is off")
    monkeypatch.setattr(Stream, "measured", lambda *_, **__: pytest.fail("it was believed"))
    evidence, found = alone(LEMMA)
    assert found is None
    assert evidence.streams == Streamed(disagreements=evidence.streams.disagreements)
    assert "it is off" in evidence.streams.disagreements[0]


def test_what_is_handed_on_inside_rounding_is_told_apart(monkeypatch):
    monkeypatch.setattr(source, "disagreement", lambda stream: None)
    monkeypatch.setattr(Stream, "measured", suspecting("descent", 3))
    unclear = torch.ones(source.BATCH, dtype=torch.bool)
    monkeypatch.setattr("grams_theory.engine.evaluate.Outcome.undecided", lambda self: unclear)
    evidence, found = alone(LEMMA)
    assert found is None
    assert (evidence.streams.unconfirmed, evidence.streams.steps) == (1, 7)
    assert evidence.streams.disagreements == ()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("claim", ["comparison-sign-repaired", "lion-descent", "momentum-descent"])
def test_a_suspect_is_the_step_that_was_suspected(claim, dtype):
    """Production, stepped by the engine from a structure, comes to the very numbers of the stream's program."""
    rig, turn = Rig(dtype=dtype), StreamTurn(0, 2, 0)
    campaign = Campaign(claims.by_id(claim), rig, sources="streams")
    stream = source.drawn(campaign.claim, rig, campaign.families, 0, turn)
    stream = dataclasses.replace(stream, structure=dataclasses.replace(stream.structure, batch=32), starts=3)
    part, at = stream.parts[0], Address(1, 2, 3, 5)
    suspect = source._suspect(stream, Swept(first=(part, at), closest={part: Extreme(-1.0, at)}))
    record, row = stream.replay(at)
    outcome = evaluate(campaign.claim, suspect.structure, rig=rig)
    assert outcome.record.row(row) == record.row(row)
    margin, seen = campaign.claim.margin(record)[part], outcome.margins[part]
    assert torch.equal(margin.mid, seen.mid)


# How it counts and repeats


@needs_compiler
def test_a_campaign_with_streams_repeats_and_counts_them_apart(often):
    assert both() == often
    evidence, _ = often
    drawn, _ = timeless(*hunt(CLAIM, Budget(ROWS)))
    assert dataclasses.replace(evidence, streams=None) == drawn
    assert evidence.streams.steps + evidence.streams.discarded >= 2 * 4096
    for counts in evidence.streams.explored.values():
        assert sum(counts.values()) == evidence.streams.steps


@needs_compiler
def test_a_campaign_with_streams_goes_on_where_it_was(often, tmp_path):
    state, resumed = State(tmp_path), State(tmp_path, resume=True)
    hunt(CLAIM, Budget(ROWS // 2), sources="both", state=state)
    journal = next(tmp_path.glob("campaigns/*/turns-0.jsonl"))
    journal.write_bytes(journal.read_bytes()[:-40])
    assert both(state=resumed) == often
    with pytest.raises(UsageError, match="sources was 'both' and is 'drawn'"):
        hunt(CLAIM, Budget(ROWS), state=resumed)


@needs_compiler
def test_any_number_of_processes_streams_the_same(often):
    assert in_threads(lambda crew: both(crew=crew), 3) == [often] * 3


def test_a_stream_depends_on_the_seed_and_the_turn():
    campaign = Campaign(CLAIM, sources="both")

    def structure(seed, number):
        return source.drawn(CLAIM, campaign.rig, campaign.families, seed, StreamTurn(9, number, 0)).structure

    assert structure(0, 1) == structure(0, 1)
    assert len({str(structure(seed, number)) for seed in range(3) for number in range(3)}) == 9


def test_the_turns_in_which_hypothesis_draws_are_the_same_without_streams():
    with_streams, without = (Campaign(CLAIM, sources=sources).turns() for sources in ("both", "drawn"))
    turns = list(itertools.islice(with_streams, 60))
    assert [turn.index for turn in turns] == list(range(60))
    drawn = [turn for turn in turns if isinstance(turn, Turn)]
    assert [dataclasses.replace(turn, index=turn.number) for turn in drawn] == list(
        itertools.islice(without, len(drawn))
    )


def test_streams_are_a_small_and_bounded_share_of_the_turns():
    turns = list(itertools.islice(Campaign(CLAIM, sources="both").turns(), 300))
    streams = [turn for turn in turns if isinstance(turn, StreamTurn)]
    assert len(streams) == 300 // source.PERIOD
    assert [turn.number for turn in streams] == list(range(len(streams)))
    for turn in streams:
        assert turn.rows == 0
        assert FEWEST <= turn.steps <= min(MOST, max(FEWEST, SHARE * turn.before))
    ranks = [{turn.index % size for turn in streams} for size in (2, 3, 4, 8)]
    assert [len(found) for found in ranks] == [2, 3, 4, 8]  # every process has its share of them


def test_where_streams_are_alone_their_steps_are_the_cases_of_the_budget():
    turns = list(itertools.islice(Campaign(CLAIM, sources="streams").turns(), 20))
    assert [turn.before for turn in turns] == [0, *itertools.accumulate(turn.steps for turn in turns[:-1])]
    assert turns[-1].steps > turns[0].steps


def test_a_stream_takes_the_steps_of_its_turn():
    campaign = Campaign(LEMMA, sources="both")
    for number in range(40):
        turn = StreamTurn(0, number, number**4)
        stream = source.drawn(LEMMA, campaign.rig, campaign.families, 0, turn)
        each = stream.starts * stream.steps * stream.structure.batch
        assert turn.steps % each == 0


def streamed(kernels, **fields):
    return Streamed(kernels, fields.pop("steps", 10 * kernels), **fields)


def test_what_streams_counted_adds_up_in_any_order():
    some = [
        streamed(1, parts={"a": 2.0}, families={"x": 10}, explored={"dimension": {"2": 10}}),
        streamed(2, parts={"a": 1.0, "b": 0.5}, families={"y": 20}, explored={"dimension": {"2": 20}}),
        Streamed(refused={"why": 1}, disagreements=("q",)),
        Streamed(refused={"why": 1}, disagreements=("p",)),
    ]
    totals = []
    for order in itertools.permutations(some):
        total = Streamed()
        for one in order:
            total = together(total, one)
        totals.append(total)
    assert all(total == totals[0] for total in totals)
    assert totals[0] == Streamed(
        3,
        30,
        parts={"a": 1.0, "b": 0.5},
        families={"x": 10, "y": 20},
        explored={"dimension": {"2": 30}},
        refused={"why": 2},
        disagreements=("p", "q"),
    )
    tally = Tally(streams=totals[0])
    assert Tally.from_dict(tally.as_dict()) == tally


# Where it does not play


class Mine(torch.optim.SGD):
    """An optimizer of a user."""


@pytest.mark.parametrize(
    ("claim", "rig", "reason"),
    [
        ("theorem-4.6", Rig(), "about one step"),
        ("linear-rate", Rig(), "about one step"),
        ("lemma-4.2", Rig(cast={"Grams": Mine}), "our optimizers only"),
        ("comparison-rescaled", Rig(), "ReleasedCautiousAdam couples"),
        ("lemma-4.2", Rig(dtype="bfloat16"), "float64 and float32"),
        ("lemma-4.2", Rig(device="cuda"), "on the CPU"),
    ],
)
def test_a_campaign_without_streams_says_why(claim, rig, reason):
    campaign = Campaign(claims.by_id(claim), rig)
    assert reason in (source.refusal(campaign.claim, rig, campaign.families) or "")


def test_losses_with_estimated_constants_are_not_streamed():
    quadratic, other = (
        next(f for f in Campaign(LEMMA).families if ("quadratic" in f.traits) is wanted)
        for wanted in (True, False)
    )
    estimated = dataclasses.replace(quadratic, estimated=("L",))
    assert source.families([quadratic, other, estimated]) == (quadratic,)
    assert source.refusal(LEMMA, Rig(), [other, estimated]) == "streams are drawn from quadratics"


def test_without_a_compiler_the_campaign_is_the_same_and_says_so(monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CXX", raising=False)
    found, drawn = (fuzz(CLAIM.id, budget=ROWS, streams=streams).fuzz for streams in ("auto", "off"))
    assert found.streams is not None
    assert "no C++ compiler" in (found.streams.reason or "")
    assert drawn.streams is None
    assert dataclasses.replace(found, streams=None, seconds=0.0) == dataclasses.replace(drawn, seconds=0.0)
    with pytest.raises(UsageError, match=r"cannot be streamed: no C\+\+ compiler"):
        fuzz(CLAIM.id, streams="only")


@needs_compiler
def test_a_kernel_that_cannot_be_made_is_counted_with_the_reason(short):
    evidence, _ = alone(claims.by_id("comparison-printed"))
    assert evidence.streams.steps == 0
    ((reason, count),) = evidence.streams.refused.items()
    assert count == 1
    assert "is inside the premise" in reason


@needs_compiler
def test_streams_alone_let_a_claim_survive(short):
    result = fuzz("definitions", budget=1, streams="only")
    assert result.verdict == "survived"
    assert result.fuzz.cases == 0 < result.fuzz.streams.steps


@needs_compiler
def test_verify_streams_what_no_proof_settles():
    ledger = verify(["rounding-direction", "adam-monotone"], budget=300)
    assert ledger["rounding-direction"].fuzz.streams.reason == SETTLED
    assert ledger["adam-monotone"].fuzz.streams.reason == TOO_SHORT
    text = sources(ledger.results)
    assert text.startswith("streams played against 0 claims")
    assert f"not against 1: {SETTLED}" in text
    assert sources(verify(["adam-monotone"], budget=300, streams="off").results) == ""
