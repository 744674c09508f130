"""One structure, evaluated: cases, margins, and which rows violate the claim."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from grams_theory import families
from grams_theory.core.claim import Claim
from grams_theory.core.rounding import Ball
from grams_theory.engine.cases import DRIVERS
from grams_theory.engine.cases.structure import Structure
from grams_theory.engine.premise import contradicted
from grams_theory.engine.production import OURS, Rig
from grams_theory.engine.resolve import Resolution, resolve
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
    resolution: Resolution = field(default_factory=Resolution)
    """What exact arithmetic says of rows whose margins lie inside their rounding bounds."""

    def violated(self, part: str) -> Tensor:
        """Rows that violate the part, by more than their rounding bound or exactly, shape (B,)."""
        found = self.inside & self.decided & self.margins[part].surely_negative()
        found[[row for name, row in self.resolution.violated if name == part]] = True
        return found

    def undecided(self) -> Tensor:
        """Rows inside the premise with a margin inside its rounding bound, if nothing decides them, shape (B,)."""
        unclear = torch.zeros_like(self.inside)
        for margin in self.margins.values():
            unclear |= ~(margin.surely_negative() | margin.surely_nonnegative())
        unclear = self.inside & (unclear | ~self.decided)
        unclear[[*self.resolution.holds, *(row for _, row in self.resolution.violated)]] = False
        return unclear

    @property
    def resolved(self) -> int:
        """How many rows exact arithmetic decided."""
        return len(self.resolution.holds) + len(self.resolution.violated)

    def relative(self, part: str) -> Tensor:
        """Margin over the magnitude of its terms (radius / roundoff), +inf outside the premise, shape (B,)."""
        relative = self.margins[part].relative
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
    """Fill the structure with cases, step the production optimizers, take the margins, and resolve them where unclear.

    Returns None when no case satisfies the premise.
    """
    assert claim.margin is not None
    built = DRIVERS[type(claim.setting)].build(claim, structure, rig=rig)
    if built is None:
        return None
    record, inside = built
    if families.by_name(structure.family).estimated:
        inside = inside & ~contradicted(record)
    decided = getattr(record, "decided", torch.ones_like(inside))
    margins, ratios = margins_and_ratios(claim, record, inside & decided)
    outcome = Outcome(record, inside, decided, margins, ratios)
    return replace(outcome, resolution=resolve(claim, structure, outcome, rig))


def margins_and_ratios(
    claim: Claim, record: Any, rows: Tensor
) -> tuple[Mapping[str, Ball], dict[str, float]]:
    """By part: the margins, and the largest smaller/larger over the rows (B,) and steps; 1 means that it is attained.

    No ratio for a part without two sides, for a hand-written margin, and where rounding hides both sides.
    """
    assert claim.margin is not None
    if not isinstance(claim.margin, reading.Read):
        return claim.margin(record), {}
    margins, ratios = {}, {}
    for name, formula, values in claim.margin.instances(record):
        margins[name] = reading.at_every_step(reading.margin(formula, values))
        both = reading.sides(formula, values)
        if both is None:
            continue
        smaller, larger = both
        sure = rows & (larger.mid > 0) & (larger.rad + smaller.rad <= RESOLUTION * larger.mid)
        sure = sure & _holds(formula, values)
        if bool(sure.any()):
            share = torch.where(sure, smaller.mid / larger.mid, torch.zeros_like(larger.mid))
            ratios[name] = share.max().item()
    return margins, ratios


def _holds(formula: Any, values: Mapping[str, Any]) -> Any:
    """Where the premise of an implication holds; everywhere for any other formula."""
    import sympy as sp

    if not isinstance(formula, sp.Implies):
        return True
    premise: Ball = reading.margin(formula.args[0], values)
    return premise.surely_nonnegative()
