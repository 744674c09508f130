"""A witness that is a whole run, as a chart: f along it, by the optimizers' definitions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from grams_theory.core.evidence import MeasuredEvidence
from grams_theory.symbolic import twin

LONGEST = 400
"""Steps of the longest run that is drawn."""


def run_table(data: Mapping[str, Any], names: Sequence[str]) -> MeasuredEvidence | None:
    """f − f* of f(w) = ⟨w, Hw⟩/2 along the run of each optimizer. None if it is too long to be worked out for a page.

    Each optimizer has its own η and betas where the data says so by name.
    """
    H, start, steps = data["H"], data["start"], int(Fraction(data["steps"]))
    if steps > LONGEST:
        return None
    runs = {}
    for name in names:
        eta, betas = (
            value[name] if isinstance(value, Mapping) else value for value in (data["eta"], data["betas"])
        )
        runs[name] = twin.run(name, lambda w: _gradient(H, w), start, steps, eta, betas, data["eps"])
    rows = tuple((t, *(_value(H, iterates[t]) for iterates in runs.values())) for t in range(steps + 1))
    return MeasuredEvidence("f along the run", ("step", *names), rows)


def _gradient(H: Any, w: list[twin.Real]) -> list[twin.Real]:
    return [sum((twin.number(h) * x for h, x in zip(row, w, strict=True)), twin.number(0)) for row in H]


def _value(H: Any, w: list[twin.Real]) -> float:
    product = sum((g * x for g, x in zip(_gradient(H, w), w, strict=True)), twin.number(0))
    return (
        float(product) / 2
        if isinstance(product, twin.arb)
        else float(Fraction(int(product.p), int(product.q))) / 2
    )
