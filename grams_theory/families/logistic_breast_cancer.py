"""Logistic regression on the breast cancer data (569 patients, 30 features), some labels flipped per row."""

import torch
from torch import Generator

from grams_theory.core.function import Family
from grams_theory.families._data import load
from grams_theory.families._draw import flipped
from grams_theory.families._empirical_risk import Logistic


def sample(generator: Generator, batch: int, dim: int) -> Logistic:
    data = load("breast_cancer", dim)
    labels = flipped(generator, batch, 2 * data.target - 1)
    return Logistic(data, labels, torch.zeros(batch, dtype=torch.float64, device=labels.device))


FAMILY = Family(
    name="logistic_breast_cancer",
    title="logistic regression on breast cancer",
    traits=frozenset({"smooth", "convex", "real-data"}),
    sample=sample,
    dims=(30, 10, 2),
    max_batch=64,
)
