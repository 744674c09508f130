"""An optimizer just before a step, to be compared with the same just after it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from grams_theory.optim._alignment import Movement, adam, adam_constants, add_up, lion
from grams_theory.optim._base import RuleOptimizer
from grams_theory.optim._tensors import as_real

Number = Tensor | float
LossNow = Callable[[], Number]


@dataclass
class Observation:
    """One step. Tensors stay where they were computed; lists have one entry per parameter group."""

    step: int
    lr: list[Number]
    uphill: list[int]
    """-1 where the group maximizes, else 1: g in `sums` is this times p.grad."""
    sums: list[list[Tensor]]
    """`Sums`, one per device that the group has gradients on."""
    loss_scale: Number
    """g in `sums` is this times the gradient of the loss."""
    loss: Number | None
    loss_after: Number | None


class Snapshot:
    """Copies of the weights that are trained, and of the moments that are overwritten before they can be read."""

    def __init__(self, optimizer: Optimizer, evaluate: LossNow | None) -> None:
        self.optimizer = optimizer
        trained = [p for group in optimizer.param_groups for p in group["params"] if p.requires_grad]
        self.weights = {p: p.detach().clone() for p in trained}
        self.momentum = {p: self._state(p)["exp_avg"].clone() for p in trained if _keeps_lion(self._state(p))}
        self.loss = None if evaluate is None else Evaluation(evaluate, (p.device for p in trained))

    @torch.no_grad()
    def compare(self, step: int) -> Observation:
        """What the step did to the parameters that have a gradient now."""
        groups = self.optimizer.param_groups
        return Observation(
            step=step,
            lr=[_copy(group["lr"]) for group in groups],
            uphill=[_uphill(group) for group in groups],
            sums=[add_up(self._movements(group)) for group in groups],
            loss_scale=self._loss_scale(),
            loss=None if self.loss is None else self.loss.value,
            loss_after=None if self.loss is None else self.loss.again(),
        )

    def _state(self, p: Tensor) -> dict[str, Any]:
        return self.optimizer.state.get(p, {})

    def _movements(self, group: dict[str, Any]) -> Iterator[Movement]:
        for p in group["params"]:
            state = self._state(p)
            if p.grad is None or p not in self.weights or not state:
                continue
            g = as_real(p.grad if _uphill(group) > 0 else -p.grad)
            base = self._lion(p, group) if _keeps_lion(state) else adam_of(state, group)
            yield Movement(g, as_real(self.weights[p]), as_real(p), *base)

    def _lion(self, p: Tensor, group: dict[str, Any]) -> tuple[Any, ...]:
        m = self.momentum[p] if p in self.momentum else torch.zeros_like(p)
        return lion, (as_real(m),), (float(group["betas"][0]),)

    def _loss_scale(self) -> Number:
        """torch's fused optimizers divide p.grad by GradScaler's scale in place, ours only read it."""
        scale = getattr(self.optimizer, "grad_scale", None)
        return _copy(scale) if scale is not None and isinstance(self.optimizer, RuleOptimizer) else 1.0


class Evaluation:
    """A loss at two points of time, without gradients and with the same random numbers, which are then put back."""

    def __init__(self, evaluate: LossNow, devices: Iterable[torch.device]) -> None:
        self.evaluate = evaluate
        self.accelerators = sorted({device for device in devices if device.type != "cpu"}, key=str)
        kind = self.accelerators[0].type if self.accelerators else "cuda"
        self.fork = {"devices": self.accelerators, "device_type": kind}
        self.module = torch.get_device_module(kind)
        self.state = torch.get_rng_state()
        self.states = [self.module.get_rng_state(device) for device in self.accelerators]
        self.value = self.again()

    def again(self) -> Number:
        with torch.random.fork_rng(**self.fork), torch.no_grad():
            torch.set_rng_state(self.state)
            for state, device in zip(self.states, self.accelerators, strict=True):
                self.module.set_rng_state(state, device)
            return _copy(self.evaluate())


def adam_of(state: dict[str, Any], group: dict[str, Any]) -> tuple[Any, ...]:
    """(base_step, moments, constants) of a `Movement`, from what an optimizer keeps of one parameter."""
    m = as_real(state["exp_avg"])
    v = as_real(state["max_exp_avg_sq" if group.get("amsgrad") else "exp_avg_sq"])
    t = _number(state["step"] if "step" in state else group["step"])
    constants = adam_constants(t, tuple(map(_number, group["betas"])), group["eps"])
    if not any(isinstance(number, Tensor) for number in constants):
        return adam, (m, v), constants
    wide = torch.promote_types(m.dtype, torch.float32)
    spread = (torch.as_tensor(x, dtype=wide, device=m.device).expand_as(m) for x in constants)
    return adam, (m, v, *spread), ()


def refuse_other_moments(optimizer: Optimizer) -> bool:
    """Raise TypeError for a parameter with a gradient whose state does not tell its base step; is there any?"""
    name = type(optimizer).__name__
    moved = [p for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
    for p in moved:
        state = optimizer.state.get(p, {})
        if hasattr(p, "to_local"):
            raise TypeError(f"watch does not read distributed parameters (DTensor), such as {name} has here")
        if p.grad.layout is not torch.strided:
            raise TypeError(f"watch needs dense gradients; {name} was given one of layout {p.grad.layout}")
        if not keeps_adam(state) and not _keeps_lion(state):
            kept = ", ".join(sorted(state)) or "nothing"
            raise TypeError(
                f"{name} keeps {kept} of a parameter; watch needs exp_avg and exp_avg_sq, as Adam's family keeps, "
                "or exp_avg alone, as Lion does"
            )
    return bool(moved)


def keeps_adam(state: dict[str, Any]) -> bool:
    return "exp_avg" in state and "exp_avg_sq" in state


def _keeps_lion(state: dict[str, Any]) -> bool:
    return "exp_avg" in state and set(state) <= {"exp_avg", "step"}


def _uphill(group: dict[str, Any]) -> int:
    return -1 if group.get("maximize") else 1


def _number(x: Number) -> Number:
    """A float where that costs no waiting."""
    return x.item() if isinstance(x, Tensor) and x.device.type == "cpu" else x


def _copy(x: Number) -> Number:
    return x.detach().clone() if isinstance(x, Tensor) else x
