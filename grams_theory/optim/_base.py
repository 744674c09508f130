"""What every optimizer of this package shares: validation, state, and `step`."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor
from torch.optim import Optimizer

from grams_theory.optim import _state, _validate, rule
from grams_theory.optim._amp import Scaling
from grams_theory.optim._capture import refuse_bad_capture
from grams_theory.optim._columns import held
from grams_theory.optim._implementations import Moves, fused_, plain_, use_foreach, use_fused
from grams_theory.optim.rule import Array, Direction


class RuleOptimizer(Optimizer):
    """A `torch.optim.Optimizer` around a rule of `grams_theory.optim.rule`.

    A subclass names its moments, applies its rule in `_move_`, and chooses a direction. State per parameter: `step`
    (a 0-d tensor of float32, or of float64 in a program whose default that is; on the CPU unless capturable or fused)
    and one tensor per moment, with the parameter's shape, and its dtype unless `state_dtype` says otherwise.

    The rule is applied by one of three implementations, chosen as in torch.optim: a loop over the parameters;
    `foreach`, one call for many; `fused`, one kernel for everything. The first two round each operation to the
    parameter's dtype, as torch.optim does, unless `state_dtype` or `stochastic_rounding` is given: then, and in
    fused kernels, 16-bit numbers are computed with in float32 and rounded when they are stored.

    Gradients are only read. A parameter whose gradient is None is left alone, its step count too. Complex
    parameters are treated as pairs of reals.

    Raises:
        ValueError: for a hyperparameter out of range, NaN included, and for options that exclude each other.
        RuntimeError: for fused with foreach or differentiable; in `step`, for a sparse gradient, for parameters
            that have no fused kernel, and for capture in a CUDA graph that is not capturable.
    """

    base: ClassVar[Literal["adam", "lion"]]
    moments: ClassVar[tuple[str, ...]]

    @property
    def coordinatewise(self) -> bool:
        """Whether each coordinate moves by its own history alone: a (B, D) parameter is B separate runs."""
        return True

    @abstractmethod
    def _direction(self, group: dict[str, Any]) -> Direction:
        """What becomes of the coordinates that disagree with the gradient."""

    @abstractmethod
    def _move_(
        self, w: Array, g: Array, *moments: Array, t: Any, direction: Direction, group: dict[str, Any]
    ) -> None:
        """Apply the rule in place. t is the step count, of a kind that `rule.bias` takes."""

    @abstractmethod
    def _base_step(self, w: Array, g: Array, *moments: Array, group: dict[str, Any]) -> Array:
        """u as `_move_` will find it, up to positive factors. Nothing is changed."""

    def _moments(self, group: dict[str, Any]) -> tuple[str, ...]:
        """Names of the moments that the group's parameters have."""
        return self.moments

    def _l2_penalty(self, group: dict[str, Any]) -> bool:
        """Whether weight_decay is an L2 penalty on the loss; otherwise it is decoupled."""
        return False

    def _check(self, group: dict[str, Any]) -> None:
        """Raise ValueError or RuntimeError if a hyperparameter or an option of the group is wrong."""
        _validate.check(group)

    @property
    def _step_supports_amp_scaling(self) -> bool:
        """Tells GradScaler that `step` itself divides by `grad_scale` and looks at `found_inf`, unless it was set."""
        return self.__dict__.get("amp_scaling", all(group["fused"] for group in self.param_groups))

    @_step_supports_amp_scaling.setter
    def _step_supports_amp_scaling(self, value: bool) -> None:
        self.__dict__["amp_scaling"] = value

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        self._check({**self.defaults, **param_group})
        super().add_param_group(param_group)

    def state_dict(self) -> dict[str, Any]:
        """As torch's, with the names of dtypes in the place of dtypes, which torch.distributed.checkpoint refuses."""
        handle = self.register_state_dict_post_hook(_state.name_dtypes, prepend=True)
        try:
            return super().state_dict()
        finally:
            handle.remove()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """As torch's, but moments become the saved group's `state_dtype`, which may be wider than the parameter's."""
        handle = self.register_load_state_dict_pre_hook(_state.wrap_moments)
        try:
            super().load_state_dict(state_dict)
        finally:
            handle.remove()

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:
            for name, value in self.defaults.items():
                group.setdefault(name, value)
            for p in group["params"]:
                _state.settle(self.state.get(p, {}), p, group)

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
        lists: list[list[Tensor]] = [[] for _ in range(3 + len(self._moments(group)))]
        self._init_group(group, *lists)
        params = lists[0]
        if not params:
            return
        refuse_bad_capture(params, group)
        columns = held(*lists, whole=group["differentiable"])
        if use_fused(columns, group):
            fused_(columns, self._update, group, Scaling.of(self))
        else:
            moves = Moves(self._move_, self._base_step, self._direction(group))
            plain_(columns, use_foreach(params, group), moves, group, Scaling.of(self))

    def _init_group(
        self,
        group: dict[str, Any],
        params: list[Tensor],
        grads: list[Tensor],
        steps: list[Tensor],
        *moments: list[Tensor],
    ) -> None:
        """Append what a step needs of each parameter that has a gradient; make state that is missing.

        torch.compile knows this name: it calls it once while it traces, and takes the tensors' addresses for constant.
        """
        names = self._moments(group)
        complete = {"step", *names}
        states: list[dict[str, Tensor]] = []
        step_on_device = group["capturable"] or group["fused"]
        for p in group["params"]:
            g = p.grad
            if g is None:
                continue
            if g.layout is not torch.strided:
                name = type(self).__name__
                raise RuntimeError(
                    f"{name} does not support sparse gradients; use torch.optim.SparseAdam or dense gradients"
                )
            state = self.state[p]
            if not state.keys() >= complete:
                self._complete(state, p, group)
            step = state["step"]
            if step.ndim or not step.is_floating_point():  # made by hand
                _state.settle(state, p, group)
                step = state["step"]
            if step_on_device and not (step.is_cpu and p.is_cpu) and step.device != p.device:
                step = state["step"] = step.to(p.device)
            params.append(p)
            grads.append(g)
            steps.append(step)
            states.append(state)
        for name, tensors in zip(names, moments, strict=True):
            tensors += [state[name] for state in states]

    def _complete(self, state: dict[str, Any], p: Tensor, group: dict[str, Any]) -> None:
        """Make what is missing of the state of p."""
        if not state or (self.base == "lion" and "step" not in state):  # lion-pytorch does not count
            state["step"] = torch.tensor(0.0, dtype=_state.count_dtype(group), device="cpu")
        if "step" not in state:
            raise KeyError(
                f"{type(self).__name__} needs the step count of a parameter whose state has {', '.join(state)} alone "
                '(some optimizers keep one per group): set optimizer.state[p]["step"] for each p'
            )
        for name in self._moments(group):
            if name not in state:
                dtype = _state.moment_dtype(p, group["state_dtype"])
                state[name] = torch.zeros_like(p, dtype=dtype, memory_format=torch.preserve_format)

    def _update(self, group: dict[str, Any]) -> Any:
        """The rule of a group, hyperparameters in numbers, in the words of the fused kernels."""
        from grams_theory.optim._fused import Update

        lam, rescaled = rule.member(self._direction(group))
        return Update(
            base=self.base,
            lam=lam,
            rescaled=rescaled,
            betas=group["betas"],
            eps=group.get("eps", 0.0),
            weight_decay=group["weight_decay"],
            l2_penalty=self._l2_penalty(group),
            maximize=group["maximize"],
            amsgrad=group.get("amsgrad", False),
            stochastic_rounding=group["stochastic_rounding"],
        )
