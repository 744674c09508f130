"""f(w) = (1/n) Σ_i φ(σ_i ⟨x_i, w⟩ − τ_i) + (ρ/2)‖w‖²: least squares and logistic regression."""

import torch
from torch import Tensor

from grams_theory.core.algebra import dot, norm2
from grams_theory.core.function import FunctionBatch, Vector
from grams_theory.core.rounding import Ball
from grams_theory.families._certify import lower, upper
from grams_theory.families._data import Data
from grams_theory.families._links import SOFTPLUS, SQUARE, Link

HALVINGS = 1


class EmpiricalRisk(FunctionBatch):
    """B losses on one data set, with L = sup|φ″| λ_max(X'X/n) + ρ.

    Args:
        link: φ.
        data: X, of shape (n, D), and its spectrum.
        sign: σ in {−1, 1}, shape (B, n).
        offset: τ, shape (B, n).
        ridge: ρ >= 0, shape (B,).
    """

    def __init__(self, link: Link, data: Data, sign: Tensor, offset: Tensor, ridge: Tensor) -> None:
        device = ridge.device
        self.link, self.sign, self.offset, self.ridge = link, sign, offset, ridge
        self.features = data.features.to(device)
        largest = Ball.exact(upper(data.spectrum).amax(-1).to(device))
        self.smoothness = upper(largest * link.curvature + ridge)

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.ridge), self.features.shape[-1]

    def residual(self, w: Vector) -> Vector:
        """σ ⟨x, w⟩ − τ per sample, shapes (..., B, D) -> (..., B, n)."""
        return (w @ self.features.mT) * self.sign - self.offset

    def value(self, w: Vector) -> Vector:
        return self.link.value(self.residual(w)).sum(-1) / len(self.features) + norm2(w) * (self.ridge * 0.5)

    def gradient(self, w: Vector) -> Vector:
        slope = self.link.slope(self.residual(w)) * self.sign
        return slope @ self.features / len(self.features) + w * self.ridge.unsqueeze(-1)

    def certify_minimum(self, near: Tensor) -> None:
        """f* from an approximate minimiser x: f(x) − f* <= ‖∇f(x)‖²/(2 mu) by the PL condition."""
        assert self.pl is not None
        at = Ball.exact(near)
        excess = Ball.exact(upper(norm2(self.gradient(at)))) / (self.pl * 2)
        self.minimum = self.value(at).widen(upper(excess))


class LeastSquares(EmpiricalRisk):
    """f(w) = ‖Xw − τ‖²/(2n) + (ρ/2)‖w‖², PL with mu = λ_min(X'X/n) + ρ."""

    def __init__(self, data: Data, target: Tensor, ridge: Tensor) -> None:
        super().__init__(SQUARE, data, torch.ones_like(target), target, ridge)
        smallest = Ball.exact(lower(data.spectrum).amin(-1).to(ridge.device))
        self.pl = lower(smallest + ridge)
        n = len(self.features)
        ridges = ridge[:, None, None] * torch.eye(self.shape[1], dtype=ridge.dtype, device=ridge.device)
        self.certify_minimum(
            torch.linalg.solve(self.features.mT @ self.features / n + ridges, target @ self.features / n)
        )

    def change(self, w: Tensor, d: Ball) -> Ball:
        quadratic = norm2(d @ self.features.mT) / len(self.features) + norm2(d) * self.ridge
        return dot(self.gradient(Ball.exact(w)), d) + quadratic * 0.5


class Logistic(EmpiricalRisk):
    """f(w) = (1/n) Σ_i log(1 + exp(−y_i ⟨x_i, w⟩)) + (ρ/2)‖w‖²; with ρ > 0 it is PL with mu = ρ."""

    def __init__(self, data: Data, labels: Tensor, ridge: Tensor) -> None:
        super().__init__(SOFTPLUS, data, -labels, torch.zeros_like(labels), ridge)
        if bool((ridge > 0).all()):
            self.pl = ridge
            self.certify_minimum(self._newton())

    def _newton(self) -> Tensor:
        """Newton's method; a row's step is halved while it would not shrink its gradient."""
        w = torch.zeros(self.shape, dtype=torch.float64, device=self.ridge.device)
        ridges = self.ridge[:, None, None] * torch.eye(self.shape[1], dtype=w.dtype, device=w.device)
        rate = torch.ones_like(self.ridge)
        while bool((rate > 2.0**-HALVINGS).any()):
            slope = self.link.slope(self.residual(w))
            weight = (slope * (1 - slope)).unsqueeze(-1) / len(self.features)
            gradient = self.gradient(w)
            step = torch.linalg.solve(self.features.mT @ (weight * self.features) + ridges, gradient)
            trial = w - rate.unsqueeze(-1) * step
            better = norm2(self.gradient(trial)) < norm2(gradient)
            w = torch.where(better.unsqueeze(-1), trial, w)
            rate = torch.where(better, 1.0, rate / 2)
        return w
