"""When a run is measured, and which part of it a moment belongs to."""

from __future__ import annotations

STAGES = ("early", "middle", "late")
"""Thirds of a run. Its first point belongs to none: there u is the gradient's sign, and nothing is to be learnt."""


def points(steps: int, stages: int) -> tuple[int, ...]:
    """The steps after which a run is measured: 0, its end, and evenly between, in `stages` intervals."""
    return tuple(sorted({round(steps * k / stages) for k in range(stages + 1)}))


def stage(step: int, steps: int) -> str | None:
    """Early, middle or late; None for the first point."""
    if step == 0:
        return None
    return STAGES[min(2, 3 * (step - 1) // steps)]


def skew_points(steps: int, stages: int) -> dict[int, str]:
    """Of each stage the point in its middle: step -> stage."""
    found: dict[str, list[int]] = {}
    for step in points(steps, stages):
        name = stage(step, steps)
        if name is not None:
            found.setdefault(name, []).append(step)
    return {steps_of[len(steps_of) // 2]: name for name, steps_of in found.items()}
