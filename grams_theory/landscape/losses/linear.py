"""Linear models by squares, logistic and softmax loss, with and without a ridge, in float64.

They start from zero weights, with every seed.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import nn

from grams_theory.landscape.certificates.criteria import LogisticLoss, SoftmaxLoss, SquareLoss
from grams_theory.landscape.losses.metrics import Metric
from grams_theory.landscape.losses.recipe import Parts, Recipe
from grams_theory.landscape.losses.sources import Data, tables
from grams_theory.landscape.objective import LossFunction


def _recipe(
    load: Callable[[], Data],
    outputs: int,
    source: str,
    metric: Metric,
    name: str,
    title: str,
    loss: LossFunction,
) -> Recipe:
    def build(*, seed: int) -> Parts:
        data = load()
        model = nn.Linear(data[0].shape[1], outputs, dtype=torch.float64)
        for parameter in model.parameters():
            nn.init.zeros_(parameter)
        return Parts(model, loss, data)

    return Recipe(name, title, build, source, metric)


def _one_hot_digits() -> Data:
    return tables.one_hot(tables.digits())


_diabetes = partial(_recipe, tables.diabetes, 1, tables.DIABETES, "loss")
_breast_cancer = partial(_recipe, tables.breast_cancer, 1, tables.BREAST_CANCER, "accuracy")
_digits = partial(_recipe, tables.digits, 10, tables.DIGITS, "accuracy")
_one_hot = partial(_recipe, _one_hot_digits, 10, tables.DIGITS, "accuracy")

PROBLEMS = (
    _diabetes("diabetes", "least squares", SquareLoss()),
    _diabetes("diabetes_ridge", "ridge least squares", SquareLoss(0.1)),
    _breast_cancer("breast_cancer", "logistic regression", LogisticLoss()),
    _breast_cancer("breast_cancer_ridge", "ridge logistic regression", LogisticLoss(0.01)),
    _one_hot("digits_squares", "least squares on classes", SquareLoss()),
    _digits("digits_softmax", "softmax regression", SoftmaxLoss()),
    _digits("digits_softmax_ridge", "ridge softmax regression", SoftmaxLoss(0.01)),
)
