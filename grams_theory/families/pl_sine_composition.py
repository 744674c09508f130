"""f(w) = s Σ_j φ((A(w − c))_j), φ(x) = x² + 3 sin²x, with independent rows in A: PL, not convex.

With `wide`, A has fewer rows than columns and the minimisers form an affine subspace.
"""

from torch import Generator

from grams_theory.core.function import Family
from grams_theory.families._composition import LinearComposition, LinearMap
from grams_theory.families._draw import SCALES, normal, scales
from grams_theory.families._links import SQUARE_PLUS_SINE


def sample(
    generator: Generator,
    batch: int,
    dim: int,
    condition: float = 100.0,
    scale: float = 1.0,
    wide: bool = False,
) -> LinearComposition:
    rows = max(1, dim // 2) if wide else dim
    linear = LinearMap.sample(generator, batch, rows, dim, condition)
    return LinearComposition(
        SQUARE_PLUS_SINE, linear, scales(generator, batch, scale), normal(generator, batch, dim)
    )


FAMILY = Family(
    name="pl_sine_composition",
    title="x² + 3 sin²x of linear maps",
    traits=frozenset({"smooth", "bounded", "pl", "interpolating"}),
    sample=sample,
    dims=(2, 3, 5, 8, 16),
    options={"condition": (100.0, 1.0, 1e4), "scale": SCALES, "wide": (False, True)},
)
