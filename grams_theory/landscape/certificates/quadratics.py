"""f(w) = ½ w'Hw − b'w, with its constants enclosed: the smallest case in which everything is known."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from grams_theory.core.errors import UsageError
from grams_theory.core.rounding import Ball
from grams_theory.landscape.certificates.certificate import DOWN, UP, Certificate, finite
from grams_theory.landscape.certificates.spectrum_bounds import enclosed_spectrum, exact_rank
from grams_theory.landscape.objective import Objective
from grams_theory.landscape.objective.modules import unaltered
from grams_theory.landscape.quantity import Quantity


class Quadratic(nn.Module):
    """Returns f(w) = ½ w'Hw − b'w for every sample, whatever it is. The parameter is w, (D,).

    Args:
        H: (D, D) symmetric.
        b: (D,).
        w: the starting weights, (D,).

    Raises:
        UsageError: H is not symmetric, or the shapes do not fit.
    """

    H: Tensor
    b: Tensor

    def __init__(self, H: Tensor, b: Tensor, w: Tensor) -> None:
        super().__init__()
        if (
            H.dim() != 2
            or not torch.equal(H, H.mT)
            or not torch.isfinite(H).all()
            or b.shape != H.shape[:1]
            or w.shape != b.shape
        ):
            raise UsageError(
                f"H {tuple(H.shape)}, b {tuple(b.shape)}, w {tuple(w.shape)}: H must be symmetric and "
                "finite, (D, D), b and w (D,)"
            )
        self.register_buffer("H", H.clone())
        self.register_buffer("b", b.clone())
        self.w = nn.Parameter(w.clone())

    def forward(self, x: Tensor) -> Tensor:
        return (self.w @ self.H @ self.w / 2 - self.b @ self.w).expand(len(x))


@dataclass(frozen=True)
class QuadraticLoss:
    """The mean of the outputs, which certifies a `Quadratic`."""

    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        return output.mean()

    def certify(self, objective: Objective) -> Certificate:
        """L, mu = the smallest eigenvalue of H that is not 0 if there is a minimum, and f*."""
        model = objective.model
        if type(model) is not Quadratic or not unaltered(model):
            what = (
                "one that has hooks or a forward of its own"
                if type(model) is Quadratic
                else type(model).__name__
            )
            why = f"QuadraticLoss certifies a Quadratic, not {what}"
            return Certificate(*(Quantity(None, why) for _ in range(4)))
        H, b = model.H.double(), model.b.double()
        low, high = enclosed_spectrum(Ball.exact(H))
        L = finite(max(-low[0].item(), high[-1].item()) * UP, "largest |eigenvalue| of H, enclosed")
        rank = int((low > 0).sum())
        why = _no_minimum(H, b, low, high, rank)
        if why:
            return Certificate(L, Quantity(None, why), Quantity(None, why), Quantity(None, why))
        mu = Quantity(low[-rank].item() * DOWN, f"smallest nonzero eigenvalue of H (rank {rank}), enclosed")
        return Certificate(L, mu, _minimum(H, b, low[-rank].item() * DOWN), mu)


def _no_minimum(H: Tensor, b: Tensor, low: Tensor, high: Tensor, rank: int) -> str | None:
    """Why no mu is certified, or None."""
    if bool((high < 0).any()):
        return "H has a negative eigenvalue: f falls without bound"
    if rank == len(H):
        return None
    if not rank or exact_rank(H) != rank:
        return "some eigenvalues of H cannot be told from 0 in float64"
    if exact_rank(torch.cat([H, b.unsqueeze(1)], 1)) != rank:
        return "b is not in the range of H: f falls without bound along its null space"
    return None


def _minimum(H: Tensor, b: Tensor, mu: float) -> Quantity:
    w = torch.linalg.pinv(H, hermitian=True) @ b
    Hw = (Ball.exact(w.unsqueeze(0)) @ H)[0]
    f, g = (Hw * 0.5 - b) * w, Hw - b
    f = f.sum(-1)
    gap = (g * g).sum(-1) / (2 * mu)
    high, low = f.mid + f.rad, (f - gap).low
    away = torch.full_like(f.mid, torch.inf)
    high, low = torch.nextafter(high, away).item(), torch.nextafter(low, -away).item()
    return Quantity(high, "solution of Hw = b, enclosed through the smallest nonzero eigenvalue", low, high)
