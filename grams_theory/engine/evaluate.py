"""One structure, evaluated: cases, margins, and which rows violate the claim."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from grams_theory.core.claim import Claim
from grams_theory.core.rounding import UNIT, Ball
from grams_theory.engine.cases import DRIVERS
from grams_theory.engine.cases.structure import Structure
from grams_theory.engine.production import OURS, Rig
from grams_theory.symbolic import reading

RESOLUTION = 1e-6
"""Ratios count where rounding leaves them this certain."""


@dataclass(frozen=True)
class Outcome:
    """Margins of a batch of cases, by part of the claim; Balls of shape (B,)."""

    record: Any
    inside: Tensor
    """Rows inside the premise, shape (B,)."""
    decided: Tensor
    """Rows in which no rounding could have flipped a sign that the update depends on, shape (B,)."""
    margins: Mapping[str, Ball]
    ratios: Mapping[str, float]
    """Part -> the largest ratio of its smaller side to its larger one; 1 means that it is attained."""

    def violated(self, part: str) -> Tensor:
        """Rows that violate the part by more than their rounding bound, shape (B,)."""
        return self.inside & self.decided & self.margins[part].surely_negative()

    def undecided(self) -> Tensor:
        """Rows inside the premise with a margin inside its rounding bound, shape (B,)."""
        unclear = torch.zeros_like(self.inside)
        for margin in self.margins.values():
            unclear |= ~(margin.surely_negative() | margin.surely_nonnegative())
        return self.inside & (unclear | ~self.decided)

    def relative(self, part: str) -> Tensor:
        """Margin over the magnitude of its terms (radius / roundoff), +inf outside the premise, shape (B,)."""
        margin = self.margins[part]
        size = margin.rad / UNIT
        relative = torch.where(size > 0, margin.mid / size, margin.mid.sign())
        return torch.where(self.inside & ~relative.isnan(), relative, torch.inf)

    def worst(self) -> tuple[str, int] | None:
        """The part and row of the relatively worst violation, or None."""
        found = []
        for part in self.margins:
            relative = torch.where(self.violated(part), self.relative(part), torch.inf)
            if bool(torch.isfinite(relative).any()):
                row = int(relative.argmin())
                found.append((relative[row].item(), part, row))
        if not found:
            return None
        _, part, row = min(found)
        return part, row


def evaluate(claim: Claim, structure: Structure, *, rig: Rig = OURS) -> Outcome | None:
    """Fill the structure with cases, step the production optimizers, take the margins.

    Returns None when no case satisfies the premise.
    """
    assert claim.margin is not None
    built = DRIVERS[type(claim.setting)].build(claim, structure, rig=rig)
    if built is None:
        return None
    record, inside = built
    decided = getattr(record, "decided", torch.ones_like(inside))
    return Outcome(record, inside, decided, claim.margin(record), ratios(claim, record, inside & decided))


def ratios(claim: Claim, record: Any, rows: Tensor) -> dict[str, float]:
    """Part -> the largest smaller/larger over the rows (B,) and steps; 1 means that the inequality is attained.

    Nothing for a part without two sides, for a hand-written margin, and where rounding hides both sides.
    """
    found: dict[str, float] = {}
    if not isinstance(claim.margin, reading.Read):
        return found
    for name, formula, values in claim.margin.instances(record):
        both = reading.sides(formula, values)
        if both is None:
            continue
        smaller, larger = both
        sure = rows & (larger.mid > 0) & (larger.rad + smaller.rad <= RESOLUTION * larger.mid)
        sure = sure & _holds(formula, values)
        if bool(sure.any()):
            share = torch.where(sure, smaller.mid / larger.mid, torch.zeros_like(larger.mid))
            found[name] = share.max().item()
    return found


def _holds(formula: Any, values: Mapping[str, Any]) -> Any:
    """Where the premise of an implication holds; everywhere for any other formula."""
    import sympy as sp

    if not isinstance(formula, sp.Implies):
        return True
    premise: Ball = reading.margin(formula.args[0], values)
    return premise.surely_nonnegative()
