"""The ends of the Hessian's spectrum by Lanczos on autograd products, each with its residual."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

from grams_theory.core.errors import GramsTheoryError
from grams_theory.core.random import generator
from grams_theory.landscape.objective import Objective

DENSE = 32
"""Up to this dimension the Hessian is formed: as cheap as Lanczos, and never short of Krylov vectors."""


@dataclass(frozen=True)
class Eigenvalue:
    """A Ritz value and ‖Hv − λv‖/‖v‖: an eigenvalue of the Hessian lies within `residual` of `value`."""

    value: float
    residual: float


@dataclass(frozen=True)
class Spectrum:
    """The largest and the smallest (algebraic) eigenvalue at one point; Hessians are indefinite."""

    largest: Eigenvalue
    smallest: Eigenvalue
    products: int
    """Hessian-vector products spent."""

    @property
    def magnitude(self) -> Eigenvalue:
        """The eigenvalue of largest magnitude, as a magnitude: the local L."""
        top = max(self.largest, self.smallest, key=lambda e: abs(e.value))
        return Eigenvalue(abs(top.value), top.residual)


Operator = Callable[[np.ndarray], np.ndarray]


def spectrum(objective: Objective, tol: float = 1e-8, seed: int = 0) -> Spectrum:
    """Both ends of the Hessian's spectrum at the objective's present weights.

    First the eigenvalue of largest magnitude λ, then the far end of the spectrum as that of H − λI. `tol` is
    ARPACK's accuracy relative to it. Ritz values lie inside the spectrum: they bound its ends from within.

    Raises:
        GramsTheoryError: no convergence; the message says what to loosen.
    """
    product, D = objective.hessian_product(), objective.dim
    device, calls = objective.parameters[0].device, 0

    def H(v: np.ndarray) -> np.ndarray:
        nonlocal calls
        calls += 1
        return product(torch.from_numpy(v.reshape(-1)).to(device)).double().cpu().numpy()

    if D <= DENSE:
        columns = np.stack([H(e) for e in np.eye(D)], 1)
        values, vectors = np.linalg.eigh((columns + columns.T) / 2)
        pairs = [(values[i], vectors[:, i]) for i in (0, -1)]
    else:
        v0 = torch.randn(D, generator=generator(seed, "lanczos"), dtype=torch.float64).numpy()
        top, x = _outermost(H, v0, tol)
        shift, y = _outermost(lambda v: H(v) - top * v, v0, tol)
        pairs = sorted([(top, x), (top + shift, y)], key=lambda pair: pair[0])
    smallest, largest = (Eigenvalue(float(c), float(np.linalg.norm(H(v) - c * v))) for c, v in pairs)
    return Spectrum(largest, smallest, calls)


def _outermost(A: Operator, v0: np.ndarray, tol: float) -> tuple[float, np.ndarray]:
    """The eigenvalue of largest magnitude of a symmetric operator, with a unit eigenvector."""
    if not A(v0).any():  # ARPACK refuses the zero operator
        return 0.0, v0 / np.linalg.norm(v0)
    operator = LinearOperator(dtype=np.dtype(np.float64), shape=(len(v0), len(v0)), matvec=A)  # type: ignore[call-arg]
    try:
        values, vectors = eigsh(operator, k=1, which="LM", v0=v0, tol=tol)  # type: ignore[arg-type]
    except ArpackNoConvergence as error:
        raise GramsTheoryError(
            f"Lanczos did not converge to relative {tol:g}; use dtype=torch.float64 or a larger curvature_tol"
        ) from error
    return float(values[0]), vectors[:, 0]
