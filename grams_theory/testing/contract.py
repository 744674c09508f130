"""What every torch optimizer owes its user beside the right update, checked on any class."""

from __future__ import annotations

import copy

import torch

from grams_theory.engine.production import Hyper, OptimizerClass, build


def _trained(
    cls: OptimizerClass, steps: int
) -> tuple[torch.nn.Parameter, torch.optim.Optimizer, torch.Generator]:
    gen = torch.Generator().manual_seed(0)
    w = torch.nn.Parameter(torch.randn(4, 3, generator=gen, dtype=torch.float64))
    optimizer = build(cls, [w], 0.01, Hyper())
    for _ in range(steps):
        w.grad = torch.randn(w.shape, generator=gen, dtype=torch.float64)
        optimizer.step()
    return w, optimizer, gen


def check_gradient_untouched(cls: OptimizerClass) -> None:
    """`step` leaves `p.grad` as it was, so that a second step on the same gradient is right.

    Raises:
        AssertionError: it does not.
    """
    w, optimizer, gen = _trained(cls, 1)
    w.grad = torch.randn(w.shape, generator=gen, dtype=torch.float64)
    before = w.grad.clone()
    optimizer.step()
    assert torch.equal(w.grad, before), f"{cls.__name__}.step changed p.grad"


def check_missing_gradient_skipped(cls: OptimizerClass) -> None:
    """A parameter whose gradient is None stays where it is.

    Raises:
        AssertionError: it moves.
    """
    w, optimizer, _ = _trained(cls, 1)
    w.grad, before = None, w.detach().clone()
    optimizer.step()
    assert torch.equal(w.detach(), before), f"{cls.__name__}.step moved a parameter without a gradient"


def check_resumes_bitwise(cls: OptimizerClass) -> None:
    """Weights and `state_dict`, saved and loaded into a new instance, continue to the same bits.

    Raises:
        AssertionError: they do not.
    """
    w, optimizer, gen = _trained(cls, 3)
    other = torch.nn.Parameter(w.detach().clone())
    resumed = build(cls, [other], 0.01, Hyper())
    resumed.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    for _ in range(3):
        w.grad = torch.randn(w.shape, generator=gen, dtype=torch.float64)
        other.grad = w.grad.clone()
        optimizer.step()
        resumed.step()
    assert torch.equal(w.detach(), other.detach()), f"{cls.__name__} does not resume from its state_dict"


CHECKS = (check_gradient_untouched, check_missing_gradient_skipped, check_resumes_bitwise)
