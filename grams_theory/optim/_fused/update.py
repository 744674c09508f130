"""What one call of a fused kernel computes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Update:
    """One step of `rule.adam_` or `rule.lion_` with everything around it. The step size and the counts vary apart."""

    base: Literal["adam", "lion"]
    lam: float
    """The direction is `rule.ams(u, g, lam)`: 1 is Adam or Lion itself, 0 Cautious, -1 Grams."""
    rescaled: bool
    """The direction is `rule.cautious_rescaled`; lam is ignored."""
    betas: tuple[float, float]
    eps: float
    """0 for Lion."""
    weight_decay: float
    l2_penalty: bool
    """Whether the decay is g + weight_decay w; otherwise it is decoupled."""
    maximize: bool
    amsgrad: bool
    stochastic_rounding: bool
    """Whether w and moments of 16 bits are rounded to one of two neighbours at random, with unbiased mean."""

    @property
    def factors(self) -> tuple[float, float, float]:
        """What the direction multiplies u_i by: where u_i g_i > 0, where it is < 0, and elsewhere.

        Where the mask is rescaled, the first is 1 over the mask's mean, which is a tensor's own.
        """
        return (1.0, 0.0, 0.0) if self.rescaled else (1.0, self.lam, min(1.0, 1.0 + self.lam))

    @property
    def moments(self) -> int:
        """How many moments a parameter has."""
        return 1 if self.base == "lion" else 3 if self.amsgrad else 2
