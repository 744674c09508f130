"""f(w) = s Σ_j log cosh (A(w − c))_j: smooth, convex, with a minimiser; not PL, its slope is bounded."""

from torch import Generator

from grams_theory.core.function import Family
from grams_theory.families._composition import LinearComposition, LinearMap
from grams_theory.families._draw import SCALES, normal, scales
from grams_theory.families._links import LOG_COSH


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
    return LinearComposition(LOG_COSH, linear, scales(generator, batch, scale), normal(generator, batch, dim))


FAMILY = Family(
    name="log_cosh",
    title="log cosh of linear maps",
    traits=frozenset({"smooth", "bounded", "convex", "interpolating"}),
    sample=sample,
    options={"condition": (100.0, 1.0, 1e4), "scale": SCALES, "wide": (False, True)},
)
