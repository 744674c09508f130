"""Cautious Lion: Lion without the coordinates that disagree with the gradient."""

from __future__ import annotations

from typing import Any

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
        betas: decay rates of the interpolation and of the momentum, each in [0, 1).
        weight_decay: decoupled decay, w <- (1 - lr weight_decay) w, >= 0.
        mask_rescale: as the released code: mask 1[u g > 0], divided by max(its mean over the tensor, 1e-3).
        foreach: one call for many tensors; None means on CUDA only.
        maximize: ascend instead of descend.
        capturable: keep the step count on the parameter's device, for CUDA graphs.
        differentiable: let autograd pass through `step` (parameters must not be leaves).

    Raises:
        ValueError: a hyperparameter is out of range, or NaN.

    Source: Definition 3.7 of arXiv 2412.17107; Liang et al., arXiv 2411.16085.
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-4,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0.0,
        *,
        mask_rescale: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
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
        }
        super().__init__(params, defaults)

    @property
    def coordinatewise(self) -> bool:
        """False where a group rescales its masks: a mask's mean couples the coordinates."""
        return not any(group["mask_rescale"] for group in self.param_groups)

    def _direction(self, group: dict[str, Any]) -> Direction:
        return rule.cautious_rescaled if group["mask_rescale"] else rule.cautious
