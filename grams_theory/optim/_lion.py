"""Lion's momentum with a direction."""

from __future__ import annotations

from typing import Any

from grams_theory.optim import rule
from grams_theory.optim._base import RuleOptimizer
from grams_theory.optim.rule import Array, Direction


class LionRule(RuleOptimizer):
    """w <- w - lr direction(sign(beta1 m + (1 - beta1) g), g); a subclass chooses the direction."""

    base = "lion"
    moments = ("exp_avg",)

    def _move_(
        self, w: Array, g: Array, *moments: Array, t: Any, direction: Direction, group: dict[str, Any]
    ) -> None:
        rule.decay_(w, group["lr"], group["weight_decay"])
        rule.lion_(w, g, *moments, betas=group["betas"], lr=group["lr"], direction=direction)

    def _base_step(self, w: Array, g: Array, *moments: Array, group: dict[str, Any]) -> Array:
        return rule.lion_step(g, *moments, betas=group["betas"])
