"""f(w) = s Σ_j φ((A(w − c))_j + b_j): a scalar function of linear maps, with certified constants."""

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from grams_theory.core.function import FunctionBatch, Vector
from grams_theory.core.rounding import Ball
from grams_theory.families._certify import certified_spectrum, lower, upper
from grams_theory.families._draw import rotations, spectrum
from grams_theory.families._links import Link


@dataclass(frozen=True)
class LinearMap:
    """Matrices A with certified singular values."""

    matrix: Tensor
    """Shape (B, N, D)."""
    squares: Ball
    """Enclosures of the min(N, D) largest eigenvalues of A'A, shape (B, min(N, D))."""

    @classmethod
    def sample(cls, generator: Generator, batch: int, rows: int, dim: int, condition: float) -> "LinearMap":
        """Random A with σ² of spread at most `condition` about 1, in random bases on both sides."""
        rank = min(rows, dim)
        squares = spectrum(generator, batch, rank, condition)
        left, right = rotations(generator, batch, rows), rotations(generator, batch, dim)
        matrix = (left[..., :rank] * squares.sqrt().unsqueeze(-2)) @ right[..., :rank].mT
        exact = Ball.exact(matrix)
        if rows <= dim:
            return cls(matrix, certified_spectrum(exact @ matrix.mT, left, squares))
        return cls(matrix, certified_spectrum(Ball.exact(matrix.mT) @ matrix, right, squares))

    @classmethod
    def diagonal(cls, entries: Tensor) -> "LinearMap":
        """A = diag(entries), entries of shape (B, D)."""
        return cls(torch.diag_embed(entries), Ball.exact(entries) * entries)


class LinearComposition(FunctionBatch):
    """s Σ_j φ((A(w − c))_j + b_j) with L = s sup|φ″| σ_max(A)².

    If φ is least at 0 and b = 0, then c is a minimiser and f* = 0. If moreover φ is PL and the rows of A are
    independent, f is PL with mu = s mu_φ σ_min(A)², since ‖A'y‖ >= σ_min ‖y‖.

    Args:
        link: φ.
        linear: A, of shape (B, N, D).
        scale: s > 0, shape (B,).
        centre: c, shape (B, D).
        offset: b, shape (B, N), or None for 0.
    """

    def __init__(
        self, link: Link, linear: LinearMap, scale: Tensor, centre: Tensor, offset: Tensor | None = None
    ) -> None:
        self.link, self.matrix, self.scale, self.centre, self.offset = (
            link,
            linear.matrix,
            scale,
            centre,
            offset,
        )
        scaled = linear.squares * scale.unsqueeze(-1)
        self.smoothness = upper(scaled * link.curvature).amax(-1)
        if link.least_at_zero and offset is None:
            self.minimizer = centre
            self.minimum = Ball.exact(torch.zeros_like(scale))
            rows, dim = self.matrix.shape[-2:]
            if link.pl is not None and rows <= dim:
                self.pl = lower(scaled * link.pl).amin(-1)

    @property
    def shape(self) -> tuple[int, int]:
        batch, dim = self.centre.shape
        return batch, dim

    def preimage(self, w: Vector) -> Vector:
        """A(w − c) + b, shapes (..., B, D) -> (..., B, N)."""
        z = ((w - self.centre).unsqueeze(-2) @ self.matrix.mT)[..., 0, :]
        return z if self.offset is None else z + self.offset

    def value(self, w: Vector) -> Vector:
        return self.link.value(self.preimage(w)).sum(-1) * self.scale

    def gradient(self, w: Vector) -> Vector:
        slope = self.link.slope(self.preimage(w))
        return (slope.unsqueeze(-2) @ self.matrix)[..., 0, :] * self.scale.unsqueeze(-1)
