"""Solvers of an end of the spectrum, or of both: each multiplies by `product`, and returns eigenpairs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, cast

import hessian_eigenthings as eigenthings
import numpy as np
import pyhessian
import torch
from pyhessian.utils import group_product
from scipy.sparse.linalg import LinearOperator, eigsh
from torch import Tensor, nn

from grams_theory.landscape.curvature import sharpness, spectrum
from grams_theory.landscape.objective import Objective

from .products import Matvec, cut, flat

MOST = 1000
"""Products after which a power iteration is stopped."""
Which = Literal["LM", "LA", "SA"]
Pair = tuple[float, Tensor | None]
"""Ours tells no eigenvectors: they are what it multiplied last, to verify them."""
Solver = Callable[[Matvec, Objective, float], list[Pair]]


def ours(product: Matvec, objective: Objective, tol: float) -> list[Pair]:
    return [(sharpness(objective, tol, product=product).value, None)]


def ours_both(product: Matvec, objective: Objective, tol: float) -> list[Pair]:
    found = spectrum(objective, tol, product=product)
    return [(found.smallest.value, None), (found.largest.value, None)]


def by_eigsh(product: Matvec, objective: Objective, tol: float, which: Which = "LM") -> list[Pair]:
    """As the documentation of curvlinops does it."""

    def matvec(v: np.ndarray) -> np.ndarray:
        found = product(torch.from_numpy(v.reshape(-1)).to(objective.device, objective.dtype))
        return found.cpu().numpy()

    shape = objective.dim, objective.dim
    operator = LinearOperator(dtype=np.dtype(np.float32), shape=shape, matvec=matvec)  # type: ignore[call-arg]
    v0 = torch.randn(objective.dim, generator=torch.Generator().manual_seed(1)).numpy()
    values, vectors = eigsh(operator, k=1, which=which, tol=tol, v0=v0, maxiter=MOST // 10)  # type: ignore[arg-type]
    return [(float(values[0]), torch.from_numpy(vectors[:, 0]).to(objective.device))]


class PowerIteration(pyhessian.hessian):
    """PyHessian's, on any product."""

    def __init__(self, product: Matvec, objective: Objective) -> None:
        self.product, self.params = product, objective.parameters
        self.model, self.device, self.full_dataset = nn.Identity(), objective.device, True

    def dataloader_hv_product(self, v: list[Tensor]) -> tuple[float, list[Tensor]]:
        Hv = cut(self.product(flat(v)), self.params)
        return cast(Tensor, group_product(Hv, v)).item(), Hv


def by_pyhessian(product: Matvec, objective: Objective, tol: float, most: int = MOST) -> list[Pair]:
    torch.manual_seed(1)
    values, vectors = PowerIteration(product, objective).eigenvalues(maxIter=most, tol=tol)
    return [(values[0], flat(vectors[0]))]


def by_eigenthings(product: Matvec, objective: Objective, steps: float, which: Which = "LM") -> list[Pair]:
    found = eigenthings.lanczos(
        operator(product, objective), k=1, max_iter=int(steps), which=which, seed=0, reorthogonalize=True
    )
    return [(found.eigenvalues[0].item(), found.eigenvectors[0])]


def by_doubling(product: Matvec, objective: Objective, tol: float, which: Which = "LM") -> list[Pair]:
    steps = 10
    while True:
        steps = min(steps, objective.dim)
        found = eigenthings.lanczos(
            operator(product, objective), k=1, max_iter=steps, tol=tol, which=which, seed=0
        )
        if bool(found.converged.all()) or steps >= MOST:
            return [(found.eigenvalues[0].item(), found.eigenvectors[0])]
        steps *= 2


def operator(product: Matvec, objective: Objective) -> eigenthings.LambdaOperator:
    return eigenthings.LambdaOperator(
        product, size=objective.dim, device=objective.device, dtype=objective.dtype
    )


def by_power(product: Matvec, objective: Objective, tol: float, most: int = MOST) -> list[Pair]:
    found = eigenthings.deflated_power_iteration(
        operator(product, objective), k=1, tol=tol, max_iter=most, seed=0
    )
    return [(found.eigenvalues[0].item(), found.eigenvectors[0])]
