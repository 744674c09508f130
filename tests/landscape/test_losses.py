"""The built-in losses and module:factory."""
# pyright: reportOptionalOperand=false, reportOperatorIssue=false

import pytest
import torch

from grams_theory.core.errors import UnknownNameError, UsageError
from grams_theory.landscape import Problem, by_name, load, names


@pytest.mark.parametrize("name", names())
def test_every_loss_is_measured_consistently_with_its_certificate(name):
    e = by_name(name).estimate(steps=3, curvature_tol=1e-2)
    assert e.trajectory.f[-1] < e.trajectory.f[0]
    assert e.f_star.low is not None
    assert e.f_star.low <= e.f_star.high < e.trajectory.f[-1]
    if e.smoothness.value is not None:
        assert e.smoothness_seen.value <= e.smoothness.value
    if e.mu_lower.value is not None:
        assert 0 < e.mu_lower.value <= e.mu_upper.high
    assert 0 < e.kappa.low <= e.kappa.value <= 1


@pytest.mark.parametrize("name", names())
def test_a_loss_is_built_the_same_every_time(name):
    first, second = by_name(name), by_name(name)
    assert all(
        torch.equal(a, b) for a, b in zip(first.model.parameters(), second.model.parameters(), strict=True)
    )
    assert all(torch.equal(a, b) for a, b in zip(first.data, second.data, strict=True))


def test_an_unknown_loss_is_answered_with_the_nearest():
    with pytest.raises(UnknownNameError, match=r"did you mean.*diabetes"):
        by_name("diabetis")
    with pytest.raises(UsageError, match=r"did you mean.*diabetes.*module:factory"):
        load("diabetis")


MODULE = """
import torch
from torch import nn

def make_loss():
    X = torch.eye(2)
    return nn.Linear(2, 1), nn.MSELoss(), (X, X[:, :1])

def broken():
    raise RuntimeError("no disk")

def wrong():
    return 3

number = 3
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    name = f"losses_of_{tmp_path.name}".replace("-", "_")
    (tmp_path / f"{name}.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    return name


def test_a_factory_in_the_current_directory_is_loaded(module):
    problem = load(f"{module}:make_loss")
    assert isinstance(problem, Problem)
    assert problem.estimate(steps=2).dim == 3


@pytest.mark.parametrize(
    ("attribute", "message"),
    [
        ("make_los", "did you mean make_loss"),
        ("broken", "RuntimeError: no disk"),
        ("wrong", "returned int; return"),
        ("number", "is int, not a function"),
    ],
)
def test_a_bad_factory_is_explained(attribute, message, module):
    with pytest.raises(UsageError, match=message):
        load(f"{module}:{attribute}")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("no_such_module_here:f", "cannot import"),
        (":f", "not a module name"),
        ("a/b.py:f", "not a module name"),
    ],
)
def test_a_bad_module_is_explained(spec, message):
    with pytest.raises(UsageError, match=message):
        load(spec)
