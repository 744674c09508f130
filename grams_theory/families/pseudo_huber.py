"""f(w) = s Σ_j ψ((A(w − c))_j), ψ(x) = √(1 + x²) − 1: smooth and convex.

Every minimiser is known; f is not PL, since its slope is bounded.
"""

from torch import Generator

from grams_theory.core.function import Family
from grams_theory.families._composition import LinearComposition, LinearMap
from grams_theory.families._draw import SCALES, normal, scales
from grams_theory.families._links import PSEUDO_HUBER


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
        PSEUDO_HUBER, linear, scales(generator, batch, scale), normal(generator, batch, dim)
    )


FAMILY = Family(
    name="pseudo_huber",
    title="pseudo-Huber loss of linear maps",
    traits=frozenset({"smooth", "bounded", "convex", "interpolating"}),
    sample=sample,
    options={"condition": (100.0, 1.0, 1e4), "scale": SCALES, "wide": (False, True)},
)
