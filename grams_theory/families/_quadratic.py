"""f(w) = (w − c)' H (w − c) / 2, for the floating-point numbers H and c as they are stored."""

from abc import abstractmethod

import torch
from torch import Generator, Tensor

from grams_theory.core.algebra import dot
from grams_theory.core.function import FunctionBatch, Vector
from grams_theory.core.rounding import Ball
from grams_theory.families._certify import certified_spectrum, lower, upper
from grams_theory.families._draw import normal, rotations


class Quadratic(FunctionBatch):
    """Quadratic forms about a centre. With a PL constant, the centre is a minimiser and f* = 0."""

    def __init__(self, centre: Tensor, smoothness: Tensor, pl: Tensor | None = None) -> None:
        self.centre = centre
        self.smoothness = smoothness
        self.pl = pl
        if pl is not None:
            self.minimizer = centre
            self.minimum = Ball.exact(torch.zeros_like(smoothness))

    @abstractmethod
    def apply(self, x: Vector) -> Vector:
        """H x, shapes (..., B, D) -> (..., B, D)."""

    @property
    def shape(self) -> tuple[int, int]:
        batch, dim = self.centre.shape
        return batch, dim

    def value(self, w: Vector) -> Vector:
        x = w - self.centre
        return dot(x, self.apply(x)) * 0.5

    def gradient(self, w: Vector) -> Vector:
        return self.apply(w - self.centre)

    def change(self, w: Tensor, d: Ball) -> Ball:
        return dot(self.gradient(Ball.exact(w)) + self.apply(d) * 0.5, d)


class DiagonalQuadratic(Quadratic):
    """H = diag(h), h of shape (B, D): L = max |h_i| exactly, and mu = min h_i if all are positive."""

    def __init__(self, h: Tensor, centre: Tensor) -> None:
        super().__init__(centre, h.abs().amax(-1), h.amin(-1) if bool((h > 0).all()) else None)
        self.h = h

    def apply(self, x: Vector) -> Vector:
        return x * self.h

    def quadratic(self, row: int) -> tuple[Tensor, Tensor]:
        return torch.diag(self.h[row]), self.centre[row]


class DenseQuadratic(Quadratic):
    """H symmetric of shape (B, D, D), with certified bounds on its spectrum."""

    def __init__(self, hessian: Tensor, centre: Tensor, smoothness: Tensor, pl: Tensor | None = None) -> None:
        super().__init__(centre, smoothness, pl)
        self.hessian = hessian

    def apply(self, x: Vector) -> Vector:
        return (x.unsqueeze(-2) @ self.hessian)[..., 0, :]

    def quadratic(self, row: int) -> tuple[Tensor, Tensor]:
        return self.hessian[row], self.centre[row]


def certified(
    basis: Tensor, eigenvalues: Tensor, centre: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
    """Arguments of `DenseQuadratic` for about these eigenvalues, shape (B, D), in that basis, shape (B, D, D)."""
    product = (basis * eigenvalues.unsqueeze(-2)) @ basis.mT
    hessian = (product + product.mT) / 2
    found = certified_spectrum(Ball.exact(hessian), basis, eigenvalues)
    convex = bool((lower(found) > 0).all())
    smoothness = upper(abs(found)).amax(-1)
    return hessian, centre, smoothness, lower(found).amin(-1) if convex else None


def rotated(generator: Generator, eigenvalues: Tensor) -> DenseQuadratic:
    """Dense quadratics with about these eigenvalues, shape (B, D), in random bases about random centres."""
    batch, dim = eigenvalues.shape
    basis = rotations(generator, batch, dim)
    return DenseQuadratic(*certified(basis, eigenvalues, normal(generator, batch, dim)))
