"""`grams-theory study`: killed and resumed, in one process or two, and its exit codes."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from grams_theory.cli import main
from grams_theory.study import crew

MARK = "STUDY_UNDER_TEST"
OPTIONS = ["study", "--preset", "tiny", "--losses", "diabetes", "--optimizers", "Grams,Adam"]


def run(*options):
    return CliRunner().invoke(main, [*OPTIONS, *map(str, options)])


def start(out, workers):
    """The command in a process of its own."""
    command = [sys.executable, "-m", "grams_theory", *OPTIONS, "--out", str(out), "--workers", str(workers)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", MARK: str(out)}
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)


def marked(environ, out):
    """Whether a process was started by `start`, or by one that was."""
    try:
        return f"{MARK}={out}".encode() in environ.read_bytes()
    except OSError:
        return False


def wait_for_cells(out, process, count):
    deadline = time.monotonic() + 300
    while len(list(out.glob("cells/*.json"))) < count:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.002)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A study that nobody stopped: its folder, and what it printed."""
    out = tmp_path_factory.mktemp("whole")
    done = run("--out", out, "--workers", 1)
    assert done.exit_code == 0, done.output
    return out, done


def test_it_prints_the_verdicts_and_writes_the_files(finished):
    out, done = finished
    assert "diabetes, minibatch" in done.output
    assert {"study.json", "report.md", "study-loss.png", "header.json"} <= {
        path.name for path in out.iterdir()
    }


def killed(out, workers):
    """Kill the study once it has some cells; how many there are."""
    process = start(out, workers)
    wait_for_cells(out, process, 3)
    process.kill()
    process.wait()
    assert not (out / "study.json").exists(), "killed too late to show anything"
    return len(list(out.glob("cells/*.json")))


def test_killed_and_resumed_it_writes_the_same_bytes(finished, tmp_path):
    kept = killed(tmp_path, 1)
    done = run("--out", tmp_path, "--workers", 1)
    assert done.exit_code == 0, done.output
    assert 3 <= kept < len(list(tmp_path.glob("cells/*.json")))
    for name in ("study.json", "report.md"):
        assert (tmp_path / name).read_bytes() == (finished[0] / name).read_bytes()


@pytest.mark.slow
def test_two_processes_write_the_same_bytes_and_end_when_their_parent_is_killed(finished, tmp_path):
    killed(tmp_path, 2)
    deadline = time.monotonic() + 60
    while workers := [path for path in Path("/proc").glob("[0-9]*/environ") if marked(path, tmp_path)]:
        assert time.monotonic() < deadline, workers
        time.sleep(0.1)
    process = start(tmp_path, 2)
    assert process.wait() == 0
    assert (tmp_path / "study.json").read_bytes() == (finished[0] / "study.json").read_bytes()


def test_ctrl_c_keeps_what_is_done_and_says_so(finished, tmp_path, monkeypatch):
    right, played = crew.play, []

    def stop(cell, device):
        if len(played) == 3:
            raise KeyboardInterrupt
        played.append(cell)
        return right(cell, device)

    monkeypatch.setattr(crew, "play", stop)
    done = run("--out", tmp_path, "--workers", 1)
    assert done.exit_code == 130
    assert "3 cells are kept, and the same command goes on from there" in done.output
    assert len(list(tmp_path.glob("cells/*.json"))) == 3


def test_redraw_writes_the_page_without_playing(finished, tmp_path):
    out, _ = finished
    (tmp_path / "study.json").write_bytes((out / "study.json").read_bytes())
    done = run("--out", tmp_path, "--page", tmp_path / "pages" / "study.md", "--redraw")
    assert done.exit_code == 0, done.output
    assert (tmp_path / "pages" / "study.md").read_bytes() == (out / "report.md").read_bytes()
    assert not (tmp_path / "cells").exists()


def test_another_study_in_the_folder_is_bad_usage(finished):
    done = run("--out", finished[0], "--seeds", 3, "--workers", 1)
    assert done.exit_code == 2
    assert "settings.seeds was 2 and is 3" in done.output


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--optimizers", "Adam,Lion"], "compares Grams"),
        (["--losses", "no_such_loss"], "no loss named"),
        (["--path", "wrn_50_2"], "LOSS=PATH"),
        (["--losses", ","], "separated by commas"),
        (["--redraw"], "without --redraw"),
        (["--device", "warp"], "warp"),
    ],
)
def test_bad_usage_exits_with_2(tmp_path, options, message):
    done = run("--out", tmp_path, "--workers", 1, *options)
    assert done.exit_code == 2, done.output
    assert message in done.output
