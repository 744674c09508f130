"""`fuzz`: keeps what it counted, goes on, and tells what it explored."""

import dataclasses
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from grams_theory import engine
from grams_theory.cli import main
from tests.ledgers import LEDGER

ROOT = Path(__file__).parents[2]
CHEAP = "theorem-4.6"


def found(pattern, text, flags=0):
    """What a pattern that must be there found."""
    match = re.search(pattern, text, flags)
    assert match is not None, text
    return match[match.lastindex or 0]


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Call `fuzz` in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    return lambda *arguments: CliRunner().invoke(main, ["fuzz", *arguments], prog_name="grams-theory")


def journals(folder):
    return sorted(folder.glob(".grams_theory/campaigns/*/turns-*.jsonl"))


def test_options_reach_the_engine(run, monkeypatch):
    seen = {}

    def fuzz(claim, **options):
        seen.update(options, claim=claim)
        return LEDGER["alignment"]

    monkeypatch.setattr(engine, "fuzz", fuzz)
    run(
        "alignment",
        "--state",
        "here",
        "--resume",
        "--implementation",
        "foreach",
        "--loss",
        "m:f",
        "--seed",
        "7",
        "--streams",
        "only",
    )
    wanted = {
        "claim": "alignment",
        "state": "here",
        "resume": True,
        "restart": False,
        "implementation": "foreach",
    }
    wanted |= {"loss": "m:f", "seed": 7, "device": "cpu", "streams": "only"}
    assert {name: seen[name] for name in wanted} == wanted


def test_why_streams_did_not_play_is_a_line(run):
    done = run(CHEAP, "--budget", "1000")
    assert "streams did not play: streams are for claims about one step" in done.stdout
    refused = run(CHEAP, "--streams", "only")
    assert refused.exit_code == 2
    assert "cannot be streamed: streams are for claims about one step" in refused.stderr


def test_every_axis_of_the_search_is_a_line_that_adds_up(run):
    done = run(CHEAP, "--budget", "3000")
    assert done.exit_code == 0, done.output
    cases = int(found(r"([\d,]+) cases fuzzed", done.stdout).replace(",", ""))
    for axis in ("family", "dimension", "hyperparameters"):
        entry = found(rf"^{axis} .*?(?=^\S|\Z)", done.stdout, re.MULTILINE | re.DOTALL)
        assert sum(int(n.replace(",", "")) for n in re.findall(r":\s+([\d,]+)", entry)) == cases


def test_an_interrupted_campaign_goes_on(run, tmp_path):
    """Ctrl-C, then without an option, then --resume."""
    command = [sys.executable, "-m", "grams_theory", "fuzz", CHEAP, "--budget", "1h"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    player = subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True)
    while player.poll() is None and not (
        journals(tmp_path) and journals(tmp_path)[0].read_text().count("\n") > 4
    ):
        time.sleep(0.05)
    player.send_signal(signal.SIGINT)
    _, told = player.communicate(timeout=60)
    assert player.returncode == 130, told
    assert re.search(r"so far: [\d,]+ cases fuzzed.*--resume continues", told)

    refused = run(CHEAP, "--budget", "5000")
    assert refused.exit_code == 2
    held = found(r"with ([\d,]+) cases so far.*--resume.*--restart", refused.stderr)
    resumed = run(CHEAP, "--budget", "100", "--resume")
    assert resumed.exit_code == 0
    assert f"{held} cases fuzzed" in resumed.stdout
    assert run(CHEAP, "--budget", "100").exit_code == 0  # it was finished


def test_an_unfinished_campaign_can_be_dropped(run, tmp_path):
    run(CHEAP, "--budget", "3000")
    header = journals(tmp_path)[0].with_name("header.json")
    header.write_text(header.read_text().replace('"finished": true', '"finished": false'))
    assert run(CHEAP, "--budget", "100").exit_code == 2
    dropped = run(CHEAP, "--budget", "100", "--restart")
    assert dropped.exit_code == 0
    assert "1,536 cases fuzzed" in dropped.stdout


def test_resuming_and_dropping_at_once_is_refused(run, tmp_path):
    done = run(CHEAP, "--resume", "--restart")
    assert done.exit_code == 2
    assert "choose one" in done.stderr
    assert not list(tmp_path.iterdir())


class Nesterov(torch.optim.SGD):
    def __init__(self, params, lr=1e-3):
        super().__init__(params, lr, momentum=0.9, nesterov=True)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (
            ["--optimizer", "lion_pytorch:Lion"],
            "tested in the place of Grams; its steps are nearest to Lion's",
        ),
        (
            ["--optimizer", f"{__name__}:Nesterov"],
            "tested in the place of Grams; its steps are near to no role's",
        ),
        (["--optimizer", "lion_pytorch:Lion", "--role", "Grams"], None),
        (["--optimizer", "grams:Grams"], None),
        ([], None),
    ],
    ids=["another's", "nobody's", "told its role", "its own", "ours"],
)
def test_a_line_says_where_what_steps_otherwise_was_tested(run, monkeypatch, options, line):
    """And the verdict is what it is."""
    monkeypatch.setattr(engine, "fuzz", lambda *args, **kwargs: LEDGER["alignment"])
    done = run("lemma-4.2", *options)
    assert done.exit_code == 0, done.output
    said = [text for text in done.stdout.splitlines() if "tested in the place" in text]
    assert said == ([] if line is None else [f"{line} (--role chooses another place)"])


def test_a_known_counterexample_is_told_as_such(run, tmp_path):
    first, again = (run("comparison-sign-repaired", "--seed", seed) for seed in "01")
    assert first.exit_code == again.exit_code == 1
    assert "corpus" not in first.stdout
    assert "tried again from the corpus" in again.stdout


def test_an_implementation_that_an_optimizer_lacks_is_refused(run):
    done = run("definitions", "--optimizer", "lion_pytorch:Lion", "--implementation", "fused")
    assert done.exit_code == 2
    assert "use 'loop'" in done.stderr


def test_a_page_without_explored_axes_has_no_table_of_them(run, monkeypatch):
    bare = dataclasses.replace(LEDGER["alignment"].fuzz, explored={})
    result = dataclasses.replace(LEDGER["alignment"], evidence=(bare,))
    monkeypatch.setattr(engine, "fuzz", lambda *args, **kwargs: result)
    assert "family" not in run("alignment").stdout
