"""Every scheduler of torch drives lr, as a float and as a tensor, in every implementation."""

import pytest
import torch
from torch.optim import lr_scheduler as s

SCHEDULERS = {
    "LambdaLR": lambda o: s.LambdaLR(o, lambda epoch: 0.9**epoch),
    "MultiplicativeLR": lambda o: s.MultiplicativeLR(o, lambda epoch: 0.9),
    "StepLR": lambda o: s.StepLR(o, 2),
    "MultiStepLR": lambda o: s.MultiStepLR(o, [1, 3]),
    "ConstantLR": lambda o: s.ConstantLR(o, 0.25, 3),
    "LinearLR": lambda o: s.LinearLR(o, 0.25, total_iters=4),
    "ExponentialLR": lambda o: s.ExponentialLR(o, 0.5),
    "CosineAnnealingLR": lambda o: s.CosineAnnealingLR(o, 4),
    "CosineAnnealingWarmRestarts": lambda o: s.CosineAnnealingWarmRestarts(o, 2),
    "PolynomialLR": lambda o: s.PolynomialLR(o, 4),
    "CyclicLR": lambda o: s.CyclicLR(o, 0.01, 0.1, 2, base_momentum=0.6, max_momentum=0.95),
    "OneCycleLR": lambda o: s.OneCycleLR(o, 0.1, total_steps=8),
    "ChainedScheduler": lambda o: s.ChainedScheduler([s.ExponentialLR(o, 0.5), s.ConstantLR(o, 0.25, 3)], o),
    "SequentialLR": lambda o: s.SequentialLR(o, [s.ConstantLR(o, 0.5, 2), s.ExponentialLR(o, 0.5)], [2]),
    "SWALR": lambda o: torch.optim.swa_utils.SWALR(o, 0.01, anneal_epochs=3),
    "ReduceLROnPlateau": lambda o: s.ReduceLROnPlateau(o, patience=0),
}


def test_none_is_missing():
    public = {name for name in s.__all__ if name not in ("LRScheduler", "LambdaLR")} | {"LambdaLR", "SWALR"}
    assert public == SCHEDULERS.keys()


def float_of(x) -> float:
    return x.item() if isinstance(x, torch.Tensor) else x


@pytest.mark.parametrize("tensor", [False, True])
@pytest.mark.parametrize("name", SCHEDULERS)
def test_a_scheduler_sets_what_each_step_uses(make, name, tensor, history):
    """lr, and beta1 of the cyclic ones, are what torch.optim.AdamW gets; a run that is told them ends alike."""
    gradients, lr = history(6, 20, dtype=torch.float64), 0.0625
    w, told, theirs = (torch.nn.Parameter(torch.ones(20, dtype=torch.float64)) for _ in range(3))
    optimizer = make([w], lr=torch.tensor(lr, dtype=torch.float64) if tensor else lr)
    reference = torch.optim.AdamW([theirs], lr=lr, betas=optimizer.defaults["betas"])
    plain = make([told], lr=lr)
    ours, torch_s = SCHEDULERS[name](optimizer), SCHEDULERS[name](reference)
    for g in gradients:
        for p in (w, told, theirs):
            p.grad = g.clone()
        (group,), (expected,), (manual,) = optimizer.param_groups, reference.param_groups, plain.param_groups
        assert float_of(group["lr"]) == pytest.approx(expected["lr"], rel=1e-14)
        assert group["betas"] == pytest.approx(expected["betas"], rel=1e-14)
        manual["lr"], manual["betas"] = float_of(group["lr"]), group["betas"]
        for stepped in (optimizer, plain, reference):
            stepped.step()
        for scheduler in (ours, torch_s):
            scheduler.step(*([1.0] if name == "ReduceLROnPlateau" else []))
    assert torch.equal(w, told)
    assert isinstance(optimizer.param_groups[0]["lr"], torch.Tensor) == tensor


@pytest.mark.parametrize("name", ["ExponentialLR", "OneCycleLR"])
def test_every_implementation_follows(make, implementation, name, history):
    """Within rounding: 6 steps of at most 16 roundings, on numbers below 1 + 6 max lr / (1 - beta1)."""
    ends = []
    for options in ({"foreach": False}, implementation):
        w = torch.nn.Parameter(torch.ones(20))
        optimizer = make([w], lr=torch.tensor(2.0**-8), **options)
        scheduler = SCHEDULERS[name](optimizer)
        for g in history(6, 20):
            w.grad = g
            optimizer.step()
            scheduler.step()
        ends.append(w.detach())
    assert ((ends[0] - ends[1]).abs() <= 6 * 16 * 2.0**-24 * (1 + 6 * 0.1 * 10)).all()


def test_groups_have_schedules_of_their_own(make):
    p, q = (torch.nn.Parameter(torch.ones(1)) for _ in range(2))
    optimizer = make([{"params": [p], "lr": 0.5}, {"params": [q], "lr": 0.25}])
    scheduler = s.LambdaLR(optimizer, [lambda epoch: float(epoch == 0), lambda epoch: 1.0])
    p.grad = q.grad = torch.ones(1)
    optimizer.step()
    scheduler.step()
    before = p.item(), q.item()
    optimizer.step()
    assert p.item() == before[0]
    assert q.item() < before[1]
