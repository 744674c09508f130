"""Rigorous enclosures of eigenvalues: of X'HX/n for float64 matrices X, and of any symmetric matrix in a Ball."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import torch
from flint import fmpz, fmpz_mat
from torch import Tensor

from grams_theory.core.rounding import Ball

LARGEST = 10**8
"""n D² of the largest (n, D) matrix whose rank is computed exactly; that takes seconds."""


@dataclass(frozen=True)
class GramSpectrum:
    """Eigenvalues of X'HX/n in ascending order, each within [low, high], shape (D,), and what is known of the rank."""

    low: Tensor
    high: Tensor
    rank: int | None
    """The rank of X, or None where `low` > 0 for fewer eigenvalues than the rank, or than its bound for a large X."""

    @property
    def largest(self) -> float:
        """Upper bound of the largest eigenvalue."""
        return self.high[-1].item()

    @property
    def smallest(self) -> float:
        """Lower bound of the smallest eigenvalue, >= 0."""
        return max(0.0, self.low[0].item())

    @property
    def smallest_nonzero(self) -> float | None:
        """Lower bound of the smallest eigenvalue that is not 0; None where it cannot be told from 0."""
        return self.low[-self.rank].item() if self.rank else None


def gram_spectrum(
    X: Tensor, weights: Tensor | float = 1.0, divisor: int | None = None, rank: int | None = None
) -> GramSpectrum:
    """Enclose the spectrum of X'HX/divisor, H = diag(weights).

    Args:
        X: (n, D) float64.
        weights: (n,), >= 0, or one for all rows.
        divisor: n, if left out.
        rank: of X, if it is known; else it is computed exactly where it cannot be seen.
    """
    scaled = Ball.exact(X.mT.contiguous())
    if isinstance(weights, Tensor) or weights != 1:
        scaled = scaled * weights
    low, high = enclosed_spectrum((scaled @ X) / (divisor or len(X)))
    separated = int((low > 0).sum())
    known = _rank_bound(X, separated) if rank is None else rank
    return GramSpectrum(low, high, separated if separated == known else None)


def enclosed_spectrum(A: Ball) -> tuple[Tensor, Tensor]:
    """Lower and upper bounds, (D,) each and ascending, of the eigenvalues of every symmetric matrix in A, (D, D).

    With computed eigenpairs (Λ, Q): A is within ‖A − QΛQ'‖ of QΛQ' (Weyl), whose eigenvalues are θ_i λ_i with
    |θ_i − 1| <= ‖Q'Q − I‖ (Ostrowski; Horn and Johnson, Matrix Analysis, 4.5.9). Both norms are bounded by
    Frobenius norms evaluated with their rounding error. Where these overflow, the bounds are infinite.
    """
    if not bool(A.mid.isfinite().all()):
        endless = A.mid.new_full(A.mid.shape[:1], torch.inf)
        return -endless, endless
    values, Q = torch.linalg.eigh((A.mid + A.mid.mT) / 2)
    distance = frobenius(A - (Ball.exact(Q) * values) @ Q.mT)
    eye = torch.eye(len(values), dtype=Q.dtype, device=Q.device)
    skew = frobenius((Ball.exact(Q.mT.contiguous()) @ Q) - eye)
    spread = ((distance + skew * values.abs()) * (1 + 2.0**-40)).nan_to_num(torch.inf, torch.inf)
    return values - spread, values + spread


def operator_norm(A: Ball) -> float:
    """An upper bound of the largest singular value of every matrix in A, (M, N)."""
    tall = A if A.shape[0] >= A.shape[1] else A.mT
    squared = enclosed_spectrum(tall.mT @ tall)[1][-1]
    return (squared.sqrt() * (1 + 2.0**-40)).item()


def frobenius(x: Ball) -> Tensor:
    """Upper bound of the Frobenius norm, shape ()."""
    total = (x * x).sum(-1).sum(-1).sqrt()
    return total.mid + total.rad


def _rank_bound(X: Tensor, expected: int) -> int:
    """An upper bound of the rank that is exact unless it already equals `expected`, or X is too large."""
    cheap = min(len(X), int((X != 0).any(0).sum()))
    dear = X.numel() * X.shape[1] > LARGEST
    return cheap if cheap == expected or dear else exact_rank(X)


def exact_rank(X: Tensor) -> int:
    """The rank over the rationals of a float64 matrix, entries taken for the binary numbers that they are."""
    fractions = [[Fraction(x) for x in row] for row in X.tolist()]
    scale = max(x.denominator for row in fractions for x in row)
    return fmpz_mat([[fmpz(int(x * scale)) for x in row] for row in fractions]).rank()
