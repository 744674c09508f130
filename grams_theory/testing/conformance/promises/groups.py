"""Groups of parameters have their own options, and a schedule is followed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.optim import Optimizer
from torch.optim.lr_scheduler import (
    CosineAnnealingLR,
    CyclicLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    LRScheduler,
    OneCycleLR,
    PolynomialLR,
    ReduceLROnPlateau,
    SequentialLR,
    StepLR,
)

from grams_theory.engine.production import Hyper
from grams_theory.testing.conformance.marks import once, skip
from grams_theory.testing.conformance.setup import (
    HYPER,
    RATE,
    Setup,
    assert_same,
    feed,
    require,
    trained,
)

SCHEDULES: dict[str, Callable[[Optimizer], object]] = {
    "StepLR": lambda optimizer: StepLR(optimizer, step_size=2, gamma=0.5),
    "ExponentialLR": lambda optimizer: ExponentialLR(optimizer, gamma=0.9),
    "LambdaLR": lambda optimizer: LambdaLR(optimizer, lambda epoch: 1 / (1 + epoch)),
    "LinearLR": lambda optimizer: LinearLR(optimizer, start_factor=0.25, total_iters=3),
    "PolynomialLR": lambda optimizer: PolynomialLR(optimizer, total_iters=6, power=0.9),
    "CosineAnnealingLR": lambda optimizer: CosineAnnealingLR(optimizer, T_max=4),
    "OneCycleLR": lambda optimizer: OneCycleLR(
        optimizer, max_lr=2 * RATE, total_steps=8, cycle_momentum=False
    ),
    "ReduceLROnPlateau": lambda optimizer: ReduceLROnPlateau(optimizer, patience=0),
    "SequentialLR": lambda optimizer: SequentialLR(
        optimizer, [LinearLR(optimizer, 0.5, total_iters=2), ExponentialLR(optimizer, 0.9)], milestones=[2]
    ),
}
MOMENTA: dict[str, Any] = {"base_momentum": 0.5, "max_momentum": 0.9}
CYCLES: dict[str, Callable[[Optimizer], LRScheduler]] = {
    "OneCycleLR": lambda optimizer: OneCycleLR(optimizer, max_lr=2 * RATE, total_steps=8, **MOMENTA),
    "CyclicLR": lambda optimizer: CyclicLR(optimizer, RATE, 2 * RATE, step_size_up=2, **MOMENTA),
}
SCHEDULED = 5
"""Steps under a schedule."""


def check_groups_apart(s: Setup) -> None:
    """Each group follows its own lr, and its own betas or momentum if it has any; one added after a step does, too."""
    if s.optimizer.couples_parameters:
        skip("it couples its parameters")
    starts = [s.random(4, 3, seed=seed) for seed in range(3)]
    gradients, together = s.gradients(starts), s.parameters(starts)
    rates, betas = (RATE, 3 * RATE, RATE / 3), ((0.9, 0.99), (0.5, 0.8), (0.7, 0.6))
    known = s.new(s.parameters(starts)).defaults
    options = [
        {
            name: value
            for name, value in {"lr": lr, "betas": both, "momentum": both[0]}.items()
            if name in known
        }
        for lr, both in zip(rates, betas, strict=True)
    ]
    groups = [{"params": [w], **wanted} for w, wanted in zip(together, options, strict=True)]
    optimizer = s.new(groups[:2])
    feed(optimizer, together[:2], [gradients[0][:2]])
    optimizer.add_param_group(groups[2])
    feed(optimizer, together, gradients[1:])
    for index, (w, start) in enumerate(zip(together, starts, strict=True)):
        own = [[step[index]] for step in gradients[index == 2 :]]
        expected = trained(s, start, own, rates[index], Hyper(betas[index], HYPER.eps))
        assert_same(s, w, expected, start, f"in group {index} of {options} as in an optimizer of its own")


def check_group_keywords(s: Setup) -> None:
    """A set of keywords given to one group is that group's alone, as far as the constructor puts it into groups."""
    if s.optimizer.couples_parameters:
        skip("it couples its parameters")
    start = s.random(4, 3)
    gradients = s.gradients([start, start])
    defaults = s.new(s.parameters([start])).defaults
    for keywords in s.optimizer.keywords:
        options = {name: value for name, value in keywords.items() if name in defaults}
        first, second = s.parameters([start, start])
        feed(s.new([{"params": [first]}, {"params": [second], **options}]), [first, second], gradients)
        for index, (w, own) in enumerate(((first, {}), (second, options))):
            expected = trained(s, start, [[step[index]] for step in gradients], **own)
            where = f"in group {index}, where the second has {options}, as in an optimizer of its own"
            assert_same(s, w, expected, start, where)


def check_lr_followed(s: Setup) -> None:
    """`group["lr"]` is read at each step, as schedulers need it, and nothing moves while it is 0."""
    start = s.random(4, 3)
    gradients = s.gradients([start])
    for keywords in s.optimizer.keywords:
        (w,) = s.parameters([start])
        optimizer = s.new([w], 10 * RATE, **keywords)
        optimizer.param_groups[0]["lr"] = RATE
        feed(optimizer, [w], gradients)
        where = f"by the group's lr, not by the constructor's (options {dict(keywords)})"
        assert_same(s, w, trained(s, start, gradients, **keywords), start, where)
    (w,) = s.parameters([start])
    optimizer = s.new([w])
    feed(optimizer, [w], gradients)
    before = w.detach().clone()
    optimizer.param_groups[0]["lr"] = 0.0
    feed(optimizer, [w], gradients)
    require(torch.equal(w.detach(), before), f"{s.name} must not move where the group's lr is 0")


def check_schedules(s: Setup) -> None:
    """Each of torch's schedulers sets the lr that it sets for SGD, and steps are as with that lr set by hand."""
    start = s.random(4, 3)
    gradients = s.gradients([start], SCHEDULED)
    for name, schedule in SCHEDULES.items():
        w, by_hand, other = s.parameters([start] * 3)
        expected = _under(schedule, torch.optim.SGD([other], lr=RATE), [other], gradients)
        rates = _under(schedule, s.new([w]), [w], gradients)
        require(rates == expected, f"{s.name} must let {name} set its lr to {expected}, but it was {rates}")
        plain = s.new([by_hand])
        for lr, step in zip(rates, gradients, strict=True):
            plain.param_groups[0]["lr"] = lr
            feed(plain, [by_hand], [step])
        assert_same(s, w, by_hand, start, f"under {name} as with its lr {rates}")


def check_momentum_cycled(s: Setup) -> None:
    """Betas or a momentum that a scheduler cycles are those of the step, as in a new instance made with them."""
    start = s.random(4, 3)
    gradients, known = s.gradients([start], SCHEDULED), s.new(s.parameters([start])).defaults
    names = [name for name in ("betas", "momentum") if s.offers(name) and name in known]
    if not names:
        skip("its groups have neither betas nor momentum")
    for schedule_name, schedule in CYCLES.items():
        w, other = s.parameters([start] * 2)
        cycled, before = s.new([w]), s.new([other])
        scheduler = schedule(cycled)
        for step in gradients:
            group = cycled.param_groups[0]
            now = {name: group[name] for name in ("lr", *names)}
            made, saved = s.new([other], **now), before.state_dict()
            made.load_state_dict({**saved, "param_groups": [{**saved["param_groups"][0], **now}]})
            feed(cycled, [w], [step])
            feed(made, [other], [step])
            scheduler.step()
            before = made
        where = f"under {schedule_name} as in instances made with its {names[0]}"
        assert_same(s, w, other, start, where)


def check_tensor_lr(s: Setup) -> None:
    """A tensor lr, of no axis or of one, is its number, alone and under a schedule; or the constructor refuses it."""
    start = s.random(4, 3)
    gradients = s.gradients([start], SCHEDULED)
    tried = {"no schedule": None, **{name: SCHEDULES[name] for name in ("ExponentialLR", "LinearLR")}}
    for name, schedule in tried.items():
        (plain,) = s.parameters([start])
        _under(schedule, s.new([plain]), [plain], gradients)
        for shape in ((), (1,)):
            (w,), lr = s.parameters([start]), torch.full(shape, RATE, dtype=torch.float64, device=s.device)
            given, held = s.new([w], lr), lr.clone()
            _under(schedule, given, [w], gradients)
            kept = schedule is not None or torch.equal(lr, held)
            require(kept, f"{s.name}.step must not change a tensor lr, but it is {lr}")
            where = f"with lr={held} as with the number, {name}"
            assert_same(s, w, plain, start, where, s.roundings_of_a_tensor_lr)


def check_tensor_betas(s: Setup) -> None:
    """Tensor betas are their numbers, or are refused before anything moves."""
    if not s.offers("betas"):
        skip("it has no betas")
    start = s.random(4, 3)
    gradients = s.gradients([start])
    betas = tuple(torch.tensor(beta, dtype=torch.float64, device=s.device) for beta in HYPER.betas)
    (w,) = s.parameters([start])
    optimizer = s.new([w], betas=betas)
    try:
        feed(optimizer, [w], gradients)
    except AssertionError as refusal:
        require(
            torch.equal(w.detach(), start), f"{s.name} must refuse tensor betas before it moves: {refusal}"
        )
        skip(str(refusal))
    where = f"with tensor betas as with {HYPER.betas}"
    assert_same(s, w, trained(s, start, gradients), start, where, s.roundings_of_a_tensor_lr)


@once
def check_betas_in_a_list(s: Setup) -> None:
    """Betas may stand in a list, as in a configuration read from JSON, in the constructor and in a group."""
    if not s.offers("betas"):
        skip("it has no betas")
    start, betas = s.random(4, 3), (0.5, 0.8)
    gradients = s.gradients([start])
    expected = trained(s, start, gradients, hyper=Hyper(betas, HYPER.eps))
    given, later = s.parameters([start] * 2)
    optimizers = s.new([given], betas=list(betas)), s.new([later])
    optimizers[1].param_groups[0]["betas"] = list(betas)
    for w, optimizer in zip((given, later), optimizers, strict=True):
        feed(optimizer, [w], gradients)
        assert_same(s, w, expected, start, f"with betas {list(betas)} as with {betas}")


@once
def check_named_parameters(s: Setup) -> None:
    """Pairs of names and parameters are taken, move as parameters do, and their names are in the state dict."""
    start = s.random(4, 3)
    gradients = s.gradients([start])
    (w,) = s.parameters([start])
    optimizer = s.new([("layer.weight", w)])
    feed(optimizer, [w], gradients)
    assert_same(s, w, trained(s, start, gradients), start, "a named parameter as one without a name")
    names = optimizer.state_dict()["param_groups"][0].get("param_names")
    require(
        names == ["layer.weight"], f"{s.name}.state_dict must hold the name layer.weight, but has {names}"
    )


@once
def check_zero_grad(s: Setup) -> None:
    """`zero_grad` makes every gradient None, or zero if it is told so."""
    params = s.parameters([s.random(4, 3), s.random(4, 3, seed=1)])
    optimizer = s.new([{"params": [params[0]]}, {"params": [params[1]]}])
    for to_none in (False, True):
        for w in params:
            w.grad = torch.ones_like(w)
        optimizer.zero_grad(set_to_none=to_none)
        for w in params:
            right = w.grad is None if to_none else w.grad is not None and not w.grad.any()
            require(
                right, f"{s.name}.zero_grad(set_to_none={to_none}) must clear gradients, but one is {w.grad}"
            )


def _under(schedule, optimizer: Optimizer, params, gradients) -> list[float]:
    """The lr of each step under a schedule, or without one if it is None."""
    scheduler = schedule and schedule(optimizer)
    rates = []
    for step in gradients:
        rates.append(float(optimizer.param_groups[0]["lr"]))
        feed(optimizer, params, [step])
        if isinstance(scheduler, ReduceLROnPlateau):
            scheduler.step(1.0)
        elif scheduler:
            scheduler.step()
    return rates
