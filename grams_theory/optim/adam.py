"""Adam."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.optim.optimizer import ParamsT

from grams_theory.optim import rule
from grams_theory.optim._adam import AdamRule
from grams_theory.optim.rule import Direction


class Adam(AdamRule):
    """w <- w - lr u with u = m_hat / (sqrt(v_hat) + eps).

    Equal to torch.optim.Adam, bit for bit in the loop and in foreach.

    Args:
        params: parameters, or dicts of parameter groups, as in torch.optim.
        lr: step size eta >= 0; a float, or a 1-element tensor.
        betas: decay rates of the two moments, each in [0, 1); two floats, or two
            1-element tensors.
        eps: added to the bias-corrected root sqrt(v_hat), >= 0. It must not round to 0 in the dtype
            (fp16: >= 1e-7), or a gradient that was always zero gives 0/0, as in torch.optim.
        weight_decay: L2 penalty: weight_decay w is added to the gradient, >= 0.
        amsgrad: divide by the root of the largest v so far, not of the present one.
        foreach: one call for many tensors; None means on CUDA only, and not if fused.
        maximize: ascend instead of descend.
        capturable: keep the step count on the parameter's device, for CUDA graphs.
        differentiable: let autograd pass through `step` (parameters must not be leaves).
        fused: one kernel for everything, with 16-bit numbers computed in float32; None means no.
        state_dtype: dtype of the moments, torch.float32 or torch.bfloat16, with arithmetic in float32 at least.
            None: the parameter's dtype, to which the loop and foreach then round each operation, as torch.optim.
            A bfloat16 second moment rounded to nearest does not decay (0.999 v rounds to v): give 16-bit parameters
            float32, or stochastic_rounding.
        stochastic_rounding: round 16-bit parameters and moments to one of their two neighbours, at random with
            unbiased mean, so that changes below half a unit are not lost. The arithmetic is in float32.
        decoupled_weight_decay: decay as AdamW does.

    Raises:
        ValueError: a hyperparameter is out of range, or NaN, or two options exclude each other.

    Source: Kingma and Ba, arXiv 1412.6980; Definition 3.5 of arXiv 2412.17107.
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-3,
        betas: tuple[float, float] | tuple[Tensor, Tensor] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        state_dtype: torch.dtype | None = None,
        stochastic_rounding: bool = False,
        decoupled_weight_decay: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "foreach": foreach,
            "maximize": maximize,
            "capturable": capturable,
            "differentiable": differentiable,
            "fused": fused,
            "state_dtype": state_dtype,
            "stochastic_rounding": stochastic_rounding,
            "decoupled_weight_decay": decoupled_weight_decay,
        }
        super().__init__(params, defaults)

    def _direction(self, group: dict[str, Any]) -> Direction:
        return rule.unchanged

    def _l2_penalty(self, group: dict[str, Any]) -> bool:
        return not group["decoupled_weight_decay"]
