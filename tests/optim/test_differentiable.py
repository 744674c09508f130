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


@pytest.mark.since_torch("2.7")  # the first whose own Adam can be differentiated so
@pytest.mark.parametrize("name", ["Adam", "AdamW"])
def test_the_derivative_is_torch_s(name):
    cancellation = UNIT32 / (1 - 0.999)  # torch forms 1 - 0.999^t in float32
    ours, theirs = hypergradient(optim.by_name(name)), hypergradient(getattr(torch.optim, name))
    assert ours == pytest.approx(theirs, rel=cancellation)


TUNED = {
    "betas": ((0.9, 0.99), lambda x: {"betas": (x[0], x[1])}),
    "weight_decay": ((0.3,), lambda x: {"weight_decay": x[0]}),
}


def tuned_loss(cls, keywords, differentiable: bool) -> torch.Tensor:
    start = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64, requires_grad=True)
    w = start.clone() if differentiable else torch.nn.Parameter(start.detach().clone())
    optimizer = cls([w], lr=0.05, differentiable=differentiable, **keywords)
    for scale in STEPS:
        w.grad = scale * (w.clone() if differentiable else w.detach().clone())
        optimizer.step()
    return (w**2).sum()


def derivatives(cls, tuned: str, **options) -> torch.Tensor:
    values, keywords = TUNED[tuned]
    x = torch.tensor(values, dtype=torch.float64, requires_grad=True)
    tuned_loss(cls, {**keywords(x), **options}, True).backward()
    assert x.grad is not None
    return x.grad


@pytest.mark.since_torch("2.7")
@pytest.mark.parametrize("tuned", TUNED)
@pytest.mark.parametrize("name", ["Adam", "AdamW"])
def test_the_derivative_by_other_hyperparameters_is_torch_s(name, tuned):
    cancellation = UNIT32 / (1 - 0.999)  # torch forms 1 - beta2^t in float32 if the betas are numbers
    ours, theirs = derivatives(getattr(optim, name), tuned), derivatives(getattr(torch.optim, name), tuned)
    assert torch.allclose(ours, theirs, rtol=cancellation, atol=0)


@pytest.mark.parametrize("amsgrad", [False, True])
@pytest.mark.parametrize("tuned", TUNED)
@pytest.mark.parametrize("name", ["Adam", "AdamW", "AMS", "CautiousAdam", "Grams"])
def test_the_derivative_by_other_hyperparameters_is_the_difference_quotient(name, tuned, amsgrad):
    """As above. torch.optim cannot do it with amsgrad: it changes in place what autograd needs."""
    values, keywords = TUNED[tuned]
    cls, h = optim.by_name(name), 1e-5
    found = derivatives(cls, tuned, amsgrad=amsgrad)
    for i in range(len(values)):
        high, low = (
            tuned_loss(
                cls, {**keywords([v + d * (i == j) for j, v in enumerate(values)]), "amsgrad": amsgrad}, False
            )
            for d in (h, -h)
        )
        assert found[i].item() == pytest.approx((high - low).item() / (2 * h), rel=16 * UNIT32)


def test_foreach_and_differentiable_exclude_each_other(make):
    with pytest.raises(ValueError, match="foreach=True and differentiable=True exclude each other"):
        make([torch.ones(1)], foreach=True, differentiable=True)
