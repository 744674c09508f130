"""Ridge logistic regression on the breast cancer data, some labels flipped: PL with mu = ridge."""

from torch import Generator

from grams_theory.core.function import Family
from grams_theory.families._data import load
from grams_theory.families._draw import flipped, scales
from grams_theory.families._empirical_risk import Logistic


def sample(generator: Generator, batch: int, dim: int, ridge: float = 1e-2) -> Logistic:
    data = load("breast_cancer", dim)
    return Logistic(data, flipped(generator, batch, 2 * data.target - 1), scales(generator, batch, ridge))


FAMILY = Family(
    name="ridge_logistic_breast_cancer",
    title="ridge logistic regression on breast cancer",
    traits=frozenset({"smooth", "bounded", "convex", "pl", "real-data"}),
    sample=sample,
    dims=(30, 10, 2),
    options={"ridge": (1e-2, 1e-3, 1.0)},
    max_batch=16,
)
