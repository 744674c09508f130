"""Dense quadratics with curvatures of both signs: smooth, and nothing else."""

from torch import Generator

from grams_theory.core.function import Family
from grams_theory.families._draw import OPTIONS, scales, signs, spectrum
from grams_theory.families._quadratic import DenseQuadratic, rotated


def sample(
    generator: Generator, batch: int, dim: int, condition: float = 100.0, scale: float = 1.0
) -> DenseQuadratic:
    h = spectrum(generator, batch, dim, condition) * scales(generator, batch, scale).unsqueeze(-1)
    sign = signs(generator, batch, dim)
    sign[:, 0] = -1.0
    return rotated(generator, h * sign)


FAMILY = Family(
    name="indefinite_quadratic",
    title="dense quadratic, indefinite",
    traits=frozenset({"smooth", "quadratic"}),
    sample=sample,
    options=OPTIONS,
)
