"""What three theorems allow the gap f − f* along a run, in plain numbers. Tests hold these against the claims.

Gaps are in units of the initial one, f(w_1) − f*; T = 1 at w_1.
"""

from __future__ import annotations

FACTOR = 4
"""The 4 of Theorem 4.15 (claim theorem-4.15)."""
SMALL = 0.5
"""Its small η, made explicit: η ≤ SMALL θε/L."""
CONTRACTION = 2
"""The 2 of the linear rate (claim linear-rate), which allows η ≤ θε/L."""


def step_in_units(eta: float, smoothness: float, beta1: float, eps: float) -> float:
    """δ = ηL/(θε), θ = 1 − β1: the premises on whole runs are bounds of it."""
    return eta * smoothness / ((1 - beta1) * eps)


def sublinear(T: int, eta: float, mu: float, G: float, eps: float) -> float:
    """Theorem 4.15: f(w_T) − f* is at most this times the initial gap."""
    return FACTOR * (G + eps) / (mu * eta * T)


def contraction(eta: float, mu: float, G: float, eps: float, delta: float) -> float:
    """ρ of the linear rate: f(w_{T+1}) − f* is at most (1 − ρ)^T times the initial gap."""
    return CONTRACTION * (1 - delta) * eta * mu / (G + eps)


def one_step_length(eta: float, overlap: float, u_norm: float, smoothness: float) -> float:
    """φ = ηL‖u‖²/⟨|g|, |u|⟩: the premise of the one-step rate (claim one-step-pl-rate) is 0 ≤ φ ≤ 2."""
    return eta * smoothness * u_norm**2 / overlap


def one_step_fall(phi: float, kappa: float, mu: float, smoothness: float) -> float:
    """q of the one-step rate: f(w⁺) − f* is at most (1 − q)(f(w) − f*)."""
    return phi * (2 - phi) * kappa**2 * mu / smoothness
