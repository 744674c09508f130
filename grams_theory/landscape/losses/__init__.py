"""Real losses that load offline, each a model, a loss function that certifies what it can, and data.

Data: scikit-learn's copies of diabetes, breast_cancer and digits. Inputs are standardised (digits: divided by 16).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import torch
from torch import Tensor, nn

from grams_theory.core.errors import UnknownNameError, UsageError
from grams_theory.core.random import generator
from grams_theory.core.registry import users_module
from grams_theory.landscape.certificates.criteria import LogisticLoss, SoftmaxLoss, SquareLoss
from grams_theory.landscape.estimate import PLEstimate, estimate_pl
from grams_theory.landscape.objective import LossFunction

Data = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Problem:
    """A loss to be measured."""

    name: str
    title: str
    model: nn.Module
    loss_fn: LossFunction
    data: Any

    def estimate(self, **options) -> PLEstimate:
        """`estimate_pl` of this problem, with its keywords."""
        return estimate_pl(self.model, self.loss_fn, self.data, **options)


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


def digits(samples: int = 1797) -> Data:
    """8x8 images of digits, the first `samples` of 1797; targets are classes."""
    from sklearn.datasets import load_digits

    X, y = (torch.from_numpy(part) for part in load_digits(return_X_y=True))
    return X[:samples].double() / 16, y[:samples].long()


def one_hot_digits(samples: int = 1797) -> Data:
    X, y = digits(samples)
    return X, torch.nn.functional.one_hot(y, 10).double()


def _linear(data: Data, outputs: int) -> nn.Module:
    """An affine map from zero weights."""
    model = nn.Linear(data[0].shape[1], outputs, dtype=torch.float64)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    return model


def _perceptron(data: Data, hidden: int, outputs: int) -> nn.Module:
    """One hidden tanh layer, weights N(0, 1/fan-in) from a fixed stream, biases 0."""
    layers = [
        nn.Linear(data[0].shape[1], hidden, dtype=torch.float64),
        nn.Linear(hidden, outputs, dtype=torch.float64),
    ]
    with torch.no_grad():
        for index, layer in enumerate(layers):
            noise = torch.randn(
                layer.weight.shape, generator=generator(0, "perceptron", index), dtype=torch.float64
            )
            layer.weight.copy_(noise / layer.in_features**0.5)
            layer.bias.zero_()
    return nn.Sequential(layers[0], nn.Tanh(), layers[1])


MLP_SAMPLES, MLP_HIDDEN = 500, 16
_Parts = tuple[str, Callable[[], Data], Callable[[Data], nn.Module], LossFunction]
_TABLE: Mapping[str, _Parts] = {
    "diabetes": ("least squares", diabetes, lambda d: _linear(d, 1), SquareLoss()),
    "diabetes_ridge": ("ridge least squares", diabetes, lambda d: _linear(d, 1), SquareLoss(0.1)),
    "breast_cancer": ("logistic regression", breast_cancer, lambda d: _linear(d, 1), LogisticLoss()),
    "breast_cancer_ridge": (
        "ridge logistic regression",
        breast_cancer,
        lambda d: _linear(d, 1),
        LogisticLoss(0.01),
    ),
    "digits_squares": ("least squares on classes", one_hot_digits, lambda d: _linear(d, 10), SquareLoss()),
    "digits_softmax": ("softmax regression", digits, lambda d: _linear(d, 10), SoftmaxLoss()),
    "digits_softmax_ridge": ("ridge softmax regression", digits, lambda d: _linear(d, 10), SoftmaxLoss(0.01)),
    "digits_mlp_squares": (
        "tanh perceptron, squares",
        lambda: one_hot_digits(MLP_SAMPLES),
        lambda d: _perceptron(d, MLP_HIDDEN, 10),
        SquareLoss(),
    ),
    "digits_mlp_softmax": (
        "tanh perceptron, cross-entropy",
        lambda: digits(MLP_SAMPLES),
        lambda d: _perceptron(d, MLP_HIDDEN, 10),
        SoftmaxLoss(),
    ),
}


def names() -> tuple[str, ...]:
    """The built-in losses."""
    return tuple(_TABLE)


def by_name(name: str) -> Problem:
    """A fresh copy of a built-in loss, in float64. Raises `UnknownNameError`."""
    if name not in _TABLE:
        raise UnknownNameError("loss", name, _TABLE)
    title, data, model, loss_fn = _TABLE[name]
    loaded = data()
    return Problem(name, title, model(loaded), loss_fn, loaded)


def load(spec: str) -> Problem:
    """A built-in loss by name, or what "module:factory" returns: a `Problem` or (model, loss_fn, data).

    Modules are looked for in the current directory too.

    Raises:
        UsageError: no such module or attribute (with the nearest names), or the factory fails or returns other things.
    """
    if ":" not in spec:
        try:
            return by_name(spec)
        except UnknownNameError as error:
            raise UsageError(f"{error}; or give your own as module:factory") from error
    module_name, _, attribute = spec.partition(":")
    factory = getattr(users_module(module_name, spec), attribute, None)
    if not callable(factory):
        raise UsageError(_missing(module_name, attribute, factory))
    try:
        made = factory()
    except Exception as error:
        raise UsageError(
            f"{spec} failed: {type(error).__name__}: {error}; it is called without arguments"
        ) from error
    if isinstance(made, Problem):
        return made
    if not (isinstance(made, tuple) and len(made) == 3):
        raise UsageError(f"{spec} returned {type(made).__name__}; return (model, loss_fn, data)")
    return Problem(spec, spec, *made)


def _missing(module_name: str, attribute: str, found: object) -> str:
    if found is not None:
        kind = type(found).__name__
        return f"{module_name}:{attribute} is {kind}, not a function that returns (model, loss_fn, data)"
    module = sys.modules[module_name]
    known = [n for n, value in vars(module).items() if callable(value) and not n.startswith("_")]
    near = get_close_matches(attribute, known, n=3, cutoff=0.4) or sorted(known)[:10]
    offer = f"; did you mean {', '.join(near)}?" if near else f"; {module_name} defines no functions"
    return f"module {module_name!r} has no attribute {attribute!r}{offer}"
