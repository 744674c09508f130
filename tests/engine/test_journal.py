"""Nothing is lost and nothing counts twice: campaigns that are killed, torn, copied, resumed."""

import contextlib
import dataclasses
import json
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import pytest
import torch

from grams_theory import claims
from grams_theory.core.errors import UsageError
from grams_theory.engine import fuzz, journal
from grams_theory.engine import hunt as engine_hunt
from grams_theory.engine.budget import Budget
from grams_theory.engine.campaign import Campaign
from grams_theory.engine.hunt import hunt
from grams_theory.engine.journal import Finished, Journal, State
from grams_theory.engine.production import Rig
from grams_theory.engine.tally import Tally

CLAIM = claims.by_id("theorem-4.6")
REFUTED = claims.by_id("comparison-sign-repaired")
ROWS = 20_000
CAMPAIGN = Campaign(CLAIM, quadratic=True)


def play(state=None, claim=CLAIM, rows=ROWS, **options):
    evidence, found = hunt(claim, Budget(rows), quadratic=True, state=state, **options)
    return dataclasses.replace(evidence, seconds=0.0), found and (found.structure, found.part, found.row)


@pytest.fixture(scope="module")
def uninterrupted():
    return play()


def resume(folder):
    return State(folder, resume=True)


def home(folder, campaign=CAMPAIGN):
    return State(folder).home(campaign)


def lines(folder):
    return b"".join(path.read_bytes() for path in sorted(home(folder).glob("turns-*.jsonl"))).splitlines()


def test_a_kept_campaign_finds_what_one_that_is_not_kept_finds(tmp_path, uninterrupted):
    assert play(State(tmp_path)) == uninterrupted
    assert play(resume(tmp_path)) == uninterrupted  # and nothing is left to play
    assert len(lines(tmp_path)) == 1 + sum(turn.before < ROWS for turn in _first(CAMPAIGN, 100))


def _first(campaign, count):
    return [turn for turn, _ in zip(campaign.turns(), range(count), strict=False)]


def kill_and_resume(folder, rows, kills):
    """SIGKILL the campaign that often, each time some turns and a random moment on; the turns that are there then."""
    rng, processes = random.Random(0), multiprocessing.get_context("fork")
    for _ in range(kills):
        before, turns = len(lines(folder)), rng.choice([0, 0, 1, 2])
        player = processes.Process(target=play, args=(resume(folder), CLAIM, rows))
        player.start()
        while len(lines(folder)) < before + turns and player.is_alive():
            time.sleep(0.002)
        time.sleep(rng.uniform(0, 0.1))
        player.kill()
        player.join()
        assert player.exitcode == -signal.SIGKILL
    return len(lines(folder))


def test_sigkill_at_random_moments_loses_nothing_and_counts_nothing_twice(tmp_path):
    rows = 2 * ROWS
    turns = sum(turn.before < rows for turn in _first(CAMPAIGN, 100))
    assert 5 < kill_and_resume(tmp_path, rows, kills=12) < turns + 12
    assert play(resume(tmp_path), rows=rows) == play(rows=rows)


@pytest.mark.slow
def test_sigkill_of_the_command_loses_nothing_and_counts_nothing_twice(tmp_path):
    command = [
        sys.executable,
        "-m",
        "grams_theory",
        "fuzz",
        "alignment",
        "--resume",
        "--state",
        str(tmp_path),
    ]
    rng = random.Random(0)
    for _ in range(30):
        player = subprocess.Popen(
            [*command, "--budget", "30000"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(rng.uniform(2, 6))
        player.kill()
        player.wait()
    resumed, alone = (
        fuzz("alignment", budget=30_000, **options).fuzz
        for options in ({"state": tmp_path, "resume": True}, {})
    )
    assert dataclasses.replace(resumed, seconds=0.0) == dataclasses.replace(alone, seconds=0.0)


def half_of_it(folder):
    """A campaign that was ended in the middle of a line."""
    play(State(folder), rows=ROWS // 3)
    path = home(folder) / "turns-0.jsonl"
    path.write_bytes(path.read_bytes()[:-40])
    return path


def check_torn(folder, uninterrupted):
    half_of_it(folder)
    assert play(resume(folder)) == uninterrupted


def check_copied(folder, uninterrupted):
    play(State(folder), rows=ROWS // 3)
    path = home(folder) / "turns-0.jsonl"
    shutil.copy(path, path.with_name("turns-1.jsonl"))
    path.write_bytes(2 * path.read_bytes())
    assert play(resume(folder)) == uninterrupted


@pytest.mark.parametrize("check", [check_torn, check_copied])
def test_torn_and_copied_lines_change_nothing(tmp_path, uninterrupted, check):
    check(tmp_path, uninterrupted)


def counts_twice(self):
    for path in sorted(self.folder.glob("turns-*.jsonl")):
        with path.open("rb") as found:
            yield from filter(None, map(Finished.parse, found))


def goes_on_in_the_torn_line(self, folder, process=0):
    self.folder, self.file, self._start = folder, folder / f"turns-{process}.jsonl", b""


def trusts_every_line(cls, line):
    data = json.loads(line)
    return cls(**{**data, "tally": Tally.from_dict(data["tally"])})


@pytest.mark.parametrize(
    ("owner", "name", "fault", "check"),
    [
        (Journal, "__iter__", counts_twice, check_copied),
        (Journal, "__init__", goes_on_in_the_torn_line, check_torn),
        (Finished, "parse", classmethod(trusts_every_line), check_torn),
    ],
    ids=["a turn counts twice", "a line is appended to a torn one", "a torn line is trusted"],
)
def test_a_faulty_journal_is_noticed(tmp_path, uninterrupted, monkeypatch, owner, name, fault, check):
    monkeypatch.setattr(owner, name, fault)
    with pytest.raises((AssertionError, ValueError)):
        check(tmp_path, uninterrupted)


def test_a_line_without_its_end_is_no_turn():
    turn = Finished(3, Tally(cases=5), "gt1.x", -0.5)
    assert Finished.parse(turn.line()) == turn
    for cut in range(len(turn.line())):
        assert Finished.parse(turn.line()[:cut]) is None


def test_a_resumed_falsification_is_the_one_that_was_found(tmp_path):
    alone = play(claim=REFUTED)
    assert alone[1] is not None
    assert play(State(tmp_path), REFUTED) == alone
    shutil.rmtree(tmp_path / "corpus")
    assert play(resume(tmp_path), REFUTED) == alone


def played_ahead(folder):
    """What a fast process leaves behind: the turns after one that falsifies the claim, but not that one."""
    campaign = Campaign(REFUTED, quadratic=True)
    ahead = State(folder).journal(campaign)
    for turn in _first(campaign, 3)[1:]:
        ahead.add(Finished(turn.index, campaign.play(turn)[0]))
    return play(resume(folder), REFUTED)


def test_turns_beyond_the_first_that_falsifies_the_claim_do_not_count(tmp_path):
    assert played_ahead(tmp_path) == play(claim=REFUTED)


def test_counting_them_would_be_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr(engine_hunt, "_count", lambda notes, last, crew: journal.total(iter(notes)))
    assert played_ahead(tmp_path) != play(claim=REFUTED)


def test_a_larger_budget_goes_on(tmp_path, uninterrupted):
    smaller = play(State(tmp_path), rows=ROWS // 3)
    assert smaller[0].cases < uninterrupted[0].cases
    assert play(resume(tmp_path)) == uninterrupted


def test_seconds_that_were_spent_count(tmp_path):
    hunt(CLAIM, Budget(None, 0.5), quadratic=True, state=State(tmp_path))
    played = len(lines(tmp_path))
    hunt(CLAIM, Budget(None, 0.1), quadratic=True, state=resume(tmp_path))
    assert len(lines(tmp_path)) == played
    evidence, _ = hunt(CLAIM, Budget(None, 1.0), quadratic=True, state=resume(tmp_path))
    assert len(lines(tmp_path)) > played
    assert evidence.seconds >= 0.5


def test_an_unfinished_campaign_is_neither_dropped_nor_mixed_up(tmp_path):
    campaign = Campaign(CLAIM)
    hunt(CLAIM, Budget(3000), state=State(tmp_path))
    held = State(tmp_path).so_far(campaign).cases
    with pytest.raises(UsageError, match=rf"{held:,} cases.*--resume.*--restart"):
        fuzz(CLAIM.id, budget=3000, state=tmp_path)
    hunt(CLAIM, Budget(1000), state=State(tmp_path, restart=True))
    assert State(tmp_path).so_far(campaign).cases < held


def test_a_finished_campaign_is_replaced(tmp_path):
    first, second = (fuzz(CLAIM.id, budget=3000, state=tmp_path).fuzz for _ in range(2))
    assert dataclasses.replace(second, seconds=0.0) == dataclasses.replace(first, seconds=0.0)
    assert State(tmp_path).so_far(Campaign(CLAIM)).cases == first.cases


def test_a_finished_campaign_that_is_extended_is_unfinished_again(tmp_path):
    fuzz(CLAIM.id, budget=2000, state=tmp_path)
    State(tmp_path, resume=True).journal(Campaign(CLAIM))
    with pytest.raises(UsageError, match="--resume"):
        fuzz(CLAIM.id, budget=3000, state=tmp_path)


def test_resuming_what_is_not_there_begins(tmp_path):
    assert fuzz(CLAIM.id, budget=1000, state=tmp_path, resume=True).fuzz.cases > 0


def test_nothing_is_written_without_a_state(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fuzz(CLAIM.id, budget=1000)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("entry", "was"),
    [
        ("claim", "lemma-9.9"),
        ("seed", 17),
        ("dtype", "float32"),
        ("device", "cuda"),
        ("implementation", "foreach"),
        ("optimizers", {"Grams": "my.optim:Grams"}),
        ("packages", {"torch": "1.0"}),
        ("code", {"optim.py": "0123"}),
        ("format", 0),
    ],
)
def test_what_something_else_played_is_not_resumed(tmp_path, entry, was):
    play(State(tmp_path), rows=1000)
    path = home(tmp_path) / "header.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), entry: was}))
    with pytest.raises(UsageError, match=rf"{entry} was .* and is .*--restart.*--state"):
        play(resume(tmp_path))


def test_every_way_to_play_has_a_folder_of_its_own(tmp_path):
    rigs = [
        Rig(),
        Rig(dtype="float32"),
        Rig(implementation="foreach"),
        Rig(cast={"Grams": "torch.optim:Adam"}),
        Rig(cast={"Grams": torch.optim.SGD}),
        Rig(device="cuda:1"),
    ]
    step = claims.by_id("lemma-4.2")
    campaigns = [Campaign(step, rig) for rig in rigs]
    campaigns += [Campaign(step, seed=1), Campaign(CLAIM), Campaign(CLAIM, quadratic=True)]
    assert len({State(tmp_path).home(campaign) for campaign in campaigns}) == len(campaigns)


class Edited(torch.optim.SGD):
    """An optimizer of a user, who may edit its file."""


def test_an_edited_optimizer_is_another_one(tmp_path, monkeypatch):
    step, rig = claims.by_id("lemma-3.9"), Rig(cast={"Grams": Edited})
    hunt(step, Budget(500), quadratic=True, rig=rig, state=State(tmp_path))
    monkeypatch.setattr(journal, "_digest", lambda path: "changed")
    with pytest.raises(UsageError, match=r"code was .*test_journal\.py"):
        hunt(step, Budget(500), quadratic=True, rig=rig, state=resume(tmp_path))


def test_a_state_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"cannot write .*--state"):
        play(State(tmp_path / "file"), rows=100)


def test_a_full_disk_ends_the_campaign_with_what_to_do(tmp_path, monkeypatch):
    write = os.write
    monkeypatch.setattr(os, "write", lambda handle, data: write(handle, data[: len(data) // 2]))
    with pytest.raises(UsageError, match="full"):
        play(State(tmp_path), rows=100)


def test_ctrl_c_tells_what_was_counted(tmp_path, monkeypatch):
    play_turn = Campaign.play

    def interrupted(self, turn):
        if turn.index == 3:
            signal.raise_signal(signal.SIGINT)
        return play_turn(self, turn)

    monkeypatch.setattr(Campaign, "play", interrupted)
    with pytest.raises(journal.Interrupted, match=r"so far: [\d,]+ cases fuzzed.*--resume") as stopped:
        fuzz(CLAIM.id, budget=50_000, state=tmp_path)
    assert stopped.value.evidence == State(tmp_path).so_far(Campaign(CLAIM))
    assert stopped.value.evidence.structures >= 9


def test_ctrl_c_that_a_callback_swallows_ends_the_campaign_after_the_turn(tmp_path, monkeypatch):
    """Hypothesis has callbacks of the garbage collector, in which Python ignores every exception."""
    play_turn = Campaign.play

    def swallowed(self, turn):
        if turn.index == 3:
            with contextlib.suppress(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
        assert turn.index < 4
        return play_turn(self, turn)

    monkeypatch.setattr(Campaign, "play", swallowed)
    with pytest.raises(journal.Interrupted):
        fuzz(CLAIM.id, budget=50_000, state=tmp_path)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
