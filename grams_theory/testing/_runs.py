"""Small runs of an optimizer, and the ways in which two of them must end alike."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter

from grams_theory.engine.production import Hyper, OptimizerClass, build

Device = str | torch.device
Gradients = Sequence[Sequence[Tensor | None]]
"""For each step the gradients of all parameters."""
Layout = Callable[[Tensor], Tensor]
"""What a gradient becomes before it is given to a parameter."""

RATE, HYPER = 2.0**-6, Hyper((0.9, 0.99), 1e-8)
STEPS = 3
WARM_UP = 8
"""Steps by which any optimizer moves that begins with smaller steps or with none."""
ROUNDINGS = 2**10
"""Of a weight and of the largest move: far more than another order of operations costs in a few steps."""


def require(kept: bool, promise: str) -> None:
    """Raise AssertionError with that message unless the promise is kept, under `python -O` as well."""
    if not kept:
        raise AssertionError(promise)


def random(device: Device, *shape: int, seed: int = 0) -> Tensor:
    """Normal numbers in float64, the same on every device."""
    gen = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=gen, dtype=torch.float64).to(device)


def gradients_for(device: Device, tensors: Sequence[Tensor], steps: int = STEPS) -> list[list[Tensor]]:
    """Normal gradients of the tensors' shapes and dtypes for each step."""
    drawn = [random(device, steps, *x.shape, seed=100 + i).to(x.dtype) for i, x in enumerate(tensors)]
    return [list(step) for step in zip(*drawn, strict=True)]


def parameters(starts: Iterable[Tensor]) -> list[Parameter]:
    """Parameters that start there, in contiguous memory of their own."""
    return [Parameter(start.detach().clone(memory_format=torch.contiguous_format)) for start in starts]


def offers(cls: OptimizerClass, *names: str) -> bool:
    """Whether the constructor has arguments of these names."""
    return set(names) <= inspect.signature(cls.__init__).parameters.keys()


def new(
    cls: OptimizerClass, params: list[Any], lr: float = RATE, hyper: Hyper = HYPER, **options: Any
) -> torch.optim.Optimizer:
    """An instance with those hyperparameters; or with its own but for lr and for the options, if there are any."""
    if not options:
        return build(cls, params, lr, hyper)
    return cls(params, **({"lr": lr} if offers(cls, "lr") else {}), **options)


def take_step(optimizer: torch.optim.Optimizer, *closure: Callable[[], Any]) -> Any:
    """`optimizer.step()`, whose failures break a promise.

    Raises:
        AssertionError: it raised anything.
    """
    try:
        return optimizer.step(*closure)
    except Exception as error:
        raise AssertionError(f"{type(optimizer).__name__}.step raised {error!r}") from error


def feed(
    optimizer: torch.optim.Optimizer,
    params: Sequence[Parameter],
    gradients: Gradients,
    layout: Layout = torch.clone,
) -> None:
    """One step on each entry of `gradients`, in fresh memory."""
    for step in gradients:
        for w, g in zip(params, step, strict=True):
            w.grad = None if g is None else layout(g.clone())
        take_step(optimizer)


def trained(
    cls: OptimizerClass, start: Tensor, gradients: Gradients, lr: float = RATE, hyper: Hyper = HYPER
) -> Parameter:
    """A parameter that started there, after a run of its own on each gradient that is not None."""
    (w,) = parameters([start])
    feed(new(cls, [w], lr, hyper), [w], [step for step in gradients if step[0] is not None])
    return w


def assert_same(cls: OptimizerClass, actual: Tensor, expected: Tensor, start: Tensor, where: str) -> None:
    """Both ends are the same within ROUNDINGS roundings of the weights and of the largest move.

    Raises:
        AssertionError: they are not.
    """
    if not expected.numel():
        return
    actual, expected = actual.detach(), expected.detach()
    unit = torch.finfo(expected.dtype).eps / 2
    allowed = ROUNDINGS * unit * (expected.abs() + (expected - start).abs().max())
    distance = (actual - expected).abs()
    if not bool((distance <= allowed).all()):
        worst = int((distance - allowed).nan_to_num(nan=torch.inf).argmax())
        raise AssertionError(
            f"{cls.__name__} must move {where}: flat index {worst} of {tuple(expected.shape)} started at "
            f"{start.flatten()[worst].item():.9g} and came to {actual.flatten()[worst].item():.9g}, "
            f"not to {expected.flatten()[worst].item():.9g}"
        )


def assert_as_if_alone(
    cls: OptimizerClass, starts: Sequence[Tensor], gradients: Gradients, where: str
) -> None:
    """Parameters in one optimizer end where each ends in an optimizer of its own.

    Raises:
        AssertionError: one of them does not.
    """
    together = parameters(starts)
    feed(new(cls, together), together, gradients)
    for index, (w, start) in enumerate(zip(together, starts, strict=True)):
        alone = trained(cls, start, [[step[index]] for step in gradients])
        assert_same(cls, w, alone, start, f"parameter {index} {where} as it moves alone")
