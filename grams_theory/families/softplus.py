"""f(w) = s Σ_j log(1 + exp((A(w − c))_j + b_j)): smooth and convex; need not have a minimiser."""

from torch import Generator

from grams_theory.core.function import Family
from grams_theory.families._composition import LinearComposition, LinearMap
from grams_theory.families._draw import SCALES, normal, scales
from grams_theory.families._links import SOFTPLUS


def sample(
    generator: Generator, batch: int, dim: int, condition: float = 100.0, scale: float = 1.0
) -> LinearComposition:
    linear = LinearMap.sample(generator, batch, 2 * dim, dim, condition)
    offset = normal(generator, batch, 2 * dim)
    return LinearComposition(
        SOFTPLUS, linear, scales(generator, batch, scale), normal(generator, batch, dim), offset
    )


FAMILY = Family(
    name="softplus",
    title="softplus of linear maps",
    traits=frozenset({"smooth", "convex"}),
    sample=sample,
    options={"condition": (100.0, 1.0, 1e4), "scale": SCALES},
)
