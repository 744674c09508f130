"""Least squares on the diabetes data (442 patients, 10 features), with a noisy target per row."""

from torch import Generator

from grams_theory.core.function import Family
from grams_theory.families._data import load
from grams_theory.families._draw import normal, uniform
from grams_theory.families._empirical_risk import LeastSquares


def sample(generator: Generator, batch: int, dim: int, ridge: float = 0.0) -> LeastSquares:
    data = load("diabetes", dim)
    target = data.standardised_target().to(generator.device)
    noise = uniform(generator, batch, 1) * normal(generator, batch, len(target))
    return LeastSquares(data, target + noise, ridge * (1 + 9 * uniform(generator, batch)))


FAMILY = Family(
    name="least_squares_diabetes",
    title="least squares on diabetes",
    traits=frozenset({"smooth", "bounded", "convex", "pl", "real-data"}),
    sample=sample,
    dims=(10, 5, 2),
    options={"ridge": (0.0, 1e-2, 1.0)},
    max_batch=64,
)
