"""The Python of README.md runs as it is pasted, beside a model and a loop such as a reader has."""

import re
from pathlib import Path

import torch
from torch import nn

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


def test_the_launch_of_several_processes_is_a_command_of_ours():
    lines = re.findall(r"^ {4}(torchrun .*|python -m .*)$", README, re.MULTILINE)
    assert lines
    assert all(" -m grams_theory" in line for line in lines)
