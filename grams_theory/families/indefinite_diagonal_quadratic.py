"""Diagonal quadratics with curvatures of both signs: smooth and separable, nothing else."""

from torch import Generator

from grams_theory.core.function import Family
from grams_theory.families._draw import OPTIONS, normal, scales, signs, spectrum
from grams_theory.families._quadratic import DiagonalQuadratic


def sample(
    generator: Generator, batch: int, dim: int, condition: float = 100.0, scale: float = 1.0
) -> DiagonalQuadratic:
    h = spectrum(generator, batch, dim, condition) * scales(generator, batch, scale).unsqueeze(-1)
    sign = signs(generator, batch, dim)
    sign[:, 0] = -1.0
    return DiagonalQuadratic(h * sign, normal(generator, batch, dim))


FAMILY = Family(
    name="indefinite_diagonal_quadratic",
    title="diagonal quadratic, indefinite",
    traits=frozenset({"smooth", "separable", "quadratic"}),
    sample=sample,
    options=OPTIONS,
)
