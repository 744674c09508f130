"""A run of an optimizer on an objective, observed: loss, gradient norm and alignment at every visited point."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from grams_theory.core.errors import UsageError
from grams_theory.landscape.alignment import AdamDirection, Alignment, align, align_groups
from grams_theory.landscape.objective import Objective
from grams_theory.landscape.progress import Progress, Stage

Factory = Callable[..., torch.optim.Optimizer]
"""parameters -> optimizer, such as a torch.optim class or `lambda params: Grams(params, lr=1e-3)`."""
ROUNDING = 1e3
"""A difference of losses below this many eps |f| is taken for rounding error."""
ERROR = 10
"""f is taken to carry at most this many eps |f|: a gap of at least ROUNDING eps |f| is good to one percent."""


@dataclass(frozen=True)
class Checkpoint:
    """A visited point that is looked at again after the run; vectors of shape (D,)."""

    index: int
    w: Tensor
    u: Tensor
    """Adam's update there, from the run's gradients."""
    step: Tensor | None
    """The step that was taken from there; None at the end of the run."""


@dataclass(frozen=True)
class Move:
    """‖Δw‖ and ‖Δ∇f‖ of a step."""

    length: float
    gradient_change: float


@dataclass(frozen=True)
class Trajectory:
    """What was seen at the T visited points w_1, ..., w_T (T >= 1)."""

    f: tuple[float, ...]
    grad_norm: tuple[float, ...]
    alignment: tuple[Alignment | None, ...]
    checkpoints: tuple[Checkpoint, ...]
    method: str
    """How the points were visited, in words."""
    optimizer: str | None = None
    """The class that made the steps; None for gradient descent with steps of 1/L."""
    groups: Mapping[str, tuple[Alignment | None, ...]] = field(default_factory=dict)
    """Group of parameters -> the alignment within it at every visited point."""
    distance: tuple[float, ...] = ()
    """‖w_t − w_1‖."""
    moves: tuple[Move, ...] = ()
    """The T − 1 steps."""
    lr: float | None = None
    """Of the optimizer; None for steps of 1/L."""
    betas: tuple[float, float] = (0.9, 0.999)
    """Of Adam's update u: the optimizer's own if it has betas and eps, else the defaults of Adam."""
    eps: float = 1e-8
    """Of Adam's update u."""
    u: str = "Adam's from the run's gradients"
    """Where the update u comes from."""
    steps: tuple[int, ...] = ()
    """Before which step each point was visited, where not all were; the first is 1."""
    unit: float = 2.0**-23
    """eps of the dtype that f was computed in."""
    start_norm: float = 0.0
    """‖w_1‖."""

    def number(self, index: int) -> int:
        """Of the step before which a point was visited."""
        return self.steps[index] if self.steps else index + 1


_OPTIONAL = inspect.Parameter("closure", inspect.Parameter.KEYWORD_ONLY, default=None)
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


@dataclass(frozen=True)
class _Method:
    step: Step
    name: str
    optimizer: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    """The optimizer's own, such as lr, betas and eps."""


def _method(objective: Objective, optimizer: Factory | None, lr: float | None, smoothness: float) -> _Method:
    if isinstance(optimizer, torch.optim.Optimizer):
        name = type(optimizer).__name__
        raise UsageError(
            f"optimizer is bound to your own parameters, and the run uses a copy; pass a factory such as "
            f"lambda params: {name}(params, lr=...)"
        )
    if lr is not None and not (math.isfinite(lr) and lr > 0):
        raise UsageError(f"{lr=} must be positive and finite")
    if optimizer is None and lr is None:
        return _Method(GradientDescent(objective, smoothness), "gradient descent with step 1/L")
    factory = torch.optim.SGD if optimizer is None else optimizer
    try:
        made = factory(objective.parameters) if lr is None else factory(objective.parameters, lr=lr)
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"the optimizer cannot be made: {error}; its factory is called with the parameters"
            + (" alone, give lr if it needs one" if lr is None else " and lr")
        ) from error
    if inspect.signature(made.step).parameters.get("closure", _OPTIONAL).default is inspect.Parameter.empty:
        raise UsageError(f"{type(made).__name__} needs a closure, and a run gives each point's gradient once")
    kind, options = type(made).__name__, made.param_groups[0]
    name = "gradient descent" if optimizer is None else kind
    return _Method(lambda f, g: made.step(), f"{name} with lr {options.get('lr')}", kind, options)


def descend(
    objective: Objective,
    steps: int,
    *,
    optimizer: Factory | None = None,
    lr: float | None = None,
    smoothness: float = 0.0,
    checkpoints: int = 3,
    progress: Progress | None = None,
) -> Trajectory:
    """Visit `steps` points from the objective's present weights, all with exact gradients.

    Args:
        checkpoints: how many points are kept, evenly spaced from the first to the last.

    Raises:
        UsageError: bad arguments, or a loss or gradient that is not finite (the message names step and parameter).
    """
    if steps < 1:
        raise UsageError(f"{steps=} must be at least 1")
    if checkpoints < 1:
        raise UsageError(f"{checkpoints=} must be at least 1")
    method = _method(objective, optimizer, lr, smoothness)
    seen = _Observer(objective, method, _spaced(steps, checkpoints))
    visited = Stage(progress, "points visited", steps)
    for t in range(steps):
        value, g = objective.value_and_gradient()
        seen.visit(t, value, g)
        if t < steps - 1:
            method.step(value, g)
            seen.moved(t)
        visited()
    return seen.trajectory(f"{steps} points of {method.name}")


def _spaced(steps: int, count: int) -> set[int]:
    return {i * (steps - 1) // max(count - 1, 1) for i in range(count)}


def _norm(v: Tensor) -> float:
    return v.double().norm().item()


class _Observer:
    """Collects a trajectory point by point."""

    def __init__(self, objective: Objective, method: _Method, keep: set[int]) -> None:
        self.objective, self.method, self.keep = objective, method, keep
        own = method.options if {"betas", "eps"} <= method.options.keys() else {}
        self.adam = AdamDirection(**{name: own[name] for name in ("betas", "eps") if own})
        self.f: list[float] = []
        self.norms: list[float] = []
        self.alignments: list[Alignment | None] = []
        self.groups: dict[str, list[Alignment | None]] = {name: [] for name in objective.groups}
        self.distance: list[float] = []
        self.moves: list[Move] = []
        self.checkpoints: list[Checkpoint] = []
        self.start = self.w = objective.w
        self.g: Tensor | None = None
        self.step: Tensor | None = None

    def visit(self, t: int, value: float, g: Tensor) -> None:
        norm = _norm(g)
        if not (math.isfinite(value) and math.isfinite(norm)):
            raise UsageError(self._diverged(t, value))
        u = self.adam(g)
        self.f.append(value)
        self.norms.append(norm)
        self.alignments.append(align(g, u))
        for name, found in align_groups(g, u, self.objective.groups).items():
            self.groups[name].append(found)
        self.distance.append(_norm(self.w - self.start))
        if self.g is not None and self.step is not None:
            self.moves.append(Move(_norm(self.step), _norm(g - self.g)))
        self.g = g
        if t in self.keep:
            self.checkpoints.append(Checkpoint(t, self.w, u, None))

    def moved(self, t: int) -> None:
        before, self.w = self.w, self.objective.w
        self.step = self.w - before
        if t in self.keep:
            last = self.checkpoints[-1]
            self.checkpoints[-1] = replace(last, step=self.step)

    def trajectory(self, method: str) -> Trajectory:
        lr = self.method.options.get("lr")
        return Trajectory(
            tuple(self.f),
            tuple(self.norms),
            tuple(self.alignments),
            tuple(self.checkpoints),
            method,
            self.method.optimizer,
            {name: tuple(found) for name, found in self.groups.items()},
            tuple(self.distance),
            tuple(self.moves),
            None if lr is None else float(lr),
            self.adam.betas,
            self.adam.eps,
            unit=self.objective.eps,
            start_norm=_norm(self.start),
        )

    def _diverged(self, t: int, value: float) -> str:
        name = self.objective.broken_parameter()
        what = f"the loss is {value}" if not math.isfinite(value) else "the gradient is not finite"
        where = "" if name is None else f", first in parameter {name!r}"
        before = "at the starting weights" if not self.f else f"the loss before was {self.f[-1]:.6g}"
        return f"{what} at step {t + 1}{where} ({before}; {self.method.name}); check the data or use a smaller lr"
