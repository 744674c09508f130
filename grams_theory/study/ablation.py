"""What does momentum do for Adam: does it give the direction of a step, its magnitude, both or neither?

With m̂ Adam's first moment and v̂ its second, bias-corrected, and g the gradient, a step is
−η (sign of one) |the other or the same| / (√v̂ + ε):

    direction of   magnitude of   step                            is
    m̂              m̂              −η m̂ / (√v̂ + ε)                  Adam
    g              m̂              −η sign(g) |m̂| / (√v̂ + ε)        Grams
    m̂              g              −η sign(m̂) |g| / (√v̂ + ε)        "direction only"
    g              g              −η g / (√v̂ + ε)                  Adam with beta1 = 0

v̂ is the same in all four. These are contenders of the study, not optimizers to train with.
"""

from __future__ import annotations

from typing import Any

from torch.optim.optimizer import ParamsT

from grams_theory.optim import Adam, rule
from grams_theory.optim.rule import Array, Direction


def _gradient(m: Array, g: Array) -> Array:
    return g


def _gradient_along_momentum(m: Array, g: Array) -> Array:
    return rule.grams(g, m)


class MomentumAblation(Adam):
    """Adam's rule in which momentum is kept for the direction, for the magnitude, for both or for neither.

    Args:
        params: parameters, or dicts of parameter groups, as in torch.optim.
        lr: step size eta >= 0.
        betas: decay rates of the two moments, each in [0, 1).
        eps: added to the bias-corrected root sqrt(v_hat), >= 0.
        direction: each coordinate moves against the sign of m (otherwise of g).
        magnitude: it moves by |m_hat| / (sqrt(v_hat) + eps) (otherwise by |g| / (sqrt(v_hat) + eps)).

    Raises:
        ValueError: a hyperparameter is out of range, or NaN.
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        *,
        direction: bool,
        magnitude: bool,
    ) -> None:
        super().__init__(params, lr, betas, eps)
        self.direction, self.magnitude = direction, magnitude

    def _direction(self, group: dict[str, Any]) -> Direction:
        if self.magnitude:
            return rule.unchanged if self.direction else rule.grams
        return _gradient_along_momentum if self.direction else _gradient

    def _move_(
        self, w: Array, g: Array, *moments: Array, t: Any, direction: Direction, group: dict[str, Any]
    ) -> None:
        """As Adam's, but a magnitude that is the gradient's has no bias to correct."""
        lr, (beta1, beta2) = group["lr"], group["betas"]
        rate, root = rule.bias(t, lr, (beta1 if self.magnitude else 0.0, beta2))
        rule.adam_(
            w,
            g,
            *moments,
            betas=(beta1, beta2),
            eps=group["eps"],
            rate=rate,
            root=root,
            direction=direction,
            differentiable=group["differentiable"],
        )
