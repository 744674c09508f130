"""What the runs of one contender show together: curves over steps, and means by stage."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from statistics import median
from typing import Any

from grams_theory.study.cell import ALIGNMENTS, SKEWS, Result
from grams_theory.study.stages import STAGES, stage
from grams_theory.study.star import Star
from grams_theory.study.statistics import geometric, interval

ALONG = (*ALIGNMENTS, *(f"{name}_batch" for name in ALIGNMENTS))
"""Of Adam's update with the gradient of f, and with that which the optimizer saw."""
RANGES = {"expected_descent": (-1.0, 1.0)}
"""Of what is measured; all else is a share or a cosine of two vectors without negative entries."""


def curves(results: Sequence[Result], star: Star) -> dict[str, list[Any]]:
    """Per measured step, over runs that did not diverge: median, smallest and largest f; median ends of the ratio."""
    columns: dict[str, list[Any]] = {
        name: [] for name in ("step", "f", "f_low", "f_high", "pl_low", "pl_high")
    }
    for points in zip(*(result["points"] for result in results), strict=True):
        f = [point["f"] for point in points]
        ratios = [star.ratio(point["f"], point["grad2"]) for point in points]
        lows, highs = ([end for end in ends if end is not None] for ends in zip(*ratios, strict=True))
        row = (
            points[0]["step"],
            median(f),
            min(f),
            max(f),
            median(lows) if len(lows) == len(f) else None,
            median(highs) if len(highs) == len(f) else None,
        )
        for name, value in zip(columns, row, strict=True):
            columns[name].append(value)
    return columns


def by_stage(results: Sequence[Result], steps: int, star: Star) -> list[dict[str, Any]]:
    """Per stage, over seeds: the PL ratio's smallest value in the stage, and means of alignment and noise."""
    return [
        {
            "stage": name,
            "pl_low": _geometric([_smallest(r, steps, name, star, 0) for r in results]),
            "pl_high": _geometric([_smallest(r, steps, name, star, 1) for r in results]),
            **{key: _interval(_means(_in_stage(r, steps, name), key) for r in results) for key in ALONG},
            **{key: _noise([r["skew"] for r in results], name, key) for key in SKEWS},
        }
        for name in STAGES
    ]


def by_group(results: Sequence[Result]) -> list[dict[str, Any]]:
    """Per group of parameters, over seeds: the alignment at the end of the runs."""
    return [
        {
            "group": name,
            **{key: _interval(result["groups"][name][key] for result in results) for key in ALIGNMENTS},
        }
        for name in results[0]["groups"]
    ]


def _in_stage(result: Result, steps: int, name: str) -> list[Result]:
    return [point for point in result["points"] if stage(point["step"], steps) == name]


def _smallest(result: Result, steps: int, name: str, star: Star, end: int) -> float | None:
    found = [star.ratio(point["f"], point["grad2"])[end] for point in _in_stage(result, steps, name)]
    known = [ratio for ratio in found if ratio is not None]
    return min(known) if known else None


def _means(points: Sequence[Result], key: str) -> float | None:
    known = [point[key] for point in points if point[key] is not None]
    return sum(known) / len(known) if known else None


def _noise(skews: Sequence[Sequence[Result]], name: str, key: str) -> dict[str, Any] | None:
    values = [[s[key]["value"] for s in skew if s["stage"] == name] for skew in skews]
    return _interval((found[0] if found else None for found in values), RANGES.get(key, (0.0, 1.0)))


def _interval(
    values: Iterable[float | None], within: tuple[float, float] = (0.0, 1.0)
) -> dict[str, Any] | None:
    """None unless every run has a value."""
    found = list(values)
    known = [value for value in found if value is not None]
    return asdict(interval(known, within=within)) if known and len(known) == len(found) else None


def _geometric(values: Sequence[float | None]) -> dict[str, Any] | None:
    known = [value for value in values if value is not None and value > 0]
    return asdict(geometric(known)) if known and len(known) == len(values) else None
