"""Every optimizer file is found, and the package needs nothing but torch."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from grams_theory import optim

FOLDER = Path(optim.__file__).parent


def test_each_optimizer_has_its_own_file_and_each_file_is_found():
    files = {path.stem for path in FOLDER.glob("[!_]*.py")} - {"rule", "diagnostics"}
    assert {optim.by_name(name).__module__.rsplit(".", 1)[1] for name in optim.names()} == files
    assert len(files) == len(optim.names())


def test_the_paper_s_optimizers_are_exported():
    for name in ("AMS", "Adam", "AdamW", "CautiousAdam", "CautiousLion", "Grams", "Lion"):
        assert getattr(optim, name) is optim.by_name(name)
        assert issubclass(optim.by_name(name), torch.optim.Optimizer)


def test_a_new_file_is_found_without_being_listed(tmp_path, monkeypatch):
    source = (FOLDER / "grams.py").read_text().replace("class Grams(", "class Planted(")
    (tmp_path / "planted.py").write_text(source)
    monkeypatch.setattr(optim, "__path__", [*optim.__path__, str(tmp_path)])
    assert "Planted" in optim._discover()
    sys.modules.pop("grams_theory.optim.planted")


def test_an_unknown_name_offers_the_nearest_ones():
    with pytest.raises(ValueError, match="no optimizer named 'grammes'; did you mean"):
        optim.by_name("grammes")
    with pytest.raises(ValueError, match="known: AMS, Adam"):
        optim.by_name("zzz")


def test_it_imports_torch_and_nothing_else_of_ours():
    code = "import sys, grams_theory.optim; print(*sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=FOLDER.parent.parent
    )
    modules = run.stdout.split()
    ours = {name for name in modules if name.startswith("grams_theory")}
    assert "torch" in modules
    assert {name for name in ours if not name.startswith("grams_theory.optim")} == {"grams_theory"}
    assert not {"flint", "z3", "hypothesis", "click"} & set(modules)
