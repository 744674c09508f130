"""Loss functions that certify their constants for linear models: squares, logistic and softmax, with a ridge.

Each is a mean over samples; `ridge` adds (ridge/2) ‖w‖² over all trainable parameters, biases included.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from grams_theory.core.errors import UsageError
from grams_theory.core.rounding import Ball
from grams_theory.landscape.certificates.certificate import Certificate
from grams_theory.landscape.certificates.spectrum_bounds import GramSpectrum, gram_spectrum
from grams_theory.landscape.objective import Objective
from grams_theory.landscape.quantity import Quantity

_UP, _DOWN = 1 + 2.0**-50, 1 - 2.0**-50


def design(objective: Objective) -> Tensor | None:
    """X of shape (n, D) in float64 (with a column of ones for a bias) if the model is one trainable nn.Linear."""
    model = objective.model
    if not isinstance(model, nn.Linear) or len(objective.parameters) != len(list(model.parameters())):
        return None
    X = torch.cat([x.double() for x, _ in objective.batches])
    return X if model.bias is None else torch.cat([X, torch.ones_like(X[:, :1])], 1)


def _nonlinear(name: str, minimum: float = 0.0) -> Certificate:
    why = f"{name} certifies mu and L only for a single trainable nn.Linear"
    return Certificate(Quantity(None, why), Quantity(None, why), _floor(name, minimum))


def _floor(name: str, low: float = 0.0) -> Quantity:
    return Quantity(None, f"{name} is never negative", low=low)


@dataclass(frozen=True)
class _Criterion:
    ridge: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.ridge < float("inf"):
            raise UsageError(f"ridge={self.ridge} must be finite and >= 0")


@dataclass(frozen=True)
class SquareLoss(_Criterion):
    """½ Σ_outputs (output − target)², averaged over samples. Targets have the shape of the outputs."""

    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        if output.shape != target.shape:
            raise UsageError(
                f"outputs {tuple(output.shape)} and targets {tuple(target.shape)} must have one shape"
            )
        return (output - target).square().sum() / (2 * len(output))

    def certify(self, objective: Objective) -> Certificate:
        """A quadratic with Hessian I ⊗ (X'X/n + ridge I): mu is its smallest eigenvalue that is not 0."""
        X = design(objective)
        if X is None:
            return _nonlinear("SquareLoss")
        spectrum = gram_spectrum(X)
        L = Quantity((spectrum.largest + self.ridge) * _UP, "largest eigenvalue of X'X/n + ridge, enclosed")
        pl = self._pl(spectrum)
        if pl.value is None:
            return Certificate(L, pl, _floor("SquareLoss"))
        Y = torch.cat([y.double() for _, y in objective.batches])
        return Certificate(L, pl, _least_squares_minimum(X, Y, self.ridge, pl.value))

    def _pl(self, spectrum: GramSpectrum) -> Quantity:
        if self.ridge:
            return Quantity(
                (spectrum.smallest + self.ridge) * _DOWN, "smallest eigenvalue of X'X/n + ridge, enclosed"
            )
        if spectrum.smallest_nonzero is None:
            return Quantity(None, "some eigenvalues of X'X/n cannot be told from 0 in float64; add a ridge")
        return Quantity(
            spectrum.smallest_nonzero,
            f"smallest nonzero eigenvalue of X'X/n (rank {spectrum.rank}), enclosed",
        )


def _least_squares_minimum(X: Tensor, Y: Tensor, ridge: float, mu: float) -> Quantity:
    """f(w) >= f* >= f(w) − ‖∇f(w)‖²/(2 mu) at the computed solution w, evaluated with rounding bounds."""
    n, D = X.shape
    if ridge:
        W = torch.linalg.solve(
            X.mT @ X / n + ridge * torch.eye(D, dtype=X.dtype, device=X.device), X.mT @ Y / n
        )
    else:
        W = torch.linalg.pinv(X) @ Y
    residual = Ball.exact(X) @ W - Y
    f = (residual * residual).sum(-1).sum(-1) / (2 * n) + (Ball.exact(W) * W).sum(-1).sum(-1) * (ridge / 2)
    gradient = (Ball(residual.mid.mT.contiguous(), residual.rad.mT) @ X) / n + Ball.exact(W.mT) * ridge
    gap = (gradient * gradient).sum(-1).sum(-1) / (2 * mu)
    low, high = f.mid - f.rad - gap.mid - gap.rad, f.mid + f.rad
    return Quantity(
        high.item() * _UP,
        "least-squares solution, enclosed through its PL constant",
        max(low.item(), 0.0),
        high.item() * _UP,
    )


@dataclass(frozen=True)
class _Logistic(_Criterion):
    def _certify(self, objective: Objective, curvature: float, model: str) -> Certificate:
        """The Hessian lies between ridge I and curvature X'X/n + ridge I."""
        X = design(objective)
        if X is None:
            return _nonlinear(type(self).__name__)
        bound = (gram_spectrum(X).largest * curvature + self.ridge) * _UP
        L = Quantity(bound, f"{curvature:g} times the largest eigenvalue of X'X/n, enclosed, plus ridge")
        if self.ridge:
            pl = Quantity(self.ridge, "strongly convex: the ridge")
        else:
            pl = Quantity(
                None, f"no mu > 0 holds everywhere: {model} is unbounded and its gradient is not; add a ridge"
            )
        return Certificate(L, pl, _floor(type(self).__name__))


@dataclass(frozen=True)
class LogisticLoss(_Logistic):
    """Binary cross-entropy of logits, targets 0 or 1 in the shape of the outputs; curvature at most 1/4."""

    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        if output.shape != target.shape:
            raise UsageError(
                f"outputs {tuple(output.shape)} and targets {tuple(target.shape)} must have one shape"
            )
        return binary_cross_entropy_with_logits(output, target)

    def certify(self, objective: Objective) -> Certificate:
        return self._certify(objective, 0.25, "the logistic loss")


@dataclass(frozen=True)
class SoftmaxLoss(_Logistic):
    """Cross-entropy of logits (n, classes) with class indices (n,); diag(p) − pp' has eigenvalues at most 1/2."""

    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        return cross_entropy(output, target)

    def certify(self, objective: Objective) -> Certificate:
        return self._certify(objective, 0.5, "the cross-entropy")
