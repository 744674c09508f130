"""What an objective certifies: by its loss's own word, by its form, or by the type of the loss alone."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from grams_theory.landscape.certificates.certificate import Certificate, Certifying
from grams_theory.landscape.certificates.means import certify_mean
from grams_theory.landscape.certificates.readings import means_of
from grams_theory.landscape.objective import Objective
from grams_theory.landscape.objective.modules import unaltered
from grams_theory.landscape.quantity import Quantity


def certify(loss_fn: Any, objective: Objective) -> Certificate:
    """The loss's own certificate; that of a mean of torch's squares or cross-entropies; or what its type alone says.

    The last is no mu and no L.
    """
    if isinstance(loss_fn, Certifying) and callable(loss_fn.certify):
        return loss_fn.certify(objective)
    if means_of(loss_fn) is not None:
        return certify_mean(objective)
    name = getattr(loss_fn, "__name__", type(loss_fn).__name__)
    why = f"{name} brings no certificate; a loss with a method certify(objective) may"
    if _nonnegative(loss_fn, objective):
        minimum = Quantity(None, f"{name} is never negative", low=0.0)
    else:
        minimum = Quantity(None, f"no lower bound of {name} is known")
    return Certificate(Quantity(None, why), Quantity(None, why), minimum, Quantity(None, why))


_DISTANCES = (nn.MSELoss, nn.L1Loss, nn.SmoothL1Loss, nn.HuberLoss, nn.SoftMarginLoss)
_ENTROPIES = (nn.CrossEntropyLoss, nn.BCEWithLogitsLoss)
_FACTORS = ("weight", "pos_weight")


def _nonnegative(loss_fn: Any, objective: Objective) -> bool:
    """Whether the loss is one of torch's that is never negative, with targets and weights for which that is so."""
    if isinstance(loss_fn, nn.Module) and not unaltered(loss_fn):
        return False
    factors = (getattr(loss_fn, name, None) for name in _FACTORS)
    if any(isinstance(x, Tensor) and not bool((x >= 0).all()) for x in factors):
        return False
    if type(loss_fn) in _ENTROPIES:
        return all(
            isinstance(y, Tensor) and (not torch.is_floating_point(y) or bool(((y >= 0) & (y <= 1)).all()))
            for _, y in objective.batches
        )
    return type(loss_fn) in _DISTANCES
