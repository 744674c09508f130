"""The ends of a symmetric operator's spectrum by Lanczos; ARPACK takes over where memory ends.

The Lanczos vectors stay where the operator computes, in its dtype, each orthogonal to all before it, and the ends are
looked at after each step: no product is spent on what is known already, and one run finds both ends. ARPACK (`eigsh` of
scipy) restarts, so that it needs few vectors, but it looks only when it restarts, and forgets then: at a smallest
eigenvalue near 0, where most Hessians have one, it was seen to spend three times the products.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.linalg import eigh_tridiagonal
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh
from torch import Tensor

from grams_theory.core.errors import UsageError

MEMORY = 1 << 31
"""Bytes that Lanczos vectors may take."""
VECTORS, RESTARTED = 120, 30
"""The most Lanczos vectors, here and in ARPACK."""
FEWEST = 6
"""There are so many vectors even if they take more than `MEMORY`."""
RESTARTS = 100
"""After so many ARPACK gives up."""

Product = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class RitzPair:
    """What Lanczos found for one end: a value, a unit vector of shape (D,), and whether `tol` was reached."""

    value: float
    vector: Tensor
    converged: bool


def ends(product: Product, start: Tensor, tol: float, *, both: bool) -> tuple[RitzPair, ...]:
    """The smallest and the largest eigenvalue of a symmetric operator, or only the one of largest magnitude.

    Args:
        product: v -> Av, (D,) to (D,), of start's dtype and device.
        start: (D,), with a component along each eigenvector that is to be found: a random vector has one.
        tol: residual asked for, relative to the largest magnitude.

    A pair that did not reach `tol` is the best of the first run, and says so.

    Raises:
        UsageError: a product that is not finite.
    """
    start = start / start.norm()
    first = product(start)
    unit = _unit(first)

    def scaled(v: Tensor) -> Tensor:
        return product(v) / unit

    pairs, (low, high) = _krylov(scaled, start, first / unit, tol, both)
    scale = max(-low, high)
    found = []
    for pair in pairs:
        if not pair.converged:
            # at the wanted end the operator less this has twice the magnitude that it has at the other
            shift = 2 * (low if pair.value > low else high) - pair.value
            pair = _restarted(scaled, pair, shift, tol * scale / abs(pair.value - shift))
        found.append(replace(pair, value=pair.value * unit))
    return tuple(found)


def _unit(first: Tensor) -> float:
    """The power of 2 by which products are divided, so that no square of them overflows or underflows."""
    size = first.abs().max().item()
    return 2.0 ** math.frexp(max(size, torch.finfo(first.dtype).tiny))[1] if 0 < size < math.inf else 1.0


def _krylov(
    product: Product, start: Tensor, first: Tensor, tol: float, both: bool
) -> tuple[list[RitzPair], tuple[float, float]]:
    """The wanted Ritz pairs, and the smallest and the largest Ritz value; `first` is the product of `start`."""
    D = len(start)
    most = min(D, _affordable(start, VECTORS))
    V = start.new_empty(most, D)
    V[0] = start
    diagonal, beside = [], []
    while True:
        j = len(diagonal)
        known = V[: j + 1]
        a, w = _orthogonal(product(V[j]) if j else first, known)
        diagonal.append(a)
        beside.append(w.norm().item())
        if not math.isfinite(a + beside[-1]):
            raise UsageError(
                "a Hessian product is not finite; check the loss and its gradient at these weights"
            )
        end = j + 1 == most or beside[-1] == 0
        if end or j % (1 + j // 20) == 0:  # every step at first, later every few: a look costs j² operations
            values, vectors = eigh_tridiagonal(diagonal, beside[:-1])
            wanted = [0, j] if both else [int(abs(values).argmax())]
            enough = tol * abs(values).max()
            reached = [bool(abs(vectors[j, i]) * beside[j] <= enough) or j + 1 == D for i in wanted]
            if end or all(reached):
                break
        V[j + 1] = w / beside[j]
    pairs = []
    for i, converged in zip(wanted, reached, strict=True):
        x = known.mT @ torch.from_numpy(vectors[:, i].copy()).to(V)
        pairs.append(RitzPair(float(values[i]), x / x.norm(), converged))
    return pairs, (float(values[0]), float(values[-1]))


def _affordable(vector: Tensor, wanted: int) -> int:
    return min(wanted, max(FEWEST, MEMORY // (vector.element_size() * len(vector))))


def _orthogonal(w: Tensor, known: Tensor) -> tuple[float, Tensor]:
    """The coefficient of w along the last of the known orthonormal rows, and w without the span of them all."""
    before, parts = w.norm(), known @ w
    w = torch.addmv(w, known.mT, parts, alpha=-1)
    if w.norm() < before / math.sqrt(
        2
    ):  # what cancelled left rounding behind: twice is enough (Kahan, Parlett)
        again = known @ w
        parts, w = parts + again, torch.addmv(w, known.mT, again, alpha=-1)
    return parts[-1].item(), w


def _restarted(product: Product, pair: RitzPair, shift: float, tol: float) -> RitzPair:
    """The eigenpair at the end where the pair is, by ARPACK from there on; the pair as it was if that gives up.

    The operator less `shift` has its largest magnitude there.
    """
    D, x = len(pair.vector), pair.vector

    def shifted(v: np.ndarray) -> np.ndarray:
        v = v.reshape(-1)
        return product(torch.from_numpy(v).to(x)).to("cpu", torch.float64).numpy() - shift * v

    v0 = x.to("cpu", torch.float64)
    operator = LinearOperator(dtype=np.dtype(np.float64), shape=(D, D), matvec=shifted)  # type: ignore[call-arg]
    vectors = min(D, _affordable(v0, RESTARTED))
    try:
        values, found = eigsh(operator, k=1, v0=v0.numpy(), ncv=vectors, maxiter=RESTARTS, tol=tol)  # type: ignore[arg-type]
    except ArpackNoConvergence:
        return pair
    return RitzPair(float(values[0]) + shift, torch.from_numpy(found[:, 0]).to(x), True)
