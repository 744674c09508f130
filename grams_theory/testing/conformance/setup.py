"""One optimizer as a check gets it: an implementation, a device, a dtype, and the small runs it is put through."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter
from torch.optim import Optimizer

from grams_theory.engine.production import Hyper, refused
from grams_theory.testing.conformance.description import Description
from grams_theory.testing.conformance.marks import skip

Gradients = Sequence[Sequence[Tensor | None]]
"""For each step the gradients of all parameters."""
Layout = Callable[[Tensor], Tensor]
"""What a gradient becomes before it is given to a parameter."""

CPU = torch.device("cpu")
RATE, HYPER = 2.0**-6, Hyper((0.9, 0.99), 1e-8)
STEPS = 3
WARM_UP = 8
"""Steps by which any optimizer moves that begins with smaller steps or with none."""
ROUNDINGS = 2**10
"""Of a weight and of the largest move: far more than another order of operations costs in a few steps."""
OPERATIONS = 32
"""That a value passes in STEPS steps of low precision: 3 on each moment a step, and some 12 from moments to a move."""


@dataclass(frozen=True)
class Setup:
    """What a check runs on. Numbers are of `dtype`, and the same on every device."""

    optimizer: Description
    implementation: str = "loop"
    device: torch.device = CPU
    dtype: torch.dtype = torch.float64

    @property
    def name(self) -> str:
        return self.optimizer.name

    @property
    def known(self) -> Mapping[str, Any]:
        return self.optimizer.known

    def offers(self, *names: str) -> bool:
        """Whether the constructor has arguments of these names."""
        return self.optimizer.offers(*names)

    def by(self, implementation: str) -> Setup:
        """The same with another implementation."""
        return replace(self, implementation=implementation)

    @property
    def roundings(self) -> float:
        """Of this dtype, within which this implementation may differ from the loop.

        A capturable or differentiable step counts in single precision, and rounds its bias correction there.
        """
        single = self.implementation in ("capturable", "differentiable")
        return self.roundings_of_a_tensor_lr if single else ROUNDINGS

    @property
    def roundings_of_a_tensor_lr(self) -> float:
        """Of this dtype, where numbers became tensors, which meet a step count in single precision."""
        return ROUNDINGS * max(1.0, torch.finfo(torch.float32).eps / torch.finfo(self.dtype).eps)

    def random(self, *shape: int, seed: int = 0) -> Tensor:
        """Normal numbers."""
        gen = torch.Generator().manual_seed(seed)
        drawn = torch.randn(shape, generator=gen, dtype=torch.float64)
        return drawn.to(self.device, self.dtype)

    def gradients(self, tensors: Sequence[Tensor], steps: int = STEPS) -> list[list[Tensor]]:
        """Normal gradients of the tensors' shapes and dtypes for each step."""
        drawn = [
            replace(self, dtype=torch.float64).random(steps, *x.shape, seed=100 + i).to(x.device, x.dtype)
            for i, x in enumerate(tensors)
        ]
        return [list(step) for step in zip(*drawn, strict=True)]

    def parameters(self, starts: Iterable[Tensor]) -> list[Parameter]:
        """Parameters that start there, in contiguous memory of their own.

        A differentiable step moves no leaf that requires a gradient, so that then they require none.
        """
        return [
            self.parameter(start.detach().clone(memory_format=torch.contiguous_format)) for start in starts
        ]

    def parameter(self, x: Tensor) -> Parameter:
        """A parameter in the memory of x."""
        return Parameter(x, requires_grad=self.implementation != "differentiable")

    def leaves_needed(self) -> None:
        """Raise NotApplicable where steps cannot move parameters that require gradients."""
        if self.implementation == "differentiable":
            skip("a differentiable step moves no leaf that requires a gradient")

    def new(self, params: Iterable[Any], lr: Any = RATE, hyper: Hyper = HYPER, **options: Any) -> Optimizer:
        """An instance with that step size, those hyperparameters and options, as far as its constructor knows them.

        Raises:
            UsageError: it refused them, or has no such implementation.
        """
        flags = self.optimizer.flags(self.implementation)
        wanted = {
            **self.optimizer.numbers(hyper),
            **flags,
            **({"lr": lr} if self.offers("lr") else {}),
            **options,
        }
        try:
            return self.optimizer.cls(params, **wanted)
        except (TypeError, ValueError, RuntimeError) as error:
            raise refused(self.optimizer.cls, wanted, error) from error


def require(kept: bool, promise: str) -> None:
    """Raise AssertionError with that message unless the promise is kept, under `python -O` as well."""
    if not kept:
        raise AssertionError(promise)


def take_step(optimizer: Optimizer, *closure: Callable[[], Any]) -> Any:
    """`optimizer.step()`, whose failures break a promise.

    Raises:
        AssertionError: it raised anything.
    """
    try:
        return optimizer.step(*closure)
    except Exception as error:
        raise AssertionError(f"{type(optimizer).__name__}.step raised {error!r}") from error


def feed(
    optimizer: Optimizer, params: Sequence[Tensor], gradients: Gradients, layout: Layout = torch.clone
) -> None:
    """One step on each entry of `gradients`, in fresh memory."""
    for step in gradients:
        for w, g in zip(params, step, strict=True):
            w.grad = None if g is None else layout(g.clone())
        take_step(optimizer)


def trained(
    s: Setup,
    start: Tensor,
    gradients: Gradients,
    lr: float = RATE,
    hyper: Hyper = HYPER,
    **options: Any,
) -> Parameter:
    """A parameter that started there, after a run of its own on each gradient that is not None."""
    (w,) = s.parameters([start])
    feed(s.new([w], lr, hyper, **options), [w], [step for step in gradients if step[0] is not None])
    return w


def copied_state(optimizer: Optimizer, w: Tensor) -> dict[str, Any]:
    """A copy of what the optimizer remembers of a parameter."""
    state = optimizer.state[w]
    return {name: value.clone() if isinstance(value, Tensor) else value for name, value in state.items()}


def assert_same(
    s: Setup, actual: Tensor, expected: Tensor, start: Tensor, where: str, roundings: float = ROUNDINGS
) -> None:
    """Both ends are the same within so many roundings of the weights and of the largest move.

    Raises:
        AssertionError: they are not.
    """
    if not expected.numel():
        return
    actual, expected = actual.detach(), expected.detach()
    unit = torch.finfo(expected.dtype).eps / 2
    exact = expected.double()
    allowed = roundings * unit * (exact.abs() + (exact - start.double()).abs().max())
    distance = (actual.double() - exact).abs()
    if not bool((distance <= allowed).all()):
        worst = int((distance - allowed).nan_to_num(nan=torch.inf).argmax())
        raise AssertionError(
            f"{s.name} must move {where}: flat index {worst} of {tuple(expected.shape)} started at "
            f"{start.flatten()[worst].item():.9g} and came to {actual.flatten()[worst].item():.9g}, "
            f"not to {expected.flatten()[worst].item():.9g}"
        )


def assert_as_if_alone(s: Setup, starts: Sequence[Tensor], gradients: Gradients, where: str) -> None:
    """Parameters in one optimizer end where each ends in an optimizer of its own.

    Raises:
        AssertionError: one of them does not.
    """
    if s.optimizer.couples_parameters:
        skip("it couples its parameters")
    together = s.parameters(starts)
    feed(s.new(together), together, gradients)
    for index, (w, start) in enumerate(zip(together, starts, strict=True)):
        alone = trained(s, start, [[step[index]] for step in gradients])
        assert_same(s, w, alone, start, f"parameter {index} {where} as it moves alone")
