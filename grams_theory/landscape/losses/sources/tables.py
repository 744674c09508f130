"""Small data sets in scikit-learn. Inputs are standardised (digits: divided by 16). float64."""

from __future__ import annotations

import torch
from torch import Tensor

from grams_theory.landscape.losses.sources import Data

DIABETES = "442 patients (Efron, Hastie, Johnstone and Tibshirani, 2004), in scikit-learn"
BREAST_CANCER = "569 tumours (Wisconsin diagnostic, UCI; CC BY 4.0), in scikit-learn"
DIGITS = "8x8 images of handwritten digits (UCI, test half of optdigits; CC BY 4.0), in scikit-learn"


def _standardised(X: Tensor) -> Tensor:
    return (X - X.mean(0)) / X.std(0)


def diabetes() -> Data:
    """442 patients, 10 measurements; the target is standardised too."""
    from sklearn.datasets import load_diabetes

    X, y = (torch.from_numpy(part) for part in load_diabetes(return_X_y=True))
    return _standardised(X), _standardised(y.unsqueeze(1))


def breast_cancer() -> Data:
    """569 tumours, 30 measurements, target 0 or 1."""
    from sklearn.datasets import load_breast_cancer

    X, y = (torch.from_numpy(part) for part in load_breast_cancer(return_X_y=True))
    return _standardised(X), y.double().unsqueeze(1)


def digits(samples: slice = slice(None)) -> Data:
    """8x8 images of digits, some of 1797; targets are classes."""
    from sklearn.datasets import load_digits

    X, y = (torch.from_numpy(part) for part in load_digits(return_X_y=True))
    return X[samples].double() / 16, y[samples].long()


def one_hot(data: Data, classes: int = 10) -> Data:
    """The same inputs; the class as a unit vector, in the dtype of the inputs, as target."""
    X, y = data
    return X, torch.nn.functional.one_hot(y, classes).to(X.dtype)
