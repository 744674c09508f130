"""The ends of the Hessian's spectrum by Lanczos on autograd products, each with its residual.

What Lanczos says of its own accuracy is not believed: each vector that it finds is multiplied by the Hessian once more,
and its Rayleigh quotient and residual are returned. Rayleigh quotients lie inside the spectrum, converged or not, so
that the magnitude of one is a lower bound of L, but for the rounding of a product.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from grams_theory.core.errors import UsageError
from grams_theory.core.random import generator
from grams_theory.landscape.curvature.lanczos import Product, ends
from grams_theory.landscape.objective import Objective

NOISE = 8
"""A product is uncertain by several eps of its dtype, relative to λ: no smaller residual is asked for."""


@dataclass(frozen=True)
class Eigenvalue:
    """A Rayleigh quotient and ‖Hv − λv‖/‖v‖: an eigenvalue of the Hessian lies within `residual` of `value`.

    Both carry the rounding of one product, several eps of its dtype relative to the largest |λ|.
    """

    value: float
    residual: float
    converged: bool = True
    """Whether Lanczos reached the accuracy asked for; if not, `residual` says how far it got."""


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
        return Eigenvalue(abs(top.value), top.residual, top.converged)


def spectrum(
    objective: Objective, tol: float = 1e-8, seed: int = 0, *, product: Product | None = None
) -> Spectrum:
    """Both ends of the Hessian's spectrum at the objective's present weights.

    Args:
        tol: residual asked for, relative to the largest |λ|; at least 8 eps of the weights' dtype, since less is noise.
        seed: of the vector that Lanczos starts from.
        product: `objective.hessian_product()`, if it is there already.

    Raises:
        UsageError: a bad `tol`, or a Hessian that is not finite.
    """
    return _spectrum(_Block(objective, product), tol, seed)


def group_spectra(
    objective: Objective,
    tol: float = 1e-8,
    seed: int = 0,
    *,
    product: Product | None = None,
    found: Callable[[], None] | None = None,
) -> dict[str, Spectrum]:
    """Both ends of the spectrum of the Hessian's diagonal block of each group of parameters, by the group's name.

    They interlace: the ends of a block lie between those of the Hessian. `found` is called after each block; the other
    arguments and the errors are those of `spectrum`.
    """
    product = product or objective.hessian_product()
    spectra = {}
    for name in objective.groups:
        spectra[name] = _spectrum(_Block(objective, product, name), tol, seed)
        if found is not None:
            found()
    return spectra


def sharpness(
    objective: Objective, tol: float = 1e-8, seed: int = 0, *, product: Product | None = None
) -> Eigenvalue:
    """The eigenvalue of largest magnitude, with its sign; several times cheaper than both ends.

    Arguments and errors are those of `spectrum`.
    """
    H = _Block(objective, product)
    (found,) = H.ends(tol, seed, both=False)
    return found


class _Block:
    """The Hessian, or the diagonal block of a group; it counts its products."""

    def __init__(self, objective: Objective, product: Product | None, group: str | None = None) -> None:
        self.objective, self.product, self.calls = objective, product or objective.hessian_product(), 0
        self.places = (slice(0, objective.dim),) if group is None else objective.groups[group]
        self.sizes = [place.stop - place.start for place in self.places]

    def ends(self, tol: float, seed: int, *, both: bool) -> tuple[Eigenvalue, ...]:
        if not tol >= 0:
            raise UsageError(f"{tol=} must be a number >= 0")
        start = torch.randn(sum(self.sizes), generator=generator(seed, "lanczos"), dtype=torch.float64)
        start = start.to(self.objective.device, self.objective.dtype)
        accuracy = max(tol, NOISE * self.objective.eps)
        return tuple(
            self._measured(pair.vector, pair.converged) for pair in ends(self, start, accuracy, both=both)
        )

    def _measured(self, x: Tensor, converged: bool) -> Eigenvalue:
        Hx, x = self(x).double(), x.double()
        value = (x @ Hx) / (x @ x)
        rest = Hx - value * x
        size = rest.abs().max().clamp(min=torch.finfo(rest.dtype).tiny)  # so that no square underflows
        return Eigenvalue(value.item(), (size * (rest / size).norm() / x.norm()).item(), converged)

    def __call__(self, v: Tensor) -> Tensor:
        self.calls += 1
        if len(v) == self.objective.dim:
            return self.product(v)
        whole = v.new_zeros(self.objective.dim)
        for place, part in zip(self.places, v.split(self.sizes), strict=True):
            whole[place] = part
        Hv = self.product(whole)
        return torch.cat([Hv[place] for place in self.places])


def _spectrum(H: _Block, tol: float, seed: int) -> Spectrum:
    smallest, largest = H.ends(tol, seed, both=True)
    return Spectrum(largest, smallest, H.calls)
