"""Rows whose margin lies inside its rounding bound, decided in exact arithmetic.

What is decided is the claim's mathematics at the numbers of the row, each float taken for the rational that it is:
whether the inequality holds there for the steps of the definitions. The last bits of the production step are not looked
at; its distance from the definition is what the claim `definitions` is about. A margin of exactly 0 holds: such rows
are plenty, since Grams and Cautious coincide wherever u and g agree in sign.

A state of a flow and one step on a quadratic are decided in rational arithmetic; where a square root enters, in balls
of growing precision, and so are whole runs on quadratics. On any other function, a claim is decided only if it does not
ask for f, and stays undecided otherwise, as does an equality of two irrational numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from grams_theory.core.claim import Claim, Flow, OneStep, Run
from grams_theory.engine import exact_flow, exact_run, exact_step
from grams_theory.engine.cases.structure import Structure
from grams_theory.engine.exact import Exact, precision
from grams_theory.engine.exact_step import NoExactForm
from grams_theory.engine.production import OURS, Rig
from grams_theory.engine.shrink import Case
from grams_theory.symbolic.twin import UndecidedSignError

if TYPE_CHECKING:
    from grams_theory.engine.evaluate import Outcome

MODULES = {OneStep: exact_step, Run: exact_run, Flow: exact_flow}
"""Setting -> the module with `from_row`, `margins` of a batch of cases, and the `margin_of` that checks premises."""
ROWS: dict[type, int] = {OneStep: 128, Flow: 64, Run: 8}
"""Rows of a structure that are looked at: they take about 0.1 seconds at most. A number, so that campaigns repeat."""
PRECISIONS = (256, 1024)
"""Bits of the balls."""


@dataclass(frozen=True)
class Resolution:
    """What exact arithmetic says of undecided rows."""

    holds: tuple[int, ...] = ()
    """Rows in which every part holds."""
    violated: tuple[tuple[str, int], ...] = ()
    """Parts, and rows that surely violate them and satisfy the premises."""


def resolve(claim: Claim, structure: Structure, outcome: Outcome, rig: Rig = OURS) -> Resolution:
    """Decide undecided rows, at most ROWS of them; none where somebody else's optimizer is under test."""
    setting = type(claim.setting)
    if setting not in MODULES or rig.cast:
        return Resolution()
    rows, module = outcome.undecided().nonzero().squeeze(-1)[: ROWS[setting]].tolist(), MODULES[setting]

    def case(row: int) -> Case:
        return module.from_row(claim, outcome.record.row(row), structure)

    try:
        if rows and "H" not in (first := case(rows[0])):
            module.margins(claim, [first])  # f is not known, here or in any other row
    except NoExactForm:
        return Resolution()
    except (ZeroDivisionError, UndecidedSignError):
        pass
    left = {row: case(row) for row in rows}
    holds: list[int] = []
    violated: list[tuple[str, int]] = []
    for bits in PRECISIONS:
        with precision(bits):
            found = _verdicts(lambda cases: module.margins(claim, cases), list(left.values()))
            for row, verdict in zip(list(left), found, strict=True):
                if verdict is None:
                    continue
                decided = left.pop(row)
                if isinstance(verdict, str):
                    violated += [(verdict, row)] if module.violates(claim, decided, verdict) else []
                else:
                    holds.append(row)
    return Resolution(tuple(holds), tuple(violated))


Margins = Callable[[Sequence[Case]], Mapping[str, Exact]]


def _verdicts(margins: Margins, cases: list[Case]) -> list[Literal[True] | str | None]:
    """For each case True if every part holds, the name of a part that does not, or None if that is undecided.

    One case that cannot be evaluated spoils its batch, which is then halved.
    """
    if not cases:
        return []
    try:
        parts = margins(cases)
    except (ZeroDivisionError, UndecidedSignError, NoExactForm):
        if len(cases) == 1:
            return [None]
        half = len(cases) // 2
        return _verdicts(margins, cases[:half]) + _verdicts(margins, cases[half:])
    columns = [np.broadcast_to(margin.entries, len(cases)) for margin in parts.values()]
    return [_verdict(dict(zip(parts, row, strict=True))) for row in zip(*columns, strict=True)]


def _verdict(parts: Mapping[str, Any]) -> Literal[True] | str | None:
    violated = next((part for part, margin in parts.items() if margin < 0), None)
    return violated or (True if all(margin >= 0 for margin in parts.values()) else None)
