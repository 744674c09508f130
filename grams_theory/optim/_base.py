"""What every optimizer of this package shares: validation, state, and the choice between loop and foreach."""

from __future__ import annotations

from abc import abstractmethod
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.optim import Optimizer

from grams_theory.optim._tensors import Tensors
from grams_theory.optim.rule import Array

FOREACH_DEVICES = ("cuda", "xpu")


class RuleOptimizer(Optimizer):
    """A `torch.optim.Optimizer` around a rule of `grams_theory.optim.rule`.

    A subclass names its moments and applies its rule in `_move_`. State per parameter: `step` (a float32 0-d
    tensor, on the CPU unless capturable) and one tensor per moment, with the parameter's shape and dtype.

    Gradients are only read. A parameter whose gradient is None is left alone, its step count too. Complex
    parameters are treated as pairs of reals.

    Raises:
        ValueError: for a hyperparameter out of range, NaN included.
        RuntimeError: in `step`, for a sparse gradient.
    """

    moments: ClassVar[tuple[str, ...]]

    @property
    def coordinatewise(self) -> bool:
        """Whether each coordinate moves by its own history alone: a (B, D) parameter is B separate runs."""
        return True

    @abstractmethod
    def _move_(
        self, w: Array, g: Array, *moments: Array, t: Any, lr: float | Tensor, group: dict[str, Any]
    ) -> None:
        """Apply the rule in place. t is the step count, of a kind that `rule.bias` takes."""

    def _check(self, group: dict[str, Any]) -> None:
        """Raise ValueError if a hyperparameter of the group is out of range."""
        lr = group["lr"]
        if isinstance(lr, Tensor):
            if lr.numel() != 1:
                raise ValueError(f"lr must have 1 element, got a tensor of shape {tuple(lr.shape)}")
            lr = lr.item()
        at_least_zero("lr", lr)
        at_least_zero("weight_decay", group["weight_decay"])
        if len(group["betas"]) != 2:
            raise ValueError(f"betas={group['betas']} must be two numbers")
        for index, beta in enumerate(group["betas"]):
            if isinstance(beta, Tensor):
                raise ValueError(f"betas[{index}] must be a float, got a tensor")
            if not 0 <= beta < 1:
                raise ValueError(f"betas[{index}]={beta} must be in [0, 1)")
        if group["foreach"] and group["differentiable"]:
            raise ValueError("foreach=True and differentiable=True exclude each other; use foreach=None")

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        self._check({**self.defaults, **param_group})
        super().add_param_group(param_group)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:
            for name, value in self.defaults.items():
                group.setdefault(name, value)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """One step on every parameter that has a gradient. Returns the loss of `closure`, if there is one."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            with torch.set_grad_enabled(group["differentiable"]):
                self._step_group(group)
        return loss

    def _step_group(self, group: dict[str, Any]) -> None:
        params = [p for p in group["params"] if p.grad is not None]
        if not params:
            return
        _refuse_bad_capture(params, group)
        rows = [self._row(p, group) for p in params]
        if _use_foreach(params, group):
            for bundle in _by_device_and_dtype(rows):
                self._apply_(*map(Tensors, zip(*bundle, strict=True)), group=group)
        else:
            for row in rows:
                self._apply_(*row, group=group)

    def _row(self, p: Tensor, group: dict[str, Any]) -> list[Tensor]:
        """[w, g, step, *moments] of one parameter, complex tensors as real views."""
        g, state = p.grad, self.state[p]
        assert g is not None
        if g.layout is not torch.strided:
            name = type(self).__name__
            raise RuntimeError(
                f"{name} does not support sparse gradients; use torch.optim.SparseAdam or dense gradients"
            )
        if not state:
            state["step"] = torch.zeros(
                (), dtype=torch.float32, device=p.device if group["capturable"] else "cpu"
            )
            for name in self.moments:
                state[name] = torch.zeros_like(p, memory_format=torch.preserve_format)
        w, g, *moments = map(_as_real, (p, g, *(state[name] for name in self.moments)))
        return [w, g, state["step"], *moments]

    def _apply_(self, w: Array, g: Array, step: Array, *moments: Array, group: dict[str, Any]) -> None:
        step.add_(1)
        on_device = group["capturable"] or group["differentiable"] or torch.compiler.is_compiling()
        t, lr = step, group["lr"]
        if isinstance(lr, Tensor):
            lr = lr.reshape(()) if on_device else lr.item()
        if not on_device:
            t = step.tolist()
        self._move_(w, g.neg() if group["maximize"] else g, *moments, t=t, lr=lr, group=group)


def at_least_zero(name: str, value: float) -> None:
    """Raise ValueError unless value >= 0 (NaN is not)."""
    if not value >= 0:
        raise ValueError(f"{name}={value} must be >= 0")


def _use_foreach(params: Sequence[Tensor], group: dict[str, Any]) -> bool:
    """torch.optim's default: foreach where all parameters are plain tensors on an accelerator."""
    if group["foreach"] is not None:
        return group["foreach"]
    plain = all(type(p) in (Tensor, torch.nn.Parameter) and p.device.type in FOREACH_DEVICES for p in params)
    return plain and not group["differentiable"]


def _by_device_and_dtype(rows: list[list[Tensor]]) -> list[list[list[Tensor]]]:
    """Rows whose first tensors share device and dtype, together."""
    bundles = defaultdict(list)
    for row in rows:
        bundles[row[0].device, row[0].dtype].append(row)
    return list(bundles.values())


def _as_real(x: Tensor) -> Tensor:
    return torch.view_as_real(x.resolve_conj()) if x.is_complex() else x


def _refuse_bad_capture(params: list[Tensor], group: dict[str, Any]) -> None:
    """A step count on the CPU would be frozen into a CUDA graph."""
    if torch.compiler.is_compiling() or group["capturable"] or not params[0].is_cuda:
        return
    if torch.cuda.is_current_stream_capturing():
        raise RuntimeError(
            "step() is being captured in a CUDA graph but capturable=False; construct with capturable=True"
        )
