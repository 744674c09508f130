"""f(w) = s Σ_j cos((A(w − c))_j + b_j): sums of cosine ridges, smooth and nothing else."""

from torch import Generator

from grams_theory.core.function import Family
from grams_theory.families._composition import LinearComposition, LinearMap
from grams_theory.families._draw import SCALES, normal, scales, uniform
from grams_theory.families._links import COSINE


def sample(
    generator: Generator, batch: int, dim: int, condition: float = 100.0, scale: float = 1.0
) -> LinearComposition:
    linear = LinearMap.sample(generator, batch, 2 * dim, dim, condition)
    phase = 6.25 * uniform(generator, batch, 2 * dim)
    return LinearComposition(
        COSINE, linear, scales(generator, batch, scale), normal(generator, batch, dim), phase
    )


FAMILY = Family(
    name="trigonometric",
    title="sums of cosine ridges",
    traits=frozenset({"smooth"}),
    sample=sample,
    options={"condition": (100.0, 1.0, 1e4), "scale": SCALES},
)
