"""What a trained model is worth on data: mean loss, share of correct classes, perplexity."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Literal

import torch
from torch import Tensor, nn

from grams_theory.core.errors import UsageError
from grams_theory.landscape.objective import LossFunction
from grams_theory.landscape.objective.data import Batch, outputs
from grams_theory.landscape.objective.terms import counter

Metric = Literal["loss", "accuracy", "perplexity"]
Measure = Callable[[nn.Module, LossFunction, Iterable[Batch]], float]


def loss(model: nn.Module, loss_fn: LossFunction, data: Iterable[Batch]) -> float:
    """The mean of `loss_fn` over samples, or over the terms that it counts, without its ridge."""
    count, total, terms = counter(loss_fn), 0.0, 0.0
    for x, y in data:
        if n := count(x, y):
            total += float(loss_fn(outputs(model, x), y)) * n
            terms += n
    return total / terms


def accuracy(model: nn.Module, loss_fn: LossFunction, data: Iterable[Batch]) -> float:
    """The share of samples with the right class: the largest output, or for a single output whether it is positive.

    Raises `UsageError` if there are no targets.
    """
    right, samples = 0, 0
    for x, y in data:
        if y is None:
            raise UsageError("accuracy compares with targets, but the data have none; take the metric 'loss'")
        right += int((_class(outputs(model, x)) == (_class(y) if y.is_floating_point() else y)).sum())
        samples += len(y)
    return right / samples


def perplexity(model: nn.Module, loss_fn: LossFunction, data: Iterable[Batch]) -> float:
    """exp(mean cross-entropy per token), infinite where that overflows."""
    return float(torch.tensor(loss(model, loss_fn, data), dtype=torch.float64).exp())


def _class(scores: Tensor) -> Tensor:
    """(n, classes) -> (n,); for one column, whether the score is positive."""
    return scores.argmax(-1) if scores.shape[-1] > 1 else (scores > 0).long().squeeze(-1)


METRICS: Mapping[Metric, Measure] = {"loss": loss, "accuracy": accuracy, "perplexity": perplexity}
