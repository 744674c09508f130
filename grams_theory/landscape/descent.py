"""A run of an optimizer on an objective, observed: loss, gradient norm and alignment at every visited point."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from grams_theory.core.errors import UsageError
from grams_theory.landscape.alignment import AdamDirection, Alignment, align
from grams_theory.landscape.objective import Objective

Factory = Callable[..., torch.optim.Optimizer]
"""parameters -> optimizer, such as a torch.optim class or `lambda params: Grams(params, lr=1e-3)`."""
Progress = Callable[[int, int], None]
ROUNDING = 1e3
"""A difference of losses below this many eps |f| is taken for rounding error."""


@dataclass(frozen=True)
class Trajectory:
    """What was seen at the T visited points w_1, ..., w_T (T >= 1)."""

    f: tuple[float, ...]
    grad_norm: tuple[float, ...]
    alignment: tuple[Alignment | None, ...]
    checkpoints: tuple[tuple[int, Tensor], ...]
    """(index, weights) of the first, the middle and the last point."""
    method: str


Step = Callable[[float, Tensor], None]
"""Moves the objective's weights, given f and the gradient there."""


class GradientDescent:
    """Steps of 1/L; L doubles until f falls by at least ‖g‖²/(2L), as it must if L bounds the curvature.

    A fall that rounding could hide (below 1000 eps |f|) is not asked for.
    """

    def __init__(self, objective: Objective, smoothness: float) -> None:
        self.objective, self.smoothness = objective, smoothness if smoothness > 0 else 1.0

    def __call__(self, f: float, g: Tensor) -> None:
        w, norm2 = self.objective.w, g.double().square().sum().item()
        while True:
            self.objective.move_to(w - g / self.smoothness)
            fall = norm2 / (2 * self.smoothness)
            if fall <= ROUNDING * self.objective.eps * abs(f) or self.objective.value() <= f - fall:
                return
            self.smoothness *= 2


def _start(
    objective: Objective, optimizer: Factory | None, lr: float | None, smoothness: float
) -> tuple[Step, str]:
    if isinstance(optimizer, torch.optim.Optimizer):
        name = type(optimizer).__name__
        raise UsageError(
            f"optimizer is bound to your own parameters, and the run uses a copy; pass a factory such as "
            f"lambda params: {name}(params, lr=...)"
        )
    if lr is not None and not (math.isfinite(lr) and lr > 0):
        raise UsageError(f"{lr=} must be positive and finite")
    if optimizer is None and lr is None:
        return GradientDescent(objective, smoothness), "gradient descent with step 1/L"
    factory = torch.optim.SGD if optimizer is None else optimizer
    made = factory(objective.parameters) if lr is None else factory(objective.parameters, lr=lr)
    name = "gradient descent" if optimizer is None else type(made).__name__
    return lambda f, g: made.step(), f"{name} with lr {made.param_groups[0].get('lr')}"


def descend(
    objective: Objective,
    steps: int,
    *,
    optimizer: Factory | None = None,
    lr: float | None = None,
    smoothness: float = 0.0,
    progress: Progress | None = None,
) -> Trajectory:
    """Visit `steps` points from the objective's present weights, all with exact gradients.

    Raises:
        UsageError: bad arguments, or a loss or gradient that is not finite (the message names step and parameter).
    """
    if steps < 1:
        raise UsageError(f"{steps=} must be at least 1")
    step, method = _start(objective, optimizer, lr, smoothness)
    adam = AdamDirection()
    f, norms, alignments, checkpoints = [], [], [], []
    keep = {0, (steps - 1) // 2, steps - 1}
    for t in range(steps):
        value, g = objective.value_and_gradient()
        norm = g.double().norm().item()
        if not (math.isfinite(value) and math.isfinite(norm)):
            raise UsageError(_diverged(objective, t, value, f, method))
        f.append(value)
        norms.append(norm)
        alignments.append(align(g, adam(g)))
        if t in keep:
            checkpoints.append((t, objective.w))
        if t < steps - 1:
            step(value, g)
        if progress is not None:
            progress(t + 1, steps)
    return Trajectory(
        tuple(f), tuple(norms), tuple(alignments), tuple(checkpoints), f"{steps} points of {method}"
    )


def _diverged(objective: Objective, t: int, value: float, f: list[float], method: str) -> str:
    name = objective.broken_parameter()
    what = f"the loss is {value}" if not math.isfinite(value) else "the gradient is not finite"
    where = "" if name is None else f", first in parameter {name!r}"
    before = "at the starting weights" if not f else f"the loss before was {f[-1]:.6g}"
    return f"{what} at step {t + 1}{where} ({before}; {method}); check the data or use a smaller lr"
