"""Strongly convex diagonal quadratics, f(w) = Σ_i h_i (w_i − c_i)² / 2: separable, with exact constants."""

from torch import Generator

from grams_theory.core.function import Family
from grams_theory.families._draw import OPTIONS, normal, scales, spectrum
from grams_theory.families._quadratic import DiagonalQuadratic


def sample(
    generator: Generator, batch: int, dim: int, condition: float = 100.0, scale: float = 1.0
) -> DiagonalQuadratic:
    h = spectrum(generator, batch, dim, condition) * scales(generator, batch, scale).unsqueeze(-1)
    return DiagonalQuadratic(h, normal(generator, batch, dim))


FAMILY = Family(
    name="diagonal_quadratic",
    title="diagonal quadratic, strongly convex",
    traits=frozenset({"smooth", "bounded", "convex", "pl", "separable", "quadratic"}),
    sample=sample,
    options=OPTIONS,
)
