"""The C++ kernel is compiled once for each user and machine, and threads share its work without changing it."""

import importlib.util
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from grams_theory.optim import _fused
from grams_theory.optim._fused import compiler, cpu
from tests.optim.fused_cases import BF16, F32, PLAIN, UPDATES, problem, same, worst

SOURCE = 'extern "C" int answer() { return %d; }'


@pytest.fixture
def fresh(monkeypatch):
    """Forgets what was found and loaded, before and after."""

    def forget():
        for function in (compiler.find, compiler.identity, compiler.load):
            function.cache_clear()

    forget()
    yield monkeypatch
    monkeypatch.undo()
    forget()


@pytest.fixture
def cache(fresh, tmp_path):
    fresh.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "grams_theory"


def test_a_source_is_compiled_once_and_kept(cache, fresh):
    assert compiler.load(SOURCE % 7).answer() == 7
    (kept,) = cache.iterdir()
    assert kept.suffix == ".so" and cache.stat().st_mode & 0o077 == 0
    compiler.load.cache_clear()
    fresh.setattr(compiler, "_compile", None)
    assert compiler.load(SOURCE % 7).answer() == 7


def test_another_source_flag_or_processor_is_another_library(cache, fresh):
    compiler.load(SOURCE % 7)
    compiler.load(SOURCE % 8)
    compiler.load(SOURCE % 7, "A=1")
    fresh.setattr(compiler, "identity", lambda *_: "another")
    compiler.load.cache_clear()
    compiler.load(SOURCE % 7)
    assert len(list(cache.iterdir())) == 4


def test_a_kept_library_that_is_not_whole_is_compiled_again(cache):
    kept = compiler.place(SOURCE % 7, (*compiler.find(), *compiler.FLAGS))
    cache.mkdir()
    kept.write_bytes(b"\x7fELF")
    assert compiler.load(SOURCE % 7).answer() == 7
    assert kept.stat().st_size > 1000


def test_a_cache_that_cannot_be_written_is_done_without(fresh, tmp_path):
    (tmp_path / "grams_theory").write_text("a file where the folder should be")
    fresh.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert compiler.load(SOURCE % 7).answer() == 7
    assert [path.name for path in tmp_path.iterdir()] == ["grams_theory"]


@pytest.fixture
def forbid(cache, fresh, tmp_path):
    """forbid(*names): no code may be executed from the folders "grams_theory" (the cache's) and "temporary"."""
    temporary, load = tmp_path / "temporary", compiler.ctypes.CDLL
    temporary.mkdir()
    fresh.setattr(compiler.tempfile, "tempdir", str(temporary))

    def refuse(*names):
        def refusing(path):
            if {*names} & {*Path(path).parts}:
                raise OSError("failed to map segment from shared object")
            return load(path)

        fresh.setattr(compiler.ctypes, "CDLL", refusing)

    return refuse


@pytest.mark.parametrize("folder", ["grams_theory", "temporary"])
def test_a_library_is_loaded_from_where_code_may_be_executed(forbid, folder):
    forbid(folder)
    assert compiler.load(SOURCE % 7).answer() == 7


def test_a_machine_that_executes_no_code_from_either_folder_is_told_what_to_do(forbid):
    forbid("grams_theory", "temporary")
    with pytest.raises(
        RuntimeError, match=r"cannot be loaded .*failed to map.* set TMPDIR or XDG_CACHE_HOME"
    ):
        compiler.load(SOURCE % 7)


def test_processes_may_compile_the_same_source_at_once(cache):
    """Each loads this module alone (it needs the standard library only) and calls what it compiled."""
    spec = importlib.util.find_spec(compiler.__name__)
    program = (
        "import importlib.util, sys\n"
        f"spec = importlib.util.spec_from_file_location('compiler', {spec.origin!r})\n"
        "module = importlib.util.module_from_spec(spec)\n"
        "spec.loader.exec_module(module)\n"
        f"sys.exit(module.load({SOURCE % 7!r}).answer())\n"
    )
    running = [subprocess.Popen([sys.executable, "-S", "-c", program]) for _ in range(4)]
    assert [process.wait() for process in running] == [7] * 4
    assert [path.suffix for path in cache.iterdir()] == [".so"]


def test_a_machine_without_a_compiler_is_told_what_to_do(fresh):
    fresh.setenv("PATH", "")
    fresh.delenv("CXX", raising=False)
    text = _fused.refusal([torch.ones(1)]) or ""
    assert "needs a C++ compiler" in text and "install g++" in text and "fused=False" in text
    with pytest.raises(RuntimeError, match="needs a C\\+\\+ compiler"):
        compiler.load(SOURCE % 7)


def test_a_compiler_that_is_named_is_used_and_one_that_refuses_is_quoted(cache, fresh, tmp_path):
    fresh.setenv("CXX", "no-such-compiler -O9")
    assert "CXX=no-such-compiler is not on the PATH" in (_fused.refusal([torch.ones(1)]) or "")
    compiler.find.cache_clear()
    fresh.setenv("CXX", "g++ '")
    assert "CXX=g++ ' is no command (No closing quotation)" in (_fused.refusal([torch.ones(1)]) or "")
    fresh.undo()
    fresh.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(RuntimeError, match=r"cannot compile the fused step \(.*error: .*nonsense"):
        compiler.load("nonsense")


def test_the_cache_is_in_the_home_folder_unless_told_otherwise(fresh):
    fresh.setenv("HOME", "/somewhere")
    for value in ("", "relative/folder"):
        fresh.setenv("XDG_CACHE_HOME", value)
        assert compiler._folder() == Path("/somewhere/.cache/grams_theory")


def test_the_package_carries_its_source():
    assert 'extern "C"' in cpu.source()


@pytest.fixture
def threads():
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.mark.parametrize("name", ["rescaled penalty", "amsgrad", "lion rescaled"])
def test_threads_share_the_tensors_and_give_the_same_numbers(name, threads):
    update, sizes = UPDATES[name], (1, 70_000, 511, 0, 40_000, *range(1, 40))
    before = problem(update, sizes)
    threads(1)
    alone = before.stepped(_fused.step_, update, lr=0.01)
    threads(3)
    assert same(before.stepped(_fused.step_, update, lr=0.01), alone)
    assert worst(update, before, alone, lr=0.01) <= 1


def test_threads_draw_the_same_random_bits(threads):
    update = replace(PLAIN, stochastic_rounding=True)
    before = problem(update, (100_000, 3), (BF16, BF16, F32))
    found = []
    for count in (1, 3):
        threads(count)
        torch.manual_seed(0)
        found.append(before.stepped(_fused.step_, update, lr=0.01))
    assert same(*found)
