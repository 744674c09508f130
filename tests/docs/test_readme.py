"""The Python of README.md runs as it is pasted, beside a model and a loop such as a reader has."""

import re
from inspect import signature
from pathlib import Path

import pytest
import torch
from torch import nn

from grams_theory.claims import by_id
from grams_theory.core.summary import GLYPHS
from grams_theory.optim import Grams
from tests.docs import readme_table

README = (Path(__file__).parents[2] / "README.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
OPTIMIZER = "from grams_theory.optim import Grams\n\n\nclass MyGrams(Grams):\n    pass\n"


def reader() -> dict:
    """What the blocks take for granted."""
    torch.manual_seed(0)
    model, loss_fn = nn.Linear(4, 1), nn.MSELoss()
    x = torch.randn(32, 4)
    data = x, x.sum(1, keepdim=True)
    known = {"torch": torch, "model": model, "loss_fn": loss_fn, "data": data, "L": 2.0}
    known["g"], known["u"] = torch.tensor([1.0, 2.0]), torch.tensor([1.0, -0.5])

    def train():
        for _ in range(10):
            known["optimizer"].zero_grad()
            loss_fn(model(x), data[1]).backward()
            known["optimizer"].step()

    known["train"] = train
    return known


def test_every_block_runs(tmp_path, monkeypatch):
    package = tmp_path / "my_package"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "optim.py").write_text(OPTIMIZER)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    known = reader()
    for block in BLOCKS:
        shorter = re.sub(r'budget="\d+s"', 'budget="1s"', block)
        exec(compile(shorter, "README.md", "exec"), known)
    assert len(BLOCKS) == README.count("```python") > 1
    assert known["log"].rows


def test_grams_takes_what_adamw_takes_without_its_weight_decay():
    ours, theirs = (signature(cls).parameters for cls in (Grams, torch.optim.AdamW))
    assert set(theirs) <= set(ours)
    assert ours["weight_decay"].default == 0


def test_the_launch_of_several_processes_is_a_command_of_ours():
    lines = re.findall(r"^ {4}(torchrun .*|python -m .*)$", README, re.MULTILINE)
    assert lines
    assert all(" -m grams_theory" in line for line in lines)


def test_the_table_holds_the_recorded_verdicts():
    rows = re.findall(r"^ {5}([a-z][\w.-]+) +(\S) (\w+) ", readme_table.shown(README), re.MULTILINE)
    recorded = ((name, by_id(name).recorded) for name in readme_table.SHOWN)
    assert rows == [(name, GLYPHS[verdict], verdict) for name, verdict in recorded]


@pytest.mark.slow
def test_the_table_is_what_verify_prints():
    """But for the times. `python -m tests.docs.readme_table` writes it anew."""
    assert readme_table.timeless(readme_table.shown(README)) == readme_table.timeless(readme_table.computed())
