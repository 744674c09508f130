"""What a `state_dict` loses on its way through torch's `load_state_dict`, kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class AsSaved:
    """A moment that torch's `load_state_dict` passes on, where it would cast a tensor to its parameter's dtype."""

    moment: Tensor


def wrap_moments(_: torch.optim.Optimizer, state_dict: dict[str, Any]) -> dict[str, Any]:
    """A hook for `register_load_state_dict_pre_hook`: what parameters remember, but the step counts, as `AsSaved`.

    State that is no parameter's passes as it is.
    """
    of_parameters = {key for group in state_dict["param_groups"] for key in group["params"]}

    def wrapped(name: str, value: Any) -> Any:
        return AsSaved(value) if isinstance(value, Tensor) and name != "step" else value

    state = {
        key: {name: wrapped(name, value) for name, value in entry.items()}
        if isinstance(entry, dict) and key in of_parameters
        else entry
        for key, entry in state_dict["state"].items()
    }
    groups = [
        {**group, "state_dtype": _dtype(group["state_dtype"])} if "state_dtype" in group else group
        for group in state_dict["param_groups"]
    ]
    return {**state_dict, "state": state, "param_groups": groups}


def name_dtypes(_: torch.optim.Optimizer, state_dict: dict[str, Any]) -> dict[str, Any]:
    """A hook for `register_state_dict_post_hook`: "float32" in the place of torch.float32; `wrap_moments` undoes it."""
    groups = [{**group, "state_dtype": _name(group["state_dtype"])} for group in state_dict["param_groups"]]
    return {**state_dict, "param_groups": groups}


def _name(dtype: torch.dtype | None) -> str | None:
    return dtype and str(dtype).removeprefix("torch.")


def _dtype(name: str | torch.dtype | None) -> torch.dtype | None:
    return getattr(torch, name) if isinstance(name, str) else name


def settle(state: dict[str, Any], p: Tensor, group: dict[str, Any]) -> None:
    """Give what was loaded for p its place: moments in the group's `state_dtype`, the step count as a 0-d tensor of
    float32 or float64, whether it was saved as a number, as an integer tensor or with an axis."""
    for name, value in state.items():
        if isinstance(value, AsSaved):
            state[name] = value.moment.to(device=p.device, dtype=moment_dtype(p, group["state_dtype"]))
    if "step" in state:
        step = state["step"]
        if not isinstance(step, Tensor):
            step = torch.tensor(step, dtype=count_dtype(group), device="cpu")
        state["step"] = step.to(torch.promote_types(step.dtype, torch.float32)).reshape(())


def count_dtype(group: dict[str, Any]) -> torch.dtype:
    """The dtype of step counts: as in torch, float64 where that is the default and the step is not fused."""
    double = torch.get_default_dtype() == torch.float64 and not group["fused"]
    return torch.float64 if double else torch.float32


def moment_dtype(p: Tensor, state_dtype: torch.dtype | None) -> torch.dtype:
    """The dtype of the moments of p. Those of complex parameters are complex, complex64 at least."""
    if state_dtype is None:
        return p.dtype
    return state_dtype.to_complex() if p.is_complex() else state_dtype
