"""Convex losses ℓ(z) of the outputs z of one sample, with their curvature: the g of f(w) = g(Aw)."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from grams_theory.core.rounding import Ball


def softplus(x: Tensor) -> Tensor:
    """log(1 + e^x), to 12 roundings: 4 of exp are at most 6 of log1p, which has 4 of its own; one more of the sum."""
    return x.clamp(min=0) + (-x.abs()).exp().log1p()


def sigmoid(x: Ball) -> Ball:
    """1/(1 + e^-x), to 8 roundings: 4 of exp, one each of the sum and the quotient."""
    return x.map(torch.sigmoid, lipschitz=0.25, ulps=8)


@dataclass(frozen=True)
class Link(ABC):
    """ℓ_1, ..., ℓ_n, each a function of outputs (C,). Their sum is what a loss divides by its number of terms.

    `steepest` bounds the eigenvalues of every ∇²ℓ_i from above. `flattest` bounds those on `span` from below, for all
    outputs: 0 if nothing does.
    """

    targets: Tensor

    steepest: ClassVar[float]
    flattest: ClassVar[float] = 0.0
    span: ClassVar[str] = "all outputs"
    missing: ClassVar[int] = 0
    """Dimensions that the span lacks: ℓ_i is constant along them."""

    @staticmethod
    @abstractmethod
    def refuses(targets: Tensor, outputs: int) -> str | None:
        """Why these targets for so many outputs do not make such a loss, or None if they do."""

    @abstractmethod
    def value(self, z: Ball) -> Ball:
        """(n, C) -> (n,)."""

    @abstractmethod
    def gradient(self, z: Ball) -> Ball:
        """(n, C) -> (n, C)."""

    @abstractmethod
    def curvature(self, z: Ball, moved: Tensor) -> Tensor:
        """Lower bounds (n,) of the eigenvalues of ∇²ℓ_i on the span, for outputs within `moved` (n,) of z (n, C)."""

    @abstractmethod
    def hessian(self, z: Tensor) -> Tensor:
        """∇²ℓ_i in floating point, (n, C) -> (n, C, C)."""

    @classmethod
    def nonnegative(cls, targets: Tensor | None) -> bool:
        """Whether ℓ_i >= 0 for these targets, of any model."""
        return targets is not None and (
            not targets.is_floating_point() or bool(((targets >= 0) & (targets <= 1)).all())
        )

    def separates(self, z: Ball) -> bool:
        """Whether ℓ_i(tz) surely falls to 0, which it does not reach, as t grows, for all i."""
        return False


class Squares(Link):
    """‖z − y‖²."""

    steepest = flattest = 2.0

    @staticmethod
    def refuses(targets: Tensor, outputs: int) -> str | None:
        return (
            None
            if targets.dim() == 2 and targets.shape[1] == outputs
            else "targets and outputs differ in shape"
        )

    @classmethod
    def nonnegative(cls, targets: Tensor | None) -> bool:
        return True

    def value(self, z: Ball) -> Ball:
        r = z - self.targets
        return (r * r).sum(-1)

    def gradient(self, z: Ball) -> Ball:
        return (z - self.targets) * 2

    def curvature(self, z: Ball, moved: Tensor) -> Tensor:
        return torch.full_like(moved, self.flattest)

    def hessian(self, z: Tensor) -> Tensor:
        return 2 * torch.eye(z.shape[1], dtype=z.dtype, device=z.device).expand(len(z), -1, -1)


class Logistic(Link):
    """Σ_c log(1 + e^z_c) − y_c z_c, with y_c in [0, 1]."""

    steepest = 0.25

    @staticmethod
    def refuses(targets: Tensor, outputs: int) -> str | None:
        if targets.dim() != 2 or targets.shape[1] != outputs:
            return "targets and outputs differ in shape"
        return None if bool(((targets >= 0) & (targets <= 1)).all()) else "targets must lie in [0, 1]"

    def value(self, z: Ball) -> Ball:
        return (z.map(softplus, ulps=12) - z * self.targets).sum(-1)

    def gradient(self, z: Ball) -> Ball:
        return sigmoid(z) - self.targets

    def curvature(self, z: Ball, moved: Tensor) -> Tensor:
        """s(1 − s) = e^-|z|/(1 + e^-|z|)² falls with |z|."""
        e = (-(Ball.exact(z.reach.amax(-1)) + moved)).exp()
        return (e / ((1 + e) * (1 + e))).low.clamp(min=0)

    def hessian(self, z: Tensor) -> Tensor:
        return torch.diag_embed(z.sigmoid() * (-z).sigmoid())

    def separates(self, z: Ball) -> bool:
        hard = (self.targets == 0) | (self.targets == 1)
        return bool(hard.all()) and bool((z * (2 * self.targets - 1)).low.gt(0).all())


class Softmax(Link):
    """log Σ_k e^z_k − z_y: constant along (1, ..., 1), so that its span are the outputs whose sum is 0."""

    steepest, span, missing = 0.5, "outputs that sum to 0", 1

    @staticmethod
    def refuses(targets: Tensor, outputs: int) -> str | None:
        if targets.dim() != 1 or targets.is_floating_point():
            return "targets are not class numbers"
        return None if bool(((targets >= 0) & (targets < outputs)).all()) else "some targets are not classes"

    def _shifted(self, z: Ball) -> Ball:
        return z - z.mid.amax(-1, keepdim=True)

    def _probabilities(self, z: Ball) -> Ball:
        e = self._shifted(z).exp()
        return e / e.sum(-1).unsqueeze(-1)

    def _own(self, z: Ball) -> Ball:
        return z[torch.arange(len(self.targets), device=z.mid.device), self.targets]

    def value(self, z: Ball) -> Ball:
        z = self._shifted(z)
        return z.exp().sum(-1).log() - self._own(z)

    def gradient(self, z: Ball) -> Ball:
        return self._probabilities(z) - torch.nn.functional.one_hot(self.targets, z.shape[-1]).double()

    def curvature(self, z: Ball, moved: Tensor) -> Tensor:
        """v'(diag p − pp')v = min_c Σ p_k (v_k − c)² >= min p ‖v‖² for v that sums to 0.

        ‖∇ log p_k‖² = ‖e_k − p‖² = (1 − p_k)² + Σ_(j≠k) p_j² <= 2, so log p_k falls by at most √2 `moved`.
        """
        fall = (Ball.exact(moved) * -math.nextafter(2**0.5, 2)).exp()
        return (Ball.exact(self._probabilities(z).low.amin(-1).clamp(min=0)) * fall).low.clamp(min=0)

    def hessian(self, z: Tensor) -> Tensor:
        p = z.softmax(-1)
        return torch.diag_embed(p) - p.unsqueeze(-1) * p.unsqueeze(-2)

    def separates(self, z: Ball) -> bool:
        others = torch.nn.functional.one_hot(self.targets, z.shape[-1]) == 0
        ahead = self._own(z).unsqueeze(-1) - z
        return bool((ahead.low > 0)[others].all())
