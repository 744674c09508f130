"""f(w) = s Σ_i φ(a_i (w_i − c_i)), φ(x) = x² + 3 sin²x: PL, separable, and not convex."""

from torch import Generator

from grams_theory.core.function import Family
from grams_theory.families._composition import LinearComposition, LinearMap
from grams_theory.families._draw import SCALES, normal, scales, spectrum
from grams_theory.families._links import SQUARE_PLUS_SINE


def sample(
    generator: Generator, batch: int, dim: int, condition: float = 100.0, scale: float = 1.0
) -> LinearComposition:
    linear = LinearMap.diagonal(spectrum(generator, batch, dim, condition).sqrt())
    return LinearComposition(
        SQUARE_PLUS_SINE, linear, scales(generator, batch, scale), normal(generator, batch, dim)
    )


FAMILY = Family(
    name="pl_sine",
    title="x² + 3 sin²x in each coordinate",
    traits=frozenset({"smooth", "bounded", "pl", "separable", "interpolating"}),
    sample=sample,
    options={"condition": (100.0, 1.0, 1e4), "scale": SCALES},
)
