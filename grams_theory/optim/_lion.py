"""Lion's momentum with a direction."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from torch import Tensor

from grams_theory.optim import rule
from grams_theory.optim._base import RuleOptimizer
from grams_theory.optim.rule import Array, Direction


class LionRule(RuleOptimizer):
    """w <- w - lr direction(sign(beta1 m + (1 - beta1) g), g); a subclass chooses the direction."""

    moments = ("exp_avg",)

    @abstractmethod
    def _direction(self, group: dict[str, Any]) -> Direction: ...

    def _move_(
        self, w: Array, g: Array, *moments: Array, t: Any, lr: float | Tensor, group: dict[str, Any]
    ) -> None:
        rule.decay_(w, lr, group["weight_decay"])
        rule.lion_(w, g, *moments, betas=group["betas"], lr=lr, direction=self._direction(group))
