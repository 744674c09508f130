"""Which losses are a mean over samples of a known convex function of the outputs."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from torch import nn
from torch.nn import functional as F

from grams_theory.landscape.certificates.links import Link, Logistic, Softmax, Squares
from grams_theory.landscape.objective.modules import unaltered

Means = Callable[[int], tuple[type[Link], int]]
"""outputs -> (the loss of one sample, up to a factor; how many terms a sample has in the mean)."""


class Mean(ABC):
    """A loss Σ_i ℓ_i(outputs of sample i) / (samples times terms per sample), which `means` says of its `__call__`."""

    @abstractmethod
    def means(self, outputs: int) -> tuple[type[Link], int]: ...


_FUNCTIONS: dict[Any, Means] = {
    F.mse_loss: lambda outputs: (Squares, outputs),
    F.binary_cross_entropy_with_logits: lambda outputs: (Logistic, outputs),
    F.cross_entropy: lambda outputs: (Softmax, 1),
}
_MODULES: dict[type, Any] = {
    nn.MSELoss: F.mse_loss,
    nn.BCEWithLogitsLoss: F.binary_cross_entropy_with_logits,
    nn.CrossEntropyLoss: F.cross_entropy,
}
_PLAIN = {
    "reduction": "mean",
    "weight": None,
    "pos_weight": None,
    "label_smoothing": 0.0,
    "ignore_index": -100,
}


def means_of(loss_fn: Any) -> Means | None:
    """How a loss averages, if it is known: the losses of `criteria`, and three of torch with their default options.

    Not of one that is averaged otherwise over batches, by its own `terms`.
    """
    if isinstance(loss_fn, Mean):
        kept = all(_since(loss_fn, "means") <= _since(loss_fn, name) for name in ("__call__", "terms"))
        return loss_fn.means if kept else None
    if hasattr(loss_fn, "terms"):
        return None
    if type(loss_fn) in _MODULES:
        plain = all(getattr(loss_fn, name, value) == value for name, value in _PLAIN.items())
        return _FUNCTIONS[_MODULES[type(loss_fn)]] if plain and unaltered(loss_fn) else None
    return next((means for fn, means in _FUNCTIONS.items() if fn is loss_fn), None)


def _since(loss_fn: Any, name: str) -> float:
    """How many classes up from its own one defines this; infinite if none does."""
    return next((up for up, cls in enumerate(type(loss_fn).__mro__) if name in vars(cls)), math.inf)


def name_of(loss_fn: Any) -> str:
    return getattr(loss_fn, "__name__", type(loss_fn).__name__)
