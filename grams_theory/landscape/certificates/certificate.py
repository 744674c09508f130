"""What a loss can certify about itself: constants that hold everywhere or on a ball, not just where a run went."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from grams_theory.landscape.objective import Objective
from grams_theory.landscape.quantity import Quantity

UP, DOWN = 1 + 2.0**-50, 1 - 2.0**-50
"""Factors that pay for a few roundings of a bound that is > 0."""


@dataclass(frozen=True)
class Certificate:
    """`smoothness` is an upper bound of L, `pl` a lower bound of mu, `minimum` an interval that contains f* = inf f.

    `local_pl` is a lower bound of mu on the ball of `local_pl.radius` about the weights that the objective had:
    ½‖∇f(w)‖² >= mu (f(w) − f*) for all w there. Without a radius it holds everywhere.
    """

    smoothness: Quantity
    pl: Quantity
    minimum: Quantity
    local_pl: Quantity = field(default=Quantity(None, "no local certificate was sought"))


def finite(value: float, why: str) -> Quantity:
    """A bound, or what is known of it where float64 has no number for it."""
    return Quantity(value, why) if math.isfinite(value) else Quantity(None, f"{why}: it overflows float64")


@runtime_checkable
class Certifying(Protocol):
    """A loss function that knows the constants of the objectives it makes."""

    def certify(self, objective: Objective) -> Certificate: ...
