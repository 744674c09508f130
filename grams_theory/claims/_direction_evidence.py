"""What the claims on rounding are worth in practice: a spread of the pairs of each format, stepped by production."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import torch

from grams_theory.claims._direction_sweep import (
    Counts,
    Grid,
    Implementation,
    Rounding,
    Sweep,
    corner_pairs,
    every_pair,
    sweep,
)
from grams_theory.core.evidence import FuzzEvidence, MeasuredEvidence
from grams_theory.core.formats import count

CASES = {"nearest": 2**21, "stochastic": 2**18}
"""About as many are tried of each grid, by each implementation; drawing random numbers takes longer than a step."""
IMPLEMENTATIONS: tuple[Implementation, ...] = ("loop", "foreach")
COLUMNS = (
    "weights",
    "steps",
    "cases",
    "of all pairs",
    "wrong way",
    "misrounded",
    "lost",
    "lost up to",
    "kept from",
)


def grids() -> tuple[Grid, ...]:
    """Every pair of each 16-bit format, and steps of float32 in every format."""
    short = (torch.bfloat16, torch.float16)
    return (*map(every_pair, short), *map(corner_pairs, (*short, torch.float32)))


def spread(grid: Grid, cases: int = CASES["nearest"]) -> range:
    """Indices of steps up to the largest; an odd stride, so that they differ in their last bits."""
    last, stride = len(grid.steps) - 1, grid.cases // cases | 1
    return range(last % stride, last + 1, stride)


def measured(device: str, rounding: Rounding = "nearest") -> list[MeasuredEvidence | FuzzEvidence]:
    """A spread of every grid by each implementation: the table, and the tally that a verdict depends on."""
    tried = [grid for grid in grids() if rounding == "nearest" or grid.weights.dtype is not torch.float32]
    found = [
        [
            sweep(grid, spread(grid, CASES[rounding]), implementation=name, rounding=rounding, device=device)
            for name in IMPLEMENTATIONS
        ]
        for grid in tried
    ]
    return [table(found), tally(s for sweeps in found for s in sweeps)]


def table(found: Iterable[Sequence[Sweep]]) -> MeasuredEvidence:
    """A row for the sweeps of each grid."""
    found = list(found)
    by_chance = found[0][0].rounding == "stochastic"
    landed = (
        "misrounded: w⁺ is none of the two neighbours of w − d, rounded to float32"
        if by_chance
        else "misrounded: w⁺ is not w − d, rounded to nearest (by way of float32 if d is of float32)"
    )
    return MeasuredEvidence(
        "Production Grams on the numbers of a format: which way it rounds, and which steps are lost"
        + (", by stochastic rounding" if by_chance else ""),
        COLUMNS,
        tuple(map(_row, found)),
        (
            "each weight w with each step d, for g > 0, g < 0, +0 and −0, after a gradient that points the other way, "
            f"by {' and '.join(IMPLEMENTATIONS)}",
            "the steps are spread over all of a 16-bit format; of float32 steps and weights are corners of binades",
            "wrong way: w⁺ lies along +sign(g); beyond the largest number it is ±∞, along −sign(g) like any other",
            landed,
            "lost: share of the pairs with d > 0 and g ≠ 0 that have w⁺ = w, each bit pattern counting alike; "
            "then the largest d/|w| of such a pair, and the smallest of any other, over the normal weights",
        ),
    )


def _row(sweeps: Sequence[Sweep]) -> tuple[str | float | int | None, ...]:
    one, counts = sweeps[0], sum((s.counts for s in sweeps), Counts())
    weights, steps = (count(getattr(torch, name)) for name in (one.format, one.step_format))
    return (
        one.format,
        one.step_format,
        sum(s.cases for s in sweeps),
        one.weights * one.steps / (2 * weights * steps),
        counts.wrong_way,
        counts.misrounded,
        counts.lost_share,
        counts.largest_lost,
        counts.smallest_kept,
    )


def tally(sweeps: Iterable[Sweep]) -> FuzzEvidence:
    """All of them as cases of the claim: a step the wrong way is a violation."""
    sweeps, explored = tuple(sweeps), {"format": Counter[str](), "implementation": Counter[str]()}
    for s in sweeps:
        explored["format"][s.format] += s.cases
        explored["implementation"][s.implementation] += s.cases
    return FuzzEvidence(
        cases=sum(s.cases for s in sweeps),
        discarded=0,
        undecided=0,
        violations=sum(s.counts.wrong_way for s in sweeps),
        min_margin=None,
        parts={},
        families={},
        structures=0,
        optimizers=("Grams",),
        seed=0,
        explored={axis: dict(counts) for axis, counts in explored.items()},
    )
