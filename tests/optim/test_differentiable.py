"""Autograd passes through `step` when `differentiable` is set."""

import pytest
import torch

from grams_theory import optim

STEPS = (1.0, -0.3, 2.0)
UNIT32 = 2.0**-24  # the step count, and so the bias correction, is float32 on this path


def final_loss(make, lr, differentiable: bool) -> torch.Tensor:
    start = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64, requires_grad=True)
    w = start.clone() if differentiable else torch.nn.Parameter(start.detach().clone())
    optimizer = make([w], lr=lr, differentiable=differentiable)
    for scale in STEPS:
        w.grad = scale * (w.clone() if differentiable else w.detach().clone())
        optimizer.step()
    return (w**2).sum()


def hypergradient(make) -> float:
    lr = torch.tensor(0.05, dtype=torch.float64, requires_grad=True)
    final_loss(make, lr, differentiable=True).backward()
    assert lr.grad is not None
    return lr.grad.item()


def test_the_derivative_by_lr_is_the_difference_quotient(make):
    """h^2 = 1e-10 of truncation, 2^-52 / h of rounding; the single-precision bias correction dominates."""
    h = 1e-5
    high, low = (final_loss(make, 0.05 + d, differentiable=False).item() for d in (h, -h))
    assert hypergradient(make) == pytest.approx((high - low) / (2 * h), rel=16 * UNIT32)


@pytest.mark.parametrize("name", ["Adam", "AdamW"])
def test_the_derivative_is_torch_s(name):
    cancellation = UNIT32 / (1 - 0.999)  # torch forms 1 - 0.999^t in float32
    ours, theirs = hypergradient(optim.by_name(name)), hypergradient(getattr(torch.optim, name))
    assert ours == pytest.approx(theirs, rel=cancellation)


def test_foreach_and_differentiable_exclude_each_other(make):
    with pytest.raises(ValueError, match="foreach=True and differentiable=True exclude each other"):
        make([torch.ones(1)], foreach=True, differentiable=True)
