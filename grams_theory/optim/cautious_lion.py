"""Cautious Lion: Lion without the coordinates that disagree with the gradient."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.optim.optimizer import ParamsT

from grams_theory.optim import rule
from grams_theory.optim._lion import LionRule
from grams_theory.optim.rule import Direction


class CautiousLion(LionRule):
    """w <- w - lr u 1[u g >= 0] with Lion's u = sign(beta1 m + (1 - beta1) g).

    A coordinate with g_i = 0 moves, unless mask_rescale is set.

    Args:
        params: parameters, or dicts of parameter groups, as in torch.optim.
        lr: step size eta >= 0; a float, or a 1-element tensor.
        betas: decay rates of the interpolation and of the momentum, each in [0, 1); two floats, or two
            1-element tensors.
        weight_decay: decoupled decay, w <- (1 - lr weight_decay) w, >= 0.
        mask_rescale: mask 1[u g > 0], divided by max(its mean over the tensor, 1e-3), as timm's Lion. (Released
            C-Lion multiplies by n / (k + 1), where k of n coordinates agree.)
        foreach: one call for many tensors; None means on CUDA only, and not if fused.
        maximize: ascend instead of descend.
        capturable: keep the step count on the parameter's device, for CUDA graphs.
        differentiable: let autograd pass through `step` (parameters must not be leaves).
        fused: one kernel for everything, with 16-bit numbers computed in float32; None means no.
        state_dtype: dtype of the moments, torch.float32 or torch.bfloat16, with arithmetic in float32 at least.
            None: the parameter's dtype, to which the loop and foreach then round each operation, as torch.optim.
        stochastic_rounding: round 16-bit parameters and moments to one of their two neighbours, at random with
            unbiased mean, so that changes below half a unit are not lost. The arithmetic is in float32.

    Raises:
        ValueError: a hyperparameter is out of range, or NaN, or two options exclude each other.

    Source: Definition 3.7 of arXiv 2412.17107; Liang et al., arXiv 2411.16085.
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-4,
        betas: tuple[float, float] | tuple[Tensor, Tensor] = (0.9, 0.99),
        weight_decay: float = 0.0,
        *,
        mask_rescale: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        state_dtype: torch.dtype | None = None,
        stochastic_rounding: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "weight_decay": weight_decay,
            "mask_rescale": mask_rescale,
            "foreach": foreach,
            "maximize": maximize,
            "capturable": capturable,
            "differentiable": differentiable,
            "fused": fused,
            "state_dtype": state_dtype,
            "stochastic_rounding": stochastic_rounding,
        }
        super().__init__(params, defaults)

    @property
    def coordinatewise(self) -> bool:
        """False where a group rescales its masks: a mask's mean couples the coordinates."""
        return not any(group["mask_rescale"] for group in self.param_groups)

    def _direction(self, group: dict[str, Any]) -> Direction:
        return rule.cautious_rescaled if group["mask_rescale"] else rule.cautious
