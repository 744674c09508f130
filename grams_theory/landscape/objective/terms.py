"""What the loss of a batch divides by: its samples, its tokens, or the weights of its classes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from grams_theory.core.errors import UsageError
from grams_theory.landscape.objective.data import size

Count = Callable[[Any, Any], float]
"""(inputs, targets) of a batch -> how many terms its loss is the mean over, all weights being 1; else their sum."""


def counter(loss_fn: Any) -> Count:
    """How the losses of several batches are averaged so that the mean is the one over all of them.

    By `loss_fn.terms(inputs, targets)`, if it has that; for torch's CrossEntropyLoss and NLLLoss by the targets that
    are not ignored and the weights of their classes; else by samples.
    """
    own = getattr(loss_fn, "terms", None)
    if own is not None:
        return lambda inputs, targets: _checked(own(inputs, targets))
    if type(loss_fn) in (nn.CrossEntropyLoss, nn.NLLLoss) and loss_fn.reduction == "mean":
        return lambda inputs, targets: _of_classes(loss_fn, inputs, targets)
    return lambda inputs, targets: size(inputs)


def nonnegative(found: Any, explanation: str) -> float:
    """As a finite number >= 0. Raises `UsageError` with the explanation if it is none."""
    try:
        number = float(found)
    except (TypeError, ValueError, RuntimeError):
        number = math.nan
    if not 0 <= number < math.inf:
        raise UsageError(explanation)
    return number


def _checked(found: Any) -> float:
    return nonnegative(
        found,
        f"loss_fn.terms(inputs, targets) returned {found!r}; it must be the number of terms that the loss of this "
        "batch is the mean over, or the sum of their weights: finite and >= 0",
    )


def _of_classes(loss_fn: Any, inputs: Any, targets: Any) -> float:
    if not isinstance(targets, Tensor) or targets.is_floating_point():  # probabilities: a mean over samples
        return size(inputs)
    kept = targets[targets != loss_fn.ignore_index]
    if loss_fn.weight is None:
        return kept.numel()
    return loss_fn.weight.to(kept.device)[kept].double().sum().item()
