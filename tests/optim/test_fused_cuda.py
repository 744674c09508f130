"""The Triton kernels: their results under the interpreter, the code they compile to, and the table of addresses."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from grams_theory.optim import _fused
from grams_theory.optim._fused import cuda
from tests.optim.fused_cases import PLAIN, UPDATES, problem, same

pytest.importorskip("triton", reason="the kernels are written in Triton")

HERE = Path(__file__).parent
INTERPRETED = [HERE / "test_fused.py", HERE / "test_fused_faults.py"]


def test_interpreted_kernels_pass_what_the_compiled_ones_do():
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:xdist",
            *map(str, INTERPRETED),
        ],
        env={**os.environ, "TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "1"},
        cwd=HERE.parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    passed = re.search(r"(\d+) passed", done.stdout)
    assert done.returncode == 0 and passed, done.stdout[-4000:] + done.stderr[-2000:]
    assert int(passed[1]) > 100


def assembly(kernel: str, **options) -> str:
    """PTX of a kernel for an H100, for Adam in float32 unless the options say otherwise. Needs no GPU."""
    import triton
    import triton.language as tl
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from grams_theory.optim._fused import kernels

    function = getattr(kernels, kernel)
    x = problem(PLAIN, (1,))
    constants = {**cuda._options(PLAIN, [x.w, x.g, *x.moments], aligned=True), **options}
    compiled = {name: constants.pop(name) for name in ("num_warps", "enable_fp_fusion")}
    if kernel == "step":
        absent = {"mean_agreeing": "RESCALED", "found_inf": "SKIPPABLE", "seed": "STOCHASTIC"}
        constants = {**dict.fromkeys(absent.values(), False), **constants}
        constants |= {name: None for name, wanted in absent.items() if not constants[wanted]}
    pointers = {
        "table": "*i64",
        "owners": "*i32",
        "numbers": "*fp64",
        "constants": "*fp64",
        "agreeing": "*i64",
        "mean_agreeing": "*fp64",
    }
    types = {**pointers, "found_inf": "*fp32", "seed": "*i64", "tensors": "i32"}
    signature = {name: "constexpr" if name in constants else types[name] for name in function.arg_names}
    source = ASTSource(function, signature, constants)
    assert tl.float32 == constants["C"]
    return triton.compile(source, target=GPUTarget("cuda", 90, 32), options=compiled).asm["ptx"]


def moves(ptx: str, kind: str) -> int:
    return len(re.findall(rf"{kind}\.global\.v4\.b32", ptx))


@pytest.mark.skipif(os.environ.get("TRITON_INTERPRET") == "1", reason="nothing is compiled")
def test_whole_chunks_are_moved_sixteen_bytes_at_a_time():
    """8 numbers for each of 256 threads: two moves each to read w, g, m, v and to write w, m, v."""
    ptx = assembly("step")
    assert (moves(ptx, "ld"), moves(ptx, "st")) == (8, 6)
    assert "div.rn.f32" in ptx and "sqrt.rn.f32" in ptx
    assert moves(assembly("step", ALIGNED=False), "ld") == 0


@pytest.mark.skipif(os.environ.get("TRITON_INTERPRET") == "1", reason="nothing is compiled")
def test_the_mask_is_counted_by_reading_only_what_decides_it():
    assert moves(assembly("count"), "ld") == 4
    assert moves(assembly("count", PENALISED=True), "ld") == 6


def test_the_table_is_built_once_while_the_tensors_stay(monkeypatch):
    built = []
    original = cuda._table

    def table(*arguments):
        built.append(arguments)
        return original(*arguments)

    monkeypatch.setattr(cuda, "_table", table)
    x, cpu = problem(PLAIN, (9, 5000)), torch.device("cpu")
    addresses = [
        tuple(tuple(y.data_ptr() for y in kind) for kind in (x.w, g, *x.moments)) for g in (x.g, x.w, x.g)
    ]
    tables = [cuda._remembered(cuda._table, cpu)(each, (9, 5000), cpu) for each in addresses]
    assert len(built) == 2
    assert tables[0] is tables[2]


def test_the_table_tells_each_chunk_its_tensor():
    sizes = (0, 5, 2 * cuda.BLOCK, 0, cuda.BLOCK + 1)
    table = cuda._table(((0, 16, 32, 0, 48),) * 4, sizes, torch.device("cpu"))
    assert table.owners.tolist() == [1, 2, 2, 4, 4]
    assert table.rows[4].tolist() == list(sizes)
    assert table.rows[5].tolist() == [0, 0, 1, 3, 3]
    assert table.aligned
    assert not cuda._table(((0, 16, 32, 0, 40),) * 4, sizes, torch.device("cpu")).aligned


@pytest.mark.parametrize("shape", [(), (1,)], ids=str)
@pytest.mark.parametrize(("found", "count"), [(0.0, 4.0), (1.0, 3.0)])
def test_steps_are_counted_unless_a_gradient_is_infinite(shape, found, count):
    steps = [torch.tensor(3.0), torch.tensor(3.0)]
    cuda.advanced(steps, [], torch.full(shape, found))
    assert [step.item() for step in steps] == [count, count]


def test_a_machine_without_triton_is_refused(monkeypatch):
    monkeypatch.setattr(cuda, "find_spec", lambda name: None)
    assert "needs triton" in (cuda.refusal() or "")
    monkeypatch.setattr(cuda, "find_spec", importlib.util.find_spec)
    assert cuda.refusal() is None


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("update", UPDATES.values(), ids=UPDATES.keys())
def test_a_step_waits_for_nothing_and_can_be_captured(update):
    eager = problem(update, (5000, 3), device="cuda")
    lr, scale, found = (torch.tensor(value, device="cuda") for value in (0.125, 2.0, 0.0))
    eager.t = [torch.tensor(float(t), device="cuda") for t in eager.t]
    captured = eager.map(torch.Tensor.clone)
    options = {"t": eager.t, "lr": lr, "grad_scale": scale, "found_inf": found}
    for x in (eager, captured):
        _fused.step_(update, x.w, x.g, x.moments, **options)
    torch.cuda.set_sync_debug_mode("error")
    try:
        _fused.step_(update, eager.w, eager.g, eager.moments, **options)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        _fused.step_(update, captured.w, captured.g, captured.moments, **options)
    graph.replay()
    assert same(eager, captured)
