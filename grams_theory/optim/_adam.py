"""Adam's moments with a direction."""

from __future__ import annotations

from typing import Any

from grams_theory.optim import rule
from grams_theory.optim._base import RuleOptimizer
from grams_theory.optim._validate import at_least_zero
from grams_theory.optim.rule import Array, Direction


class AdamRule(RuleOptimizer):
    """w <- w - lr direction(m_hat, g) / (sqrt(v_hat) + eps); a subclass chooses the direction."""

    base = "adam"
    moments = ("exp_avg", "exp_avg_sq")

    def _moments(self, group: dict[str, Any]) -> tuple[str, ...]:
        return (*self.moments, "max_exp_avg_sq") if group["amsgrad"] else self.moments

    def _check(self, group: dict[str, Any]) -> None:
        super()._check(group)
        at_least_zero("eps", group["eps"])

    def _move_(
        self, w: Array, g: Array, *moments: Array, t: Any, direction: Direction, group: dict[str, Any]
    ) -> None:
        lr, betas = group["lr"], group["betas"]
        g = self._penalised(w, g, group)
        if not self._l2_penalty(group):
            rule.decay_(w, lr, group["weight_decay"])
        rate, root = rule.bias(t, lr, betas)
        rule.adam_(
            w,
            g,
            *moments,
            betas=betas,
            eps=group["eps"],
            rate=rate,
            root=root,
            direction=direction,
            differentiable=group["differentiable"],
        )

    def _base_step(self, w: Array, g: Array, *moments: Array, group: dict[str, Any]) -> Array:
        return moments[0].lerp(self._penalised(w, g, group), 1 - group["betas"][0])

    def _penalised(self, w: Array, g: Array, group: dict[str, Any]) -> Array:
        return rule.penalise(w, g, group["weight_decay"]) if self._l2_penalty(group) else g
