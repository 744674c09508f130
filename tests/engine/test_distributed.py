"""Campaigns shared by torchrun's processes: the same totals for any number of them, and no one left waiting."""

import json
import multiprocessing
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch.distributed

from grams_theory.core.errors import UsageError
from grams_theory.engine.distributed import ALONE, FAILED, PIECE, Ranks, join
from tests.engine import shared_campaigns

ROOT = Path(__file__).parents[2]


def torchrun(processes, *command, path=ROOT, **options):
    """The finished torchrun of that many processes on this machine."""
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": f"{ROOT}{os.pathsep}{path}",
        "COLUMNS": "120",
    }
    launcher = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node",
        str(processes),
    ]
    return subprocess.run(
        [*launcher, *command],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        **options,
    )


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    folder = tmp_path_factory.mktemp("alone")
    shared_campaigns.main(folder)
    return json.loads((folder / "rank-0.json").read_text())


def play(rank, size, port, folder):
    """The campaigns, in a process that is told what torchrun tells.

    It leaves as the command does: torch was seen to abort as the interpreter ended.
    """
    told = {"RANK": rank, "WORLD_SIZE": size, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    os.environ |= {name: str(value) for name, value in told.items()}
    shared_campaigns.main(folder)
    os._exit(0)


@pytest.fixture(scope="module", params=[2, 3])
def shared(request, tmp_path_factory):
    """What each rank found. The processes are forked, which spares them their imports."""
    folder, size = tmp_path_factory.mktemp("shared"), request.param
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    forked = multiprocessing.get_context("fork").Process
    processes = [forked(target=play, args=(rank, size, port, folder)) for rank in range(size)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=300)
        process.kill()
    assert [process.exitcode for process in processes] == [0] * size
    return [json.loads((folder / f"rank-{rank}.json").read_text()) for rank in range(request.param)]


@pytest.mark.parametrize("campaign", shared_campaigns.CAMPAIGNS, ids=lambda c: c.__name__)
def test_any_number_of_processes_finds_the_same(alone, shared, campaign):
    for found in shared:
        assert found[campaign.__name__] == alone[campaign.__name__]


def test_the_counterexample_that_is_shared_is_a_late_one(alone):
    """Otherwise nothing would show that turns beyond it do not count, and all before it do."""
    found = alone[shared_campaigns.is_falsified.__name__]
    assert found["found"] is not None
    assert found["structures"] > 20
    assert alone[shared_campaigns.is_witnessed.__name__][0] == "refuted"


def test_an_error_in_one_process_ends_all_with_one_message(tmp_path):
    (tmp_path / "moody.py").write_text(
        "import os, torch\n"
        "class Moody(torch.optim.Adam):\n"
        "    def __init__(self, *args, **kwargs):\n"
        "        if os.environ['RANK'] == '1':\n"
        "            raise ValueError('not today')\n"
        "        super().__init__(*args, **kwargs)\n"
    )
    fuzz = ("-m", "grams_theory", "fuzz", "definitions", "--optimizer", "moody:Moody")
    done = torchrun(2, *fuzz, path=tmp_path, cwd=tmp_path)
    assert done.returncode != 0
    assert done.stderr.count("not today") == 1
    assert done.stderr.count("Error: Moody refused") == 1
    assert done.stderr.count("exitcode  : 2 ") == 2


def test_one_process_prints_and_all_exit_with_the_same_code(tmp_path):
    done = torchrun(2, "-m", "grams_theory", "fuzz", "comparison-sign-repaired", cwd=tmp_path)
    assert done.stdout.count("✗ refuted") == done.stdout.count("witness (quadratic)\n") == 1
    assert done.stderr.count("exitcode  : 1 ") == 2


def test_a_process_alone_is_a_crew():
    with join() as crew:
        assert crew is ALONE
        assert list(crew.share(range(5))) == [0, 1, 2, 3, 4]
        assert crew.together(lambda: 7) == [7]
        assert crew.first(lambda: 8) == 8
        assert crew.place("cuda") == "cuda"
        crew.announce(3)
        assert crew.announced() == float("inf")


class Alike(Ranks):
    """The first of two processes, the other of which says the same, or what it is told to say."""

    def __init__(self, store, other=None):
        super().__init__(store, 0, 2)
        self.other = other

    def meet(self, value):
        self._meetings += 1
        return [value, self.other or value]


@pytest.fixture
def store():
    return torch.distributed.HashStore()  # pyright: ignore[reportPrivateImportUsage]


def test_the_lowest_announced_turn_stands(store):
    crew = Alike(store)
    assert crew.announced() == float("inf")
    for turn, lowest in [(7, 7), (9, 7), (4, 4), (5, 4)]:
        crew.announce(turn)
        assert crew.announced() == lowest
    crew.together(lambda: None)
    assert crew.announced() == float("inf")


def test_the_turns_are_dealt_in_order(store):
    first, second = Alike(store), Alike(store)
    second.rank = 1
    assert [list(crew.share(range(7))) for crew in (first, second)] == [[0, 2, 4, 6], [1, 3, 5]]


def in_threads(work, size, kind=Ranks):
    """What work(crew) gives in every one of so many processes, here threads."""
    shared, found = torch.distributed.HashStore(), {}  # pyright: ignore[reportPrivateImportUsage]

    def run(rank):
        found[rank] = work(kind(shared, rank, size))

    threads = [threading.Thread(target=run, args=(rank,), daemon=True) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return [found[rank] for rank in range(size)]


@pytest.mark.parametrize("size", [1, 2, 5])
def test_all_hear_what_each_says_at_every_meeting(size):
    def work(crew):
        return [crew.together(lambda turn=turn: (crew.rank, turn)) for turn in range(3)]

    said = [[(rank, turn) for rank in range(size)] for turn in range(3)]
    assert in_threads(work, size) == [said] * size


def test_a_value_may_be_larger_than_a_piece():
    long = bytes(range(256)) * (PIECE // 100)
    assert in_threads(lambda crew: crew.first(lambda: long), 2) == [long, long]


class Lingering(Ranks):
    """Takes its time between the last meeting and its leave."""

    def meet(self, value):
        met = super().meet(value)
        time.sleep(0.2 * self.rank)
        return met


def test_the_first_process_leaves_when_no_other_needs_the_store_that_it_may_hold():
    def work(crew):
        crew.leave()
        return crew._store.check(["left 1", "left 2"])

    assert in_threads(work, 3, Lingering)[0]


def test_a_failure_is_announced_and_told_once(store):
    crew = Alike(store)

    def fail():
        raise UsageError("no such thing")

    with pytest.raises(UsageError, match="no such thing"):
        crew.together(lambda: crew.together(fail))
    assert crew._meetings == 1
    assert int(store.get("turn 0")) == FAILED


@pytest.mark.parametrize(("usage", "message"), [(True, "^bad$"), (False, "process 1 failed: bad")])
def test_the_failure_of_another_is_mine(store, usage, message):
    from grams_theory.core.errors import GramsTheoryError

    crew = Alike(store, other=(None, (usage, "bad")))
    with pytest.raises(UsageError if usage else GramsTheoryError, match=message):
        crew.together(lambda: 1)
