"""Ridge logistic regression on the digits data, digit >= 5 or not, labels flipped: PL with mu = ridge."""

import torch
from torch import Generator

from grams_theory.core.function import Family
from grams_theory.families._data import load
from grams_theory.families._draw import flipped, scales
from grams_theory.families._empirical_risk import Logistic


def sample(generator: Generator, batch: int, dim: int = 61, ridge: float = 1e-2) -> Logistic:
    data = load("digits")
    labels = torch.where(data.target >= 5, 1.0, -1.0).double()
    return Logistic(data, flipped(generator, batch, labels), scales(generator, batch, ridge))


FAMILY = Family(
    name="ridge_logistic_digits",
    title="ridge logistic regression on digits",
    traits=frozenset({"smooth", "bounded", "convex", "pl", "real-data"}),
    sample=sample,
    dims=(61,),
    options={"ridge": (1e-2, 1e-3, 1.0)},
    max_batch=8,
)
