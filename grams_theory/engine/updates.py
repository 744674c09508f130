"""Base updates u by definition, in midpoint-radius arithmetic, with what rounding may do to an implementation.

An optimizer makes its step of the gradient g and of one of these: Adam's update, Lion's sign, the momentum buffer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import torch
from torch import Tensor

from grams_theory.core.claim import OneStep
from grams_theory.core.errors import UnknownNameError, UsageError
from grams_theory.core.rounding import UNIT, Ball
from grams_theory.engine.production import Hyper
from grams_theory.symbolic.twin import ROLES

SLACK = 4.0
"""Allowance for another order of operations than the one that `Definition.rounding` counts."""


@dataclass(frozen=True)
class Definition:
    """A base update u after a history of gradients.

    Attributes:
        u: the update with its evaluation error in float64, shape (B, D).
        rounding: how far a correct implementation in the tested dtype may lie from it, shape (B, D).
    """

    u: Ball
    rounding: Tensor


Define = Callable[[Sequence[Tensor], Hyper, float], Definition]
"""Gradients of shape (B, D), oldest first, hyperparameters, and the unit roundoff of the tested dtype."""


def bias_correction(beta: float, t: int) -> float:
    """1 - beta^t, correctly rounded."""
    return float(1 - Fraction(beta) ** t)


@dataclass
class _Average:
    """keep * x + weight * g, from x = 0, and the same sum of magnitudes."""

    keep: float
    weight: float
    x: Ball
    size: Tensor

    @classmethod
    def of(cls, like: Tensor, keep: float, weight: float) -> _Average:
        zero = torch.zeros_like(like, dtype=torch.float64)
        return cls(keep, weight, Ball.exact(zero), zero)

    def add(self, g: Ball) -> None:
        self.x = self.keep * self.x + self.weight * g
        self.size = self.keep * self.size + self.weight * g.mid.abs()


def define_adam(gradients: Sequence[Tensor], hyper: Hyper, unit: float = UNIT) -> Definition:
    """u = m_hat / (sqrt(v_hat) + eps) for eps > 0 (Definition 3.5).

    m is a sum of t products, each rounded at most 2t times; v likewise with non-negative terms, so its error is
    relative; the root halves it; the bias corrections cost beta^t / (1 - beta^t) roundings more (1 - fl(beta^t)).
    """
    (beta1, beta2), t = hyper.betas, len(gradients)
    m = _Average.of(gradients[0], beta1, bias_correction(beta1, 1))
    v = _Average.of(gradients[0], beta2, bias_correction(beta2, 1))
    for gradient in gradients:
        g = Ball.exact(gradient)
        m.add(g)
        v.add(g * g)
    correction = bias_correction(beta1, t), bias_correction(beta2, t)
    denominator = (v.x / correction[1]).sqrt() + hyper.eps
    u = m.x / correction[0] / denominator
    excess = [beta**t / c for beta, c in zip(hyper.betas, correction, strict=True)]
    relative_m = unit * (2 * t + 4 + excess[0])
    relative_v = unit * (2 * t + 8 + excess[1])
    scale = m.size / correction[0] / denominator.mid
    u = u.widen(2 * UNIT * u.mid.abs())  # the corrections are themselves rounded once
    return Definition(u, SLACK * (relative_m * scale + relative_v * u.mid.abs()))


def define_lion(gradients: Sequence[Tensor], hyper: Hyper, unit: float = UNIT) -> Definition:
    """u = sign(c), c = beta1 m + (1 - beta1) g with m before this gradient (Definition 3.6).

    c is a sum of t products, each rounded at most 2t + 2 times. Where that may turn its sign, u is 0 with radius 1,
    and so far from it may an implementation be; where every gradient was 0, u is 0.
    """
    (beta1, beta2), t = hyper.betas, len(gradients)
    m = _Average.of(gradients[0], beta2, bias_correction(beta2, 1))
    for gradient in gradients[:-1]:
        m.add(Ball.exact(gradient))
    c = _Average(beta1, bias_correction(beta1, 1), m.x, m.size)
    c.add(Ball.exact(gradients[-1]))
    u = c.x.widen(SLACK * unit * (2 * t + 2) * c.size).sign()
    return Definition(u, u.rad)


def define_momentum(gradients: Sequence[Tensor], hyper: Hyper, unit: float = UNIT) -> Definition:
    """The buffer of heavy-ball momentum, u = mu u + g from u = 0, mu = beta1: as torch.optim.SGD without dampening.

    u is a sum of t products, each rounded at most 2t times.
    """
    u, t = _Average.of(gradients[0], hyper.betas[0], 1.0), len(gradients)
    for gradient in gradients:
        u.add(Ball.exact(gradient))
    return Definition(u.x, SLACK * unit * 2 * t * u.size)


@dataclass(frozen=True)
class Update:
    """A base update, by its definition.

    `homogeneous`: u grows with the gradient, so that runs are bounded by step sizes in units of 1/L and by no others.
    """

    define: Define
    homogeneous: bool = False


UPDATES: Mapping[str, Update] = {
    "adam": Update(define_adam),
    "lion": Update(define_lion),
    "momentum": Update(define_momentum, homogeneous=True),
}


def base_update(setting: OneStep) -> Update:
    """The base update of that setting.

    Raises:
        UnknownNameError: there is no such update.
        UsageError: an optimizer of the setting is known to be made of another update.
    """
    if setting.update not in UPDATES:
        raise UnknownNameError("base update", setting.update, UPDATES)
    for name in setting.optimizers:
        if name in ROLES and ROLES[name].update != setting.update:
            raise UsageError(
                f"{name} is made of the update {ROLES[name].update!r}, the setting of {setting.update!r}; "
                f"give the setting update={ROLES[name].update!r}, or claim it of another optimizer"
            )
    return UPDATES[setting.update]
