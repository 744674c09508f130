"""Check by exact substitution in SymPy that a point violates an implication."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import sympy as sp


def violates(given: Iterable[Any], goal: Any, point: Mapping[str, str]) -> bool | None:
    """Whether all of `given` hold and `goal` does not where each symbol has the value that `point` names.

    None if that cannot be computed exactly: the point is not rational, or 1/0 or the root of a negative occurs,
    which may be anything.
    """
    if not all(re.fullmatch(r"-?\d+(/\d+)?", value) for value in point.values()):
        return None
    formulas = [*given, goal]
    symbols = set().union(*(formula.free_symbols for formula in formulas))
    at = {symbol: sp.Rational(point[symbol.name]) for symbol in symbols}
    if not all(_defined(power, at) for formula in formulas for power in formula.atoms(sp.Pow)):
        return None
    *hypotheses, conclusion = (formula.xreplace(at) for formula in formulas)
    if not {conclusion, *hypotheses} <= {sp.true, sp.false}:
        return None
    return all(hypotheses) and not conclusion


def _defined(power: Any, at: Mapping[Any, Any]) -> bool:
    base = power.base.xreplace(at)
    return not (power.exp < 0 and base.is_zero is not False) and (
        power.exp.is_integer or base.is_nonnegative is True
    )
