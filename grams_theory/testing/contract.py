"""What every torch optimizer owes its user beside the right update, checked on any class.

Nothing here knows an update rule: an optimizer is held against itself, where two runs must end alike. Each check is
called as `check(cls)` or `check(cls, device)`, and raises an AssertionError that says what was expected. An optimizer
that couples its parameters on purpose (by a norm over all of them, say) breaks the promises about parameters apart.
"""

from __future__ import annotations

import copy
import pickle
from typing import Any

import torch
from torch import Tensor

from grams_theory.engine.production import Hyper, OptimizerClass
from grams_theory.testing._runs import (
    HYPER,
    RATE,
    STEPS,
    WARM_UP,
    Device,
    Layout,
    assert_as_if_alone,
    assert_same,
    feed,
    gradients_for,
    new,
    offers,
    parameters,
    random,
    require,
    take_step,
    trained,
)

SHAPES = ((4, 3), (), (0, 3), (7,), (1,), (2, 3, 4), (3, 4))
OPTIONS: tuple[dict[str, Any], ...] = ({}, {"weight_decay": 0.1}, {"maximize": True})
LENGTHS = (1, 5, 1025, 2**17 + 3)
"""Elements of vectors: less than a block, a little more than one, and more than a 16-bit index reaches."""
MANY = 2 * 110 + 1
"""Parameters, more than one multi-tensor launch of torch takes."""


def check_gradient_untouched(cls: OptimizerClass, device: Device = "cpu") -> None:
    """`step` leaves `p.grad` as it was: with weight decay and with `maximize` too, if the constructor offers them.

    Raises:
        AssertionError: it does not.
    """
    start = random(device, 4, 3)
    for options in OPTIONS:
        if not offers(cls, *options):
            continue
        (w,) = parameters([start])
        optimizer = new(cls, [w], **options)
        for (g,) in gradients_for(device, [start]):
            w.grad = g.clone()
            take_step(optimizer)
            unchanged = torch.equal(w.grad, g)
            require(unchanged, f"{cls.__name__}.step must not change p.grad (options {options})")


def check_gradient_not_kept(cls: OptimizerClass, device: Device = "cpu") -> None:
    """Nothing of `p.grad` is needed after `step`: the next gradient may be written into the same memory.

    Raises:
        AssertionError: the run ends elsewhere than with fresh memory for each gradient.
    """
    start = random(device, 4, 3)
    gradients = gradients_for(device, [start])
    (w,) = parameters([start])
    optimizer, w.grad = new(cls, [w]), torch.zeros_like(w)
    for (g,) in gradients:
        w.grad.copy_(g)
        take_step(optimizer)
    expected = trained(cls, start, gradients)
    assert_same(cls, w, expected, start, "with gradients written into one buffer as with fresh ones")


def check_missing_gradient_skipped(cls: OptimizerClass, device: Device = "cpu") -> None:
    """A parameter whose gradient is None stays where it is, before and after it had one.

    Raises:
        AssertionError: it moves.
    """
    (w,) = parameters([random(device, 4, 3)])
    optimizer, ((g,),) = new(cls, [w]), gradients_for(device, [w], 1)
    for given in (None, g, None):
        before = w.detach().clone()
        feed(optimizer, [w], [[given]])
        right = given is not None or torch.equal(w.detach(), before)
        require(right, f"{cls.__name__}.step must not move a parameter without a gradient")


def check_missing_gradient_among_others(cls: OptimizerClass, device: Device = "cpu") -> None:
    """Where one parameter has no gradient, those before and after it move as if each were alone.

    Raises:
        AssertionError: one of them does not, or the one without a gradient moves.
    """
    starts = [random(device, 4, 3, seed=seed) for seed in range(3)]
    drawn = gradients_for(device, starts)
    gradients = [[first, middle if t == 1 else None, last] for t, (first, middle, last) in enumerate(drawn)]
    assert_as_if_alone(cls, starts, gradients, "where the second of three has gradients at times")


def check_late_gradient(cls: OptimizerClass, device: Device = "cpu") -> None:
    """A parameter that gets its first gradient late starts then: its step count is its own.

    Raises:
        AssertionError: it moves unlike a parameter of a new optimizer, or disturbs the others.
    """
    starts = [random(device, 4, 3, seed=seed) for seed in range(3)]
    drawn = gradients_for(device, starts, 5)
    gradients = [[first, late if t > 1 else None, last] for t, (first, late, last) in enumerate(drawn)]
    assert_as_if_alone(cls, starts, gradients, "where the second of three has its first gradient at step 3")


def check_parameters_apart(cls: OptimizerClass, device: Device = "cpu") -> None:
    """Parameters of different shapes, scalar and empty ones among them, move as if each were alone.

    Raises:
        AssertionError: one of them does not, or stays for WARM_UP steps on the same gradient.
    """
    starts = [random(device, *shape, seed=seed) for seed, shape in enumerate(SHAPES)]
    gradients, together = gradients_for(device, starts), parameters(starts)
    feed(new(cls, together), together, gradients[:1] * WARM_UP)
    for w, start in zip(together, starts, strict=True):
        moved = bool((w != start).all())
        require(moved, f"{cls.__name__} must move a parameter of shape {tuple(w.shape)}, but it stayed")
    assert_as_if_alone(cls, starts, gradients, f"among shapes {SHAPES}")


def check_many_parameters(cls: OptimizerClass, device: Device = "cpu") -> None:
    """Each of many parameters moves as if it were alone.

    Raises:
        AssertionError: one of them does not.
    """
    start = random(device, 3)
    gradients, many = gradients_for(device, [start]), parameters([start] * MANY)
    feed(new(cls, many), many, [step * MANY for step in gradients])
    expected = trained(cls, start, gradients)
    for index, w in enumerate(many):
        assert_same(cls, w, expected, start, f"parameter {index} of {MANY} as it moves alone")


def check_dtypes_apart(cls: OptimizerClass, device: Device = "cpu") -> None:
    """Parameters of different dtypes in one optimizer move as if each were alone.

    Raises:
        AssertionError: one of them does not.
    """
    dtypes = (torch.float32, torch.float64, torch.float32, torch.float64)
    starts = [random(device, 4, 3, seed=seed).to(dtype) for seed, dtype in enumerate(dtypes)]
    assert_as_if_alone(cls, starts, gradients_for(device, starts), f"among dtypes {dtypes}")


def check_instances_apart(cls: OptimizerClass, device: Device = "cpu") -> None:
    """Two optimizers that are stepped by turns do not know of each other.

    Raises:
        AssertionError: one of them ends elsewhere than it does alone.
    """
    starts = [random(device, 4, 3, seed=seed) for seed in range(2)]
    gradients, together = gradients_for(device, starts), parameters(starts)
    optimizers = [new(cls, [w]) for w in together]
    for step in gradients:
        for optimizer, w, g in zip(optimizers, together, step, strict=True):
            feed(optimizer, [w], [[g]])
    for index, (w, start) in enumerate(zip(together, starts, strict=True)):
        expected = trained(cls, start, [[step[index]] for step in gradients])
        assert_same(cls, w, expected, start, "beside another instance as alone")


def check_coordinates_alike(cls: OptimizerClass, device: Device = "cpu") -> None:
    """No place in a vector is special, the ends of blocks among them: permuted, it comes to the permuted end.

    Raises:
        AssertionError: it does not.
    """
    for length in LENGTHS:
        start = random(device, length)
        order = torch.randperm(length, generator=torch.Generator().manual_seed(1)).to(device)
        gradients = gradients_for(device, [start], 2)
        permuted = trained(cls, start[order], [[g[order]] for (g,) in gradients])
        expected = trained(cls, start, gradients)[order]
        assert_same(cls, permuted, expected, start[order], f"a permuted vector of {length} as the vector")


def check_parameter_layout(cls: OptimizerClass, device: Device = "cpu") -> None:
    """How a parameter lies in memory does not matter; its gradients are contiguous, or lie like it.

    Raises:
        AssertionError: it does.
    """
    for name, layout in LAYOUTS.items():
        for of_gradient in (torch.Tensor.contiguous, layout):
            _same_in_layout(cls, device, layout, of_gradient, f"a parameter {name}")


def check_gradient_layout(cls: OptimizerClass, device: Device = "cpu") -> None:
    """How the gradient of a contiguous parameter lies in memory does not matter; it may be expanded from one row.

    Raises:
        AssertionError: it does.
    """
    for name, layout in {**LAYOUTS, "expanded from one row": _expanded}.items():
        _same_in_layout(cls, device, torch.Tensor.contiguous, layout, f"with a gradient {name}")


def check_groups_apart(cls: OptimizerClass, device: Device = "cpu") -> None:
    """Each group follows its own lr, and its own betas or momentum if it has any; one added after a step does, too.

    Raises:
        AssertionError: one of them does not.
    """
    starts = [random(device, 4, 3, seed=seed) for seed in range(3)]
    gradients, together = gradients_for(device, starts), parameters(starts)
    rates, betas = (RATE, 3 * RATE, RATE / 3), ((0.9, 0.99), (0.5, 0.8), (0.7, 0.6))
    known = new(cls, parameters(starts)).defaults
    options = [
        {
            name: value
            for name, value in {"lr": lr, "betas": both, "momentum": both[0]}.items()
            if name in known
        }
        for lr, both in zip(rates, betas, strict=True)
    ]
    groups = [{"params": [w], **wanted} for w, wanted in zip(together, options, strict=True)]
    optimizer = new(cls, groups[:2])
    feed(optimizer, together[:2], [gradients[0][:2]])
    optimizer.add_param_group(groups[2])
    feed(optimizer, together, gradients[1:])
    for index, (w, start) in enumerate(zip(together, starts, strict=True)):
        own = [[step[index]] for step in gradients[index == 2 :]]
        expected = trained(cls, start, own, rates[index], Hyper(betas[index], HYPER.eps))
        assert_same(cls, w, expected, start, f"in group {index} of {options} as in an optimizer of its own")


def check_lr_followed(cls: OptimizerClass, device: Device = "cpu") -> None:
    """`group["lr"]` is read at each step, as schedulers need it, and nothing moves while it is 0.

    Raises:
        AssertionError: it is not, or something moves.
    """
    start = random(device, 4, 3)
    gradients, (w,) = gradients_for(device, [start]), parameters([start])
    optimizer = new(cls, [w], 10 * RATE)
    optimizer.param_groups[0]["lr"] = RATE
    feed(optimizer, [w], gradients)
    assert_same(cls, w, trained(cls, start, gradients), start, "by the group's lr, not by the constructor's")
    before = w.detach().clone()
    optimizer.param_groups[0]["lr"] = 0.0
    feed(optimizer, [w], gradients)
    require(torch.equal(w.detach(), before), f"{cls.__name__} must not move where the group's lr is 0")


def check_weights_overwritten(cls: OptimizerClass, device: Device = "cpu") -> None:
    """What is written into a weight between steps stays: no copy comes back. lr is 0, so that nothing else moves.

    Raises:
        AssertionError: it does not.
    """
    (w,) = parameters([random(device, 4, 3)])
    gradients, written = gradients_for(device, [w]), random(device, 4, 3, seed=9)
    optimizer = new(cls, [w])
    feed(optimizer, [w], gradients)
    with torch.no_grad():
        w.copy_(written)
    optimizer.param_groups[0]["lr"] = 0.0
    feed(optimizer, [w], gradients)
    require(torch.equal(w.detach(), written), f"{cls.__name__} must keep what was written into a weight")


def check_maximize(cls: OptimizerClass, device: Device = "cpu") -> None:
    """`maximize=True`, if the constructor offers it, is a negated gradient.

    Raises:
        AssertionError: it is not.
    """
    if not offers(cls, "maximize"):
        return
    start = random(device, 4, 3)
    gradients, (up, down) = gradients_for(device, [start]), parameters([start, start])
    feed(new(cls, [up], maximize=True), [up], gradients)
    feed(new(cls, [down], maximize=False), [down], gradients, torch.neg)
    assert_same(cls, up, down, start, "with maximize=True as on negated gradients")


def check_nan_shows(cls: OptimizerClass, device: Device = "cpu") -> None:
    """A NaN in a gradient reaches the weight, or `step` refuses it: it must not pass for a zero.

    Raises:
        AssertionError: the weight is finite after WARM_UP steps, of which the second had the NaN.
    """
    (w,) = parameters([random(device, 6)])
    optimizer, gradients = new(cls, [w]), gradients_for(device, [w], WARM_UP)
    gradients[1][0][2] = torch.nan
    for (g,) in gradients:
        w.grad = g
        try:
            optimizer.step()
        except Exception:
            return
    hidden = bool(w[2].isfinite())
    require(not hidden, f"{cls.__name__} must show a NaN gradient, but the weight is {w[2].item()}")


def check_small_gradients_move(cls: OptimizerClass, device: Device = "cpu") -> None:
    """In half precision a gradient whose square underflows moves a weight from 0, against itself.

    eps is 1/1024, which every dtype represents.

    Raises:
        AssertionError: a weight stays, becomes infinite or NaN, or moves along the gradient.
    """
    for dtype, exponent in ((torch.float16, -13), (torch.bfloat16, -70)):
        g = torch.tensor([1.0, -1.0, 1.5, -1.25], dtype=dtype, device=device) * 2.0**exponent
        w = trained(cls, torch.zeros_like(g), [[g]] * WARM_UP, RATE, Hyper((0.9, 0.99), 2.0**-10))
        require(
            bool((w.isfinite() & (w.sign() == -g.sign())).all()),
            f"{cls.__name__} in {dtype}: {WARM_UP} gradients {g.tolist()} must move weights from 0 against them, "
            f"but the weights are {w.tolist()}",
        )


def check_resumes_bitwise(cls: OptimizerClass, device: Device = "cpu") -> None:
    """Weights and `state_dict`, saved and loaded into a new instance, continue to the same bits.

    Raises:
        AssertionError: they do not.
    """
    for dtype in (torch.float64, torch.float32, torch.bfloat16):
        params = parameters([random(device, 4, 3).to(dtype), random(device, 5).to(dtype)])
        optimizer, gradients = new(cls, params), gradients_for(device, params, 2 * STEPS)
        feed(optimizer, params, gradients[:STEPS])
        others = parameters(params)
        resumed = new(cls, others)
        resumed.load_state_dict(copy.deepcopy(optimizer.state_dict()))
        feed(optimizer, params, gradients[STEPS:])
        feed(resumed, others, gradients[STEPS:])
        for w, expected in zip(others, params, strict=True):
            require(torch.equal(w, expected), f"{cls.__name__} must resume from its state_dict in {dtype}")


def check_copies(cls: OptimizerClass, device: Device = "cpu") -> None:
    """A deep copy and an unpickled optimizer continue to the same bits, on their own copies of the parameters.

    Raises:
        AssertionError: they do not, or the class cannot be copied.
    """
    for how, copied in {"deepcopy": copy.deepcopy, "pickle": _pickled}.items():
        (w,) = parameters([random(device, 4, 3)])
        optimizer, gradients = new(cls, [w]), gradients_for(device, [w], 2 * STEPS)
        feed(optimizer, [w], gradients[:STEPS])
        try:
            twin = copied(optimizer)
        except Exception as error:
            raise AssertionError(f"{cls.__name__} must be copied by {how}, but raised {error!r}") from error
        (other,) = twin.param_groups[0]["params"]
        feed(optimizer, [w], gradients[STEPS:])
        feed(twin, [other], gradients[STEPS:])
        require(torch.equal(w, other), f"{cls.__name__}, copied by {how}, must go on as the original")


def check_closure(cls: OptimizerClass, device: Device = "cpu") -> None:
    """`step(closure)` runs a closure that calls backward, moves by its gradients, and returns its loss.

    Raises:
        AssertionError: it does not, or ends elsewhere than `step()` after that closure.
    """
    start, losses = random(device, 4, 3), []
    inside, before = parameters([start, start])
    given, plain = new(cls, [inside]), new(cls, [before])

    def evaluate(w: Tensor) -> Tensor:
        w.grad = None
        loss = (w**2).sum()
        loss.backward()
        return loss

    def closure() -> Tensor:
        losses.append(evaluate(inside))
        return losses[-1]

    for _ in range(STEPS):
        losses.clear()
        returned = take_step(given, closure)
        require(bool(losses), f"{cls.__name__}.step(closure) must run the closure")
        require(
            returned is not None and torch.as_tensor(returned).item() == losses[0].item(),
            f"{cls.__name__}.step(closure) must return the loss {losses[0].item()}, but returned {returned}",
        )
        evaluate(before)
        take_step(plain)
    assert_same(cls, inside, before, start, "by step(closure) as by the closure and step()")


CHECKS = (
    check_gradient_untouched,
    check_gradient_not_kept,
    check_missing_gradient_skipped,
    check_missing_gradient_among_others,
    check_late_gradient,
    check_parameters_apart,
    check_many_parameters,
    check_dtypes_apart,
    check_instances_apart,
    check_coordinates_alike,
    check_parameter_layout,
    check_gradient_layout,
    check_groups_apart,
    check_lr_followed,
    check_weights_overwritten,
    check_maximize,
    check_nan_shows,
    check_small_gradients_move,
    check_resumes_bitwise,
    check_copies,
    check_closure,
)


def broken_promises(cls: OptimizerClass, device: Device = "cpu") -> dict[str, str]:
    """Name of each check that the class fails -> what was expected; empty if it passes all."""
    found = {}
    for check in CHECKS:
        try:
            check(cls, device)
        except AssertionError as failure:
            found[check.__name__] = str(failure)
    return found


def _transposed(x: Tensor) -> Tensor:
    return x.T.contiguous().T


def _with_holes(x: Tensor) -> Tensor:
    return torch.stack([x, torch.full_like(x, 7.0)], -1)[..., 0]


def _at_an_offset(x: Tensor) -> Tensor:
    return torch.cat([torch.full_like(x[:1], 7.0), x])[1:]


def _expanded(x: Tensor) -> Tensor:
    return x[:1].expand_as(x)


LAYOUTS: dict[str, Layout] = {
    "transposed": _transposed,
    "with holes between its elements": _with_holes,
    "at an offset in its storage": _at_an_offset,
}


def _same_in_layout(
    cls: OptimizerClass, device: Device, of_parameter: Layout, of_gradient: Layout, what: str
) -> None:
    """A matrix and its gradients in those layouts move as contiguous ones of the same values."""
    start = random(device, 12, 5)
    gradients = gradients_for(device, [start])
    w = torch.nn.Parameter(of_parameter(start.clone()))
    feed(new(cls, [w]), [w], gradients, of_gradient)
    (expected,) = parameters([start])
    feed(new(cls, [expected]), [expected], gradients, lambda g: of_gradient(g).contiguous())
    assert_same(cls, w, expected, start, f"{what} as in contiguous memory")


def _pickled(optimizer: torch.optim.Optimizer) -> torch.optim.Optimizer:
    return pickle.loads(pickle.dumps(optimizer))
