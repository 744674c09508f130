"""Rigorous bounds on the eigenvalues of floating-point matrices, from an approximate eigendecomposition.

An eigensolver is not trusted: whatever (Q, lam) it returned, the residual is enclosed in ball arithmetic.
"""

import math

import torch
from torch import Tensor

from grams_theory.core.rounding import Ball


def upper(x: Ball) -> Tensor:
    """Floats that no value of the ball exceeds."""
    return torch.nextafter(x.mid + x.rad, torch.full_like(x.mid, math.inf))


def lower(x: Ball) -> Tensor:
    """Floats that every value of the ball reaches."""
    return -upper(-x)


def frobenius(matrix: Ball) -> Tensor:
    """An upper bound on the Frobenius norm of every matrix in the ball, shape (..., N, D) -> (...,)."""
    size = Ball.exact(upper(abs(matrix)))
    return upper((size * size).sum(-1).sum(-1).sqrt())


def certified_spectrum(matrix: Ball, basis: Tensor, eigenvalues: Tensor) -> Ball:
    """Enclosures of the eigenvalues of symmetric matrices H with H ≈ Q diag(lam) Q'.

    With δ = ‖Q'Q − I‖ and ρ = ‖H − Q diag(lam) Q'‖, Ostrowski's theorem puts the eigenvalues of
    Q diag(lam) Q' within |lam_i| δ of lam_i (both sorted), and Weyl's theorem those of H within ρ of these.
    Horn and Johnson, "Matrix Analysis", theorems 4.5.9 and 4.3.1.

    Args:
        matrix: H, shape (..., D, D).
        basis: Q, shape (..., D, D).
        eigenvalues: lam, shape (..., D).

    Returns:
        Balls about lam, shape (..., D); the i-th smallest eigenvalue of H is in the i-th smallest ball.
    """
    eye = torch.eye(basis.shape[-1], dtype=basis.dtype, device=basis.device)
    skew = frobenius(Ball.exact(basis.mT) @ basis - eye).unsqueeze(-1)
    residual = frobenius(matrix - (Ball.exact(basis) * eigenvalues.unsqueeze(-2)) @ basis.mT).unsqueeze(-1)
    return Ball(eigenvalues, upper(Ball.exact(eigenvalues.abs()) * skew + residual))
