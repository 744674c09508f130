"""Adam's moments with a direction."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

from torch import Tensor

from grams_theory.optim import rule
from grams_theory.optim._base import RuleOptimizer, at_least_zero
from grams_theory.optim.rule import Array, Direction


class AdamRule(RuleOptimizer):
    """w <- w - lr direction(m_hat, g) / (sqrt(v_hat) + eps); a subclass chooses the direction."""

    moments = ("exp_avg", "exp_avg_sq")
    l2_penalty: ClassVar[bool] = False
    """Whether weight_decay is an L2 penalty on the loss; otherwise it is decoupled."""

    @abstractmethod
    def _direction(self, group: dict[str, Any]) -> Direction: ...

    def _check(self, group: dict[str, Any]) -> None:
        super()._check(group)
        at_least_zero("eps", group["eps"])

    def _move_(
        self, w: Array, g: Array, *moments: Array, t: Any, lr: float | Tensor, group: dict[str, Any]
    ) -> None:
        if self.l2_penalty:
            g = rule.penalise(w, g, group["weight_decay"])
        else:
            rule.decay_(w, lr, group["weight_decay"])
        rate, root = rule.bias(t, lr, group["betas"])
        rule.adam_(
            w,
            g,
            *moments,
            betas=group["betas"],
            eps=group["eps"],
            rate=rate,
            root=root,
            direction=self._direction(group),
            differentiable=group["differentiable"],
        )
