"""Studies of half a quadratic, ½‖w‖² in 100 dimensions: what each contender can reach there is known."""

import textwrap

import pytest
import torch

from grams_theory.study import contenders
from grams_theory.study.contenders import Contender
from grams_theory.study.settings import FULL, Settings, Task

MODULE = textwrap.dedent('''
    import torch
    from torch import nn


    class Half(nn.Module):
        """½‖w‖² for every sample."""

        def __init__(self):
            super().__init__()
            self.w = nn.Parameter(torch.zeros(10, 10, dtype=torch.float64))

        def forward(self, x):
            return (self.w.square().sum() / 2).expand(len(x))


    def mean(output, target):
        return output.mean()


    def bowl():
        return Half(), mean, (torch.zeros(8, 1), torch.zeros(8))


    def moved():
        """The same, and its minimum is 1."""
        return Half(), lambda output, target: output.mean() + 1, (torch.zeros(8, 1), torch.zeros(8))
''')


@pytest.fixture
def bowl(tmp_path, monkeypatch):
    """The name of the quadratic; each seed starts elsewhere."""
    (tmp_path / "planted_losses.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    return "planted_losses:bowl"


class Frozen(torch.optim.SGD):
    """Never moves."""

    def step(self, closure=None):
        return None


def descent(params, lr, betas):
    """Plain gradient descent: with lr = 1 it is at the quadratic's minimum after one step."""
    return torch.optim.SGD(params, lr=lr)


@pytest.fixture
def plant(monkeypatch):
    """Adds a contender under a name, as a rival of Grams."""

    def add(name, make, rates=(-2, 0)):
        planted = Contender(name, name, make, rates=rates, rival=True)
        monkeypatch.setitem(contenders.CONTENDERS, name, planted)
        return name

    return add


@pytest.fixture
def settings(bowl):
    """(optimizers, changes of the task or the settings) -> a study of the quadratic that takes a second."""

    def make(*optimizers, steps=10, modes=(FULL,), **changes):
        task = Task(bowl, steps=steps, batch=4, modes=modes, floor=0)
        given = {"seeds": 4, "tuning_seeds": 1, "extensions": 0, "stages": 2, "skew_batches": 2}
        return Settings((task,), optimizers=("Grams", *optimizers), **{**given, **changes})

    return make
