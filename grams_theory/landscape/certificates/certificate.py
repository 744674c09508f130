"""What a loss can certify about itself: constants that hold everywhere, not just where a run went."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from torch import nn

from grams_theory.landscape.objective import Objective
from grams_theory.landscape.quantity import Quantity


@dataclass(frozen=True)
class Certificate:
    """`smoothness` is an upper bound of L, `pl` a lower bound of mu, `minimum` an interval that contains f*."""

    smoothness: Quantity
    pl: Quantity
    minimum: Quantity


@runtime_checkable
class Certifying(Protocol):
    """A loss function that knows the constants of the objectives it makes."""

    def certify(self, objective: Objective) -> Certificate: ...


NONNEGATIVE = (
    nn.MSELoss,
    nn.L1Loss,
    nn.SmoothL1Loss,
    nn.HuberLoss,
    nn.CrossEntropyLoss,
    nn.BCEWithLogitsLoss,
    nn.SoftMarginLoss,
    nn.HingeEmbeddingLoss,
)
"""Losses of torch that are never negative."""


def certify(loss_fn: Any, objective: Objective) -> Certificate:
    """The loss's own certificate, or what its type alone says (no mu, no L)."""
    if isinstance(loss_fn, Certifying):
        return loss_fn.certify(objective)
    name = getattr(loss_fn, "__name__", type(loss_fn).__name__)
    why = f"{name} brings no certificate; a loss with a method certify(objective) may"
    floor = 0.0 if isinstance(loss_fn, NONNEGATIVE) else None
    floor_why = f"{name} is never negative" if floor == 0.0 else f"no lower bound of {name} is known"
    return Certificate(Quantity(None, why), Quantity(None, why), Quantity(None, floor_why, low=floor))
