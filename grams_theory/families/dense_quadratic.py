"""Strongly convex quadratics with dense Hessians in random bases."""

from torch import Generator

from grams_theory.core.function import Family
from grams_theory.families._draw import OPTIONS, scales, spectrum
from grams_theory.families._quadratic import DenseQuadratic, rotated


def sample(
    generator: Generator, batch: int, dim: int, condition: float = 100.0, scale: float = 1.0
) -> DenseQuadratic:
    h = spectrum(generator, batch, dim, condition) * scales(generator, batch, scale).unsqueeze(-1)
    return rotated(generator, h)


FAMILY = Family(
    name="dense_quadratic",
    title="dense quadratic, strongly convex",
    traits=frozenset({"smooth", "bounded", "convex", "pl", "quadratic"}),
    sample=sample,
    options=OPTIONS,
)
