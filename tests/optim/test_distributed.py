"""On two processes every optimizer does what it does on one, whatever holds the parameters, to the last bit."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from grams_theory.optim import Grams
from tests.optim import sharded
from tests.optim.sharded import (
    CASES,
    CHECKPOINTED,
    HALVES,
    IMPLEMENTATIONS,
    PARAMETERS,
    PROCESSES,
    RESCALED,
    STEPS,
    VARIANTS,
    maker,
)

pytestmark = pytest.mark.since_torch("2.7")  # the first whose fully_shard runs on a CPU

ROOT = Path(__file__).parents[2]
PATIENCE = 300
"""Seconds for all that the processes do, which takes some 15 on a free machine."""


def launch(script: str, folder: Path) -> list[Path]:
    """What `script FOLDER RANK` wrote to FOLDER/rank-RANK.pt in each process.

    How a process leaves does not matter once it wrote: processes of gloo were seen to abort while they end.
    """
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    files, logs = ([folder / f"rank-{rank}.{kind}" for rank in range(PROCESSES)] for kind in ("pt", "log"))
    processes = []
    for rank, log in enumerate(logs):
        command = [sys.executable, script, str(folder), str(rank)]
        with log.open("w") as output:
            processes.append(subprocess.Popen(command, env=environment, stdout=output, stderr=output))
    end = time.monotonic() + PATIENCE
    while any(process.poll() is None for process in processes) and time.monotonic() < end:
        time.sleep(0.1)
        if any(process.poll() and not file.exists() for process, file in zip(processes, files, strict=True)):
            break
    for process in processes:
        process.kill()
        process.wait()
    if not all(file.exists() for file in files):
        codes = [process.returncode for process in processes]
        said = "\n".join(f"process {rank}:\n{log.read_text()}" for rank, log in enumerate(logs))
        raise RuntimeError(f"a process wrote nothing, the exit codes are {codes}\n{said}")
    return files


EVERYTHING = slice(None)
"""The batches of all processes, where one does the work of all."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """With the checkpoints of one process, for two to load."""
    folder = tmp_path_factory.mktemp("sharded")
    runs = sharded.new_runs(sharded.new_model)
    sharded.go_on(runs, EVERYTHING)
    sharded.save(runs, folder / "one")
    torch.save(sharded.states(runs, sharded.WHOLE), folder / "one.pt")
    return folder


@pytest.fixture(scope="module")
def ranks(folder):
    """What each process found."""
    return [torch.load(file) for file in launch(sharded.__file__, folder)]


@pytest.fixture(scope="module")
def found(ranks):
    """found(*key): what each process found under that key."""
    return lambda *key: [rank[key] for rank in ranks]


def same(found, expected) -> bool:
    return len(found) == len(expected) > 0 and all(map(torch.equal, found, expected))


@pytest.mark.parametrize(("variant", "implementation"), CASES)
def test_dtensors_of_every_layout_are_stepped_as_plain_tensors(found, variant, implementation):
    """Shards, copies and blocks, even, uneven and empty, of several dtypes, in one group with plain tensors."""
    expected = sharded.stepped(maker(variant, implementation), sharded.as_is)
    assert differing(found("parameters", variant, implementation), expected) == set()


@pytest.mark.parametrize(("variant", "implementation"), RESCALED)
def test_masks_of_large_dtensors_are_rescaled_by_slices_as_those_of_small_plain_tensors(
    found, variant, implementation
):
    expected = sharded.stepped(maker(variant, implementation), sharded.as_is)
    assert differing(found("in slices", variant, implementation), expected) == set()


def differing(ranks, expected) -> set[str]:
    """The layouts of which some parameter or state is not the expected one."""
    return {
        layout
        for (_, layout, _), whole, parts in zip(PARAMETERS, expected, zip(*ranks, strict=True), strict=True)
        for one, pieces in zip(whole, zip(*parts, strict=True), strict=True)
        if not all(torch.equal(found, one) for found in sharded.joined(pieces, layout))
    }


@pytest.mark.parametrize(("variant", "implementation"), CASES)
def test_a_fully_sharded_model_trains_as_a_whole_one(found, variant, implementation):
    expected = sharded.trained(sharded.new_model(), maker(variant, implementation))
    for rank in found("fully_shard", variant, implementation):
        assert same(rank, expected)


@pytest.mark.parametrize("wrapper", ["DDP", "ZeRO"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_a_replicated_model_trains_as_one(found, variant, wrapper):
    expected = sharded.trained(sharded.new_model(), maker(variant))
    for rank in found(wrapper, variant):
        assert same(rank, expected)


def test_a_local_mean_would_be_noticed(found):
    expected = sharded.stepped(maker("CautiousAdam rescaled"), sharded.as_is)
    weights = [values[:1] for values in expected]
    assert differing(found("LocalMean"), weights) == {
        "rows",
        "columns",
        "copies of rows",
        "rows of copies",
        "blocks",
    }


@pytest.mark.parametrize("dtype", HALVES, ids=str)
@pytest.mark.parametrize("variant", ["CautiousAdam rescaled", "CautiousLion rescaled"])
def test_a_mean_over_more_ones_than_the_dtype_can_count_is_right(found, variant, dtype):
    expected = sharded.in_half_precision(maker(variant), dtype, sharded.as_is)
    assert expected[0].isfinite().all() and expected[0].abs().max() > 0.25
    for rank in found("half precision", variant, dtype):
        assert same(rank, expected)


@pytest.mark.parametrize("variant", VARIANTS)
def test_autograd_passes_through_a_step_on_dtensors(found, variant):
    expected = sharded.differentiated(maker(variant), sharded.as_is)
    assert expected[0].isfinite().all()
    for rank in found("differentiable", variant):
        assert same(rank, expected)


@pytest.fixture(scope="module")
def uninterrupted():
    """The weights of each run after twice STEPS steps on one process."""
    runs = sharded.new_runs(sharded.new_model)
    sharded.go_on(runs, EVERYTHING)
    return sharded.go_on(runs, EVERYTHING, first=STEPS)


@pytest.fixture(scope="module")
def resumed(ranks, folder):
    """The weights of each run that was continued from a checkpoint: by whom, from whom, and how it was saved."""
    loaded, taken_over = (sharded.new_runs(sharded.new_model, lr=123.0) for _ in range(2))
    sharded.load(loaded, folder / "two")
    sharded.take_over(taken_over, ranks[0]["whole states",])
    return {
        "one goes on from two": [sharded.go_on(loaded, EVERYTHING, first=STEPS)],
        "one takes the whole state over from two": [sharded.go_on(taken_over, EVERYTHING, first=STEPS)],
        "two go on from one": [rank["from", "one"] for rank in ranks],
        "two go on from two": [rank["from", "two"] for rank in ranks],
        "two take the whole state over from one": [rank["took over",] for rank in ranks],
    }


@pytest.mark.parametrize(
    "way",
    [
        "one goes on from two",
        "one takes the whole state over from two",
        "two go on from one",
        "two go on from two",
        "two take the whole state over from one",
    ],
)
@pytest.mark.parametrize("name", CHECKPOINTED)
def test_checkpoints_outlive_a_change_of_the_number_of_processes(resumed, uninterrupted, name, way):
    """And one that forgets its steps is noticed."""
    for rank in resumed[way]:
        assert same(rank[name], uninterrupted[name]) == (name != "Forgetful")


def test_a_gradient_that_is_placed_otherwise_is_brought_to_its_parameter_and_only_read(found):
    """A sum that is pending (1 g + 2 g), and a copy on each process (3 g)."""
    x, g = sharded.drawn(sharded.ROWS, 2)
    p = torch.nn.Parameter(x.clone())
    p.grad = 3 * g
    Grams([p]).step()
    for rank, (pending, copied) in enumerate(found("gradient placed otherwise")):
        assert same(pending, [p, (rank + 1) * g])
        assert same(copied, [p, 3 * g])


@pytest.mark.parametrize(("variant", "implementation"), CASES)
def test_processes_meet_for_masks_only_and_once_for_all_in_foreach(found, variant, implementation):
    rescaled = "mask_rescale" in VARIANTS[variant][1]
    expected = 0 if not rescaled else 8 if implementation == "loop" else 1
    assert found("meetings", variant, implementation) == [expected] * PROCESSES


@pytest.mark.parametrize(("variant", "implementation"), CASES)
def test_autograd_sees_that_a_dtensor_changed(found, variant, implementation):
    for before, after in found("versions", variant, implementation):
        assert after > before


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_an_infinite_gradient_on_one_process_stops_the_step_on_all(found, implementation):
    for weights, scale in found("scaled", implementation, None):
        assert (weights < 1).all() and scale == 4
    for infinite_on in range(PROCESSES):
        for weights, scale in found("scaled", implementation, infinite_on):
            assert (weights == 1).all() and scale == 2


@pytest.mark.parametrize(
    ("case", "message"),
    {
        "plain gradient": "a DTensor's gradient must be a DTensor, got a plain tensor; use distribute_tensor",
        "pending parameter": "a sum not yet taken; redistribute it first",
        "plain moments": "a moment is a plain tensor, and its parameter is placed (Shard(dim=0),); load the state by",
        "moments of columns": "a moment is placed (Shard(dim=1),), and its parameter is placed (Shard(dim=0),)",
    }.items(),
)
def test_what_cannot_be_stepped_is_refused(found, case, message):
    for refused in found("refusals"):
        assert message in refused[case]


def test_the_page_is_right(found):
    """Its five blocks of code run; the loop trains, and a checkpoint changes nothing."""
    for start, ddp, fsdp, trained, saved, loaded in found("page"):
        assert same(ddp, start) and same(fsdp, start)
        assert not same(trained, start)
        assert same(saved, trained) and same(loaded, trained)


def test_a_process_that_fails_is_quoted(tmp_path):
    script = tmp_path / "script.py"
    script.write_text("import sys, time\nif sys.argv[2] == '1':\n    sys.exit('not today')\ntime.sleep(60)\n")
    with pytest.raises(RuntimeError, match=r"exit codes are \[-9, 1\](.|\n)*process 1:\nnot today"):
        launch(str(script), tmp_path)


def test_a_process_that_aborts_after_it_wrote_has_done_its_part(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import os, sys\nopen(f'{sys.argv[1]}/rank-{sys.argv[2]}.pt', 'w').write('all')\nos.abort()\n"
    )
    assert [file.read_text() for file in launch(str(script), tmp_path)] == ["all", "all"]
