"""Base updates u by definition, in midpoint-radius arithmetic, with what rounding may do to an implementation.

An optimizer makes its step of the gradient g and of one of these: Adam's update, Lion's sign, the momentum buffer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

import torch
from torch import Tensor

from grams_theory.core.claim import OneStep
from grams_theory.core.errors import UnknownNameError, UsageError
from grams_theory.core.rounding import UNIT, Ball
from grams_theory.engine.production import Hyper
from grams_theory.symbolic.twin import ROLES

SLACK = 2.0
"""Allowance for another order of operations than the one that is counted."""
SINGLE = 2.0**-24
"""Unit roundoff of float32: 16 bits hold no 1 - 0.999^t, so no implementation corrects a bias in less."""
TINY = torch.finfo(torch.float64).tiny


@dataclass(frozen=True)
class Definition:
    """A base update u after a history of gradients.

    Attributes:
        u: the update with its evaluation error in float64, shape (B, D).
        rounding: how far a correct implementation in the tested dtype may lie from it, shape (B, D); inf where
            underflow may leave nothing of its denominator.
        lost: how far w may lie from w - eta u for the underflow of eta times a factor of u, shape (B, D).
    """

    u: Ball
    rounding: Tensor
    lost: Tensor


class Define(Protocol):
    """Gradients of shape (B, D), oldest first, hyperparameters, and of the tested dtype the unit roundoff, and what a
    product may lose when it underflows -> the update."""

    def __call__(
        self, gradients: Sequence[Tensor], hyper: Hyper, unit: float = UNIT, tiny: float = TINY, /
    ) -> Definition: ...


Formula = Callable[[Sequence[Tensor], Hyper], Tensor]
"""Gradients of shape (B, D), oldest first, and hyperparameters -> u of shape (B, D)."""


def bias_correction(beta: float, t: int) -> float:
    """1 - beta^t, correctly rounded."""
    return float(1 - Fraction(beta) ** t)


@dataclass
class Average:
    """keep * x + weight * g, from x = 0, and how far an implementation may be off.

    A step rounds either factor, both products and the sum (`lerp`: difference, product, sum): 4 times at most what
    keep * size + weight * |g| is, where size is the same sum of magnitudes; and two products may underflow. Where
    0 < keep < 1/2, `lerp` begins at g and keeps 1 minus the rounded weight of x: a rounding of the earlier size.
    Earlier errors are averaged as x is.
    """

    keep: float
    weight: float
    unit: float
    tiny: float
    x: Ball
    size: Tensor
    error: Tensor

    @classmethod
    def of(cls, like: Tensor, keep: float, weight: float, unit: float, tiny: float) -> Average:
        zero = torch.zeros_like(like, dtype=torch.float64)
        return cls(keep, weight, unit, tiny, Ball.exact(zero), zero, zero)

    def add(self, g: Ball, error: Tensor | float = 0.0) -> None:
        """The next entry g, which an implementation knows up to that error."""
        earlier = self.size if 0 < self.keep < 0.5 else 0.0
        self.x = self.keep * self.x + self.weight * g
        self.size = self.keep * self.size + self.weight * g.mid.abs()
        here = SLACK * (self.unit * (4 * self.size + earlier) + 2 * self.tiny * self.size.sign())
        self.error = self.keep * self.error + self.weight * error + here

    @property
    def kept(self) -> Ball:
        """What an implementation may hold."""
        return self.x.widen(self.error)


@dataclass
class AdamMoments:
    """The moments of Adam's update after t gradients."""

    hyper: Hyper
    unit: float
    tiny: float
    m: Average
    v: Average
    t: int = 0

    @classmethod
    def of(cls, like: Tensor, hyper: Hyper, unit: float = UNIT, tiny: float = TINY) -> AdamMoments:
        m, v = (Average.of(like, beta, bias_correction(beta, 1), unit, tiny) for beta in hyper.betas)
        return cls(hyper, unit, tiny, m, v)

    def add(self, g: Ball) -> None:
        """The next gradient. A square is rounded once, and may underflow."""
        square = g * g
        self.t += 1
        self.m.add(g)
        self.v.add(square, SLACK * (self.unit * square.mid + self.tiny * square.mid.sign()))

    def definition(self) -> Definition:
        """u = m_hat / (sqrt(v_hat) + eps).

        An implementation divides moments that are off as `Average` says. It rounds 1 - beta^t, whose power costs
        beta^t / (1 - beta^t) roundings; m_hat, v_hat, the root, eps, the sum, the quotient, and eta times either. Each
        but the root and the sum may underflow, but not what was exactly 0.
        """
        hyper, unit, tiny = self.hyper, self.unit, self.tiny
        corrections = [bias_correction(beta, self.t) for beta in hyper.betas]
        power = [
            min(unit, SINGLE) * (1 + beta**self.t / c)
            for beta, c in zip(hyper.betas, corrections, strict=True)
        ]

        def rounded(x: Ball, times: float, more: float = 0.0) -> Ball:
            lost = tiny * x.reach.sign()
            return x.widen(SLACK * ((times * unit + more) * x.reach + lost))

        m, v = (average.x / c for average, c in zip((self.m, self.v), corrections, strict=True))
        u = m / (v.sqrt() + hyper.eps)
        u = u.widen(
            4 * UNIT * u.mid.abs()
        )  # weights and corrections are rounded once: 2 for m, 1 for the root of v
        m = rounded(self.m.kept / corrections[0], 1, power[0])
        root = rounded(rounded(self.v.kept / corrections[1], 1, power[1]).sqrt(), 1)
        denominator = root + hyper.eps
        denominator = denominator.widen(SLACK * (2 * unit * denominator.reach + tiny))
        found = rounded(m / denominator, 3)
        smallest = denominator.mid - denominator.rad
        lost = torch.where(m.reach > 0, SLACK * tiny * (1 + 1 / smallest.clamp(min=0)), 0.0)
        return Definition(u, (found.mid - u.mid).abs() + found.rad, lost)


def adam(gradients: Sequence[Tensor], hyper: Hyper) -> Tensor:
    """u = m_hat / (sqrt(v_hat) + eps)."""
    (beta1, beta2), t = hyper.betas, len(gradients)
    m_hat = _sum(gradients, beta1) * (bias_correction(beta1, 1) / bias_correction(beta1, t))
    v_hat = _sum([g * g for g in gradients], beta2) * (bias_correction(beta2, 1) / bias_correction(beta2, t))
    return m_hat / (v_hat.sqrt() + hyper.eps)


def lion(gradients: Sequence[Tensor], hyper: Hyper) -> Tensor:
    """u = sign(c). Its derivative is 0."""
    beta1, beta2 = hyper.betas
    *history, last = gradients
    m = bias_correction(beta2, 1) * _sum(history, beta2) if history else torch.zeros_like(last)
    return (beta1 * m + bias_correction(beta1, 1) * last).sign()


def momentum(gradients: Sequence[Tensor], hyper: Hyper) -> Tensor:
    """u = sum of mu^(t - i) g_i."""
    return _sum(gradients, hyper.betas[0])


def _sum(terms: Sequence[Tensor], keep: float) -> Tensor:
    """The sum of keep^(t - i) x_i."""
    x, *others = terms
    for other in others:
        x = keep * x + other
    return x


def define_adam(
    gradients: Sequence[Tensor], hyper: Hyper, unit: float = UNIT, tiny: float = TINY
) -> Definition:
    """u = m_hat / (sqrt(v_hat) + eps) for eps > 0 (Definition 3.5)."""
    moments = AdamMoments.of(gradients[0], hyper, unit, tiny)
    for gradient in gradients:
        moments.add(Ball.exact(gradient))
    return moments.definition()


def define_lion(
    gradients: Sequence[Tensor], hyper: Hyper, unit: float = UNIT, tiny: float = TINY
) -> Definition:
    """u = sign(c), c = beta1 m + (1 - beta1) g with m before this gradient (Definition 3.6).

    Where rounding may turn the sign of c, u is 0 with radius 1, and so far from it may an implementation be; where
    every gradient was 0, u is 0.
    """
    beta1, beta2 = hyper.betas
    m = Average.of(gradients[0], beta2, bias_correction(beta2, 1), unit, tiny)
    for gradient in gradients[:-1]:
        m.add(Ball.exact(gradient))
    c = Average(beta1, bias_correction(beta1, 1), unit, tiny, m.x, m.size, m.error)
    c.add(Ball.exact(gradients[-1]))
    u = c.kept.sign()
    return Definition(u, u.rad, SLACK * tiny * u.reach.sign())


def define_momentum(
    gradients: Sequence[Tensor], hyper: Hyper, unit: float = UNIT, tiny: float = TINY
) -> Definition:
    """The buffer of heavy-ball momentum, u = mu u + g from u = 0, mu = beta1: as torch.optim.SGD without dampening."""
    u = Average.of(gradients[0], hyper.betas[0], 1.0, unit, tiny)
    for gradient in gradients:
        u.add(Ball.exact(gradient))
    return Definition(u.x, u.error, SLACK * tiny * u.size.sign())


@dataclass(frozen=True)
class Update:
    """A base update, by its definition.

    `formula` is the midpoint that `define` encloses, in float64 and differentiable by autograd.
    `homogeneous`: u grows with the gradient, so that runs are bounded by step sizes in units of 1/L and by no others.
    """

    define: Define
    formula: Formula
    homogeneous: bool = False


UPDATES: Mapping[str, Update] = {
    "adam": Update(define_adam, adam),
    "lion": Update(define_lion, lion),
    "momentum": Update(define_momentum, momentum, homogeneous=True),
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
