"""Rigorous enclosures of the eigenvalues of X'X/n for a float64 matrix X."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import torch
from flint import fmpz, fmpz_mat
from torch import Tensor

from grams_theory.core.rounding import Ball


@dataclass(frozen=True)
class GramSpectrum:
    """Eigenvalues of X'X/n in ascending order, each within [low, high], shape (D,), and what is known of the rank."""

    low: Tensor
    high: Tensor
    rank: int | None
    """The rank of X, or None where `low` > 0 for fewer eigenvalues than the exact rank."""

    @property
    def largest(self) -> float:
        """Upper bound of the largest eigenvalue."""
        return self.high[-1].item()

    @property
    def smallest(self) -> float:
        """Lower bound of the smallest eigenvalue, >= 0."""
        return max(self.low[0].item(), 0.0)

    @property
    def smallest_nonzero(self) -> float | None:
        """Lower bound of the smallest eigenvalue that is not 0; None where it cannot be told from 0."""
        return self.low[-self.rank].item() if self.rank else None


def gram_spectrum(X: Tensor) -> GramSpectrum:
    """Enclose the spectrum of X'X/n, X of shape (n, D) float64.

    With A = X'X/n (a Ball) and computed eigenpairs (Λ, Q): A is within ‖A − QΛQ'‖ of QΛQ' (Weyl), whose
    eigenvalues are θ_i λ_i with |θ_i − 1| <= ‖Q'Q − I‖ (Ostrowski; Horn and Johnson, Matrix Analysis, 4.5.9).
    Both norms are bounded by Frobenius norms evaluated with their rounding error.
    """
    n, D = X.shape
    A = (Ball.exact(X.mT.contiguous()) @ X) / n
    values, Q = torch.linalg.eigh((A.mid + A.mid.mT) / 2)
    distance = _frobenius(A - (Ball.exact(Q) * values) @ Q.mT)
    skew = _frobenius((Ball.exact(Q.mT.contiguous()) @ Q) - torch.eye(D, dtype=X.dtype, device=X.device))
    spread = (distance + skew * values.abs()) * (1 + 2.0**-40)
    low, high = values - spread, values + spread
    separated = int((low > 0).sum())
    return GramSpectrum(low, high, separated if separated == _rank_bound(X, separated) else None)


def _frobenius(x: Ball) -> Tensor:
    """Upper bound of the Frobenius norm, shape ()."""
    total = (x * x).sum(-1).sum(-1).sqrt()
    return total.mid + total.rad


def _rank_bound(X: Tensor, expected: int) -> int:
    """An upper bound of the rank that is exact unless it already equals `expected`."""
    cheap = min(len(X), int((X != 0).any(0).sum()))
    return cheap if cheap == expected else exact_rank(X)


def exact_rank(X: Tensor) -> int:
    """The rank over the rationals of a float64 matrix, entries taken for the binary numbers that they are."""
    fractions = [[Fraction(x) for x in row] for row in X.tolist()]
    scale = max(x.denominator for row in fractions for x in row)
    return fmpz_mat([[fmpz(int(x * scale)) for x in row] for row in fractions]).rank()
