"""Rows whose function was seen to break its own constants: where those are estimated, they are outside the premise."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import torch
from torch import Tensor

from grams_theory.engine.cases.run import RunRecord
from grams_theory.engine.cases.step import Step


def contradicted(record: Any) -> Tensor:
    """Rows in which f breaks L, μ or f* between two points of the case, shape (B,)."""
    found = torch.zeros_like(record.f.smoothness, dtype=torch.bool)
    for x, y in _segments(record):
        broken = record.f.contradicted(x, y)
        found |= broken.flatten(0, -2).any(0) if broken.ndim > 1 else broken
    return found


def _segments(record: Any) -> Iterator[tuple[Tensor, Tensor]]:
    """Pairs of points (..., B, D) between which a claim may use the constants of f."""
    match record:
        case Step(moved=moves) if moves is not None:
            yield from combinations((record.w, *(record.w + d for d in moves.values())), 2)
        case RunRecord():
            for path in record.paths.values():
                yield path.w[:-1], path.w[1:]
