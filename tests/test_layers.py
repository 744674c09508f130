"""Imports point down: the contract of pyproject.toml holds, and an upward import breaks it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LINT = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(cache_dir=None))"


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, "-c", LINT], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_imports_point_down():
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


@pytest.mark.parametrize(
    ("module", "upward"),
    [
        ("core/errors.py", "grams_theory.engine"),
        ("core/ledger.py", "grams_theory.optim"),
        ("optim/rule.py", "numpy"),
        ("claims/alignment.py", "grams_theory.report"),
        ("landscape/quantity.py", "grams_theory.families"),
        ("report/graph.py", "grams_theory.cli"),
    ],
)
def test_an_upward_import_is_caught(tmp_path, module, upward):
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "grams_theory", tmp_path / "grams_theory", ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    planted = tmp_path / "grams_theory" / module
    planted.write_text(f"{planted.read_text()}\nimport {upward}\n")
    done = lint(tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"grams_theory.{module.removesuffix('.py').replace('/', '.')} -> {upward}" in done.stdout
