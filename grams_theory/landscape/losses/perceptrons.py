"""Perceptrons on handwritten digits, by squares and by cross-entropy, in float64."""

from __future__ import annotations

import os
from collections.abc import Callable

from grams_theory.landscape.certificates.criteria import SoftmaxLoss, SquareLoss
from grams_theory.landscape.losses.recipe import Parts, Recipe
from grams_theory.landscape.losses.sources import Data, Split, mnist, tables
from grams_theory.landscape.models.perceptron import perceptron
from grams_theory.landscape.objective import LossFunction

CLASSES = 10
SAMPLES, HIDDEN = 500, 16
"""Of the small perceptrons: the first images are trained on, the others held out."""
MNIST_HIDDEN = (64, 64)


def _small(name: str, title: str, loss_fn: LossFunction) -> Recipe:
    def build(*, seed: int) -> Parts:
        data, test = (
            _targets(loss_fn, tables.digits(rows)) for rows in (slice(SAMPLES), slice(SAMPLES, None))
        )
        return Parts(perceptron((64, HIDDEN, CLASSES), seed=seed), loss_fn, data, test)

    return Recipe(name, title, build, tables.DIGITS, "accuracy")


def _mnist(name: str, title: str, loss_fn: LossFunction, default: str) -> Recipe:
    def build(*, seed: int, path: str | os.PathLike[str] | None = None, activation: str = default) -> Parts:
        load: Callable[[], Split] = mnist.mnist_5k if path is None else lambda: mnist.mnist(path)
        data, test = load()
        model = perceptron((data[0].shape[1], *MNIST_HIDDEN, CLASSES), activation, seed=seed)
        return Parts(model, loss_fn, _targets(loss_fn, data), _targets(loss_fn, test))

    return Recipe(name, title, build, mnist.SOURCE, "accuracy", "medium", mnist.SUPPLY)


def _targets(loss_fn: LossFunction, data: Data) -> Data:
    return tables.one_hot(data, CLASSES) if isinstance(loss_fn, SquareLoss) else data


PROBLEMS = (
    _small("digits_mlp_squares", "tanh perceptron, squares", SquareLoss()),
    _small("digits_mlp_softmax", "tanh perceptron, cross-entropy", SoftmaxLoss()),
    _mnist("mnist_mlp_squares", "GELU perceptron of three layers, squares", SquareLoss(), "gelu"),
    _mnist("mnist_mlp_softmax", "GELU perceptron of three layers, cross-entropy", SoftmaxLoss(), "gelu"),
    _mnist("mnist_mlp_relu", "ReLU perceptron of three layers, cross-entropy", SoftmaxLoss(), "relu"),
)
