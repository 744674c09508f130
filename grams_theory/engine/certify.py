"""From a violating row of tensors to a witness: exact, shrunk, and replayable."""

from __future__ import annotations

from typing import Any

from flint import arb

from grams_theory.core.claim import Claim, Flow, OneStep, Run
from grams_theory.core.evidence import Witness
from grams_theory.engine import exact_flow, exact_run, exact_step
from grams_theory.engine.campaign import Falsified
from grams_theory.engine.exact import precision, rational, strings
from grams_theory.engine.production import OURS, Rig
from grams_theory.engine.shrink import Case
from grams_theory.engine.tokens import Token

RECHECKS = {OneStep: exact_step, Run: exact_run, Flow: exact_flow}
"""Setting -> the module with its exact `margin_of(claim, case, part)`."""
KINDS = {OneStep: "quadratic", Run: "run", Flow: "flow"}


def _exactly(value: Any) -> Any:
    """Floats as the binary rationals that they are, in the same nesting."""
    if isinstance(value, float):
        return rational(value)
    if isinstance(value, dict):
        return {name: _exactly(entry) for name, entry in value.items() if entry is not None}
    return [_exactly(entry) for entry in value] if isinstance(value, list) else value


def _confirmed(claim: Claim, found: Falsified, rig: Rig) -> Case | None:
    """The violating case in exact numbers, shrunk; None if it has no exact form, or exact arithmetic disagrees."""
    row, part = found.outcome.record.row, found.part
    match claim.setting:
        case OneStep():
            return exact_step.certify(claim, row(found.row), part, frozenset(rig.cast))
        case Run() if not rig.cast:
            return exact_run.certify(claim, row(found.row), part, found.structure)
        case Flow():
            return exact_flow.certify(claim, row(found.row), part)
    return None


def certify(claim: Claim, found: Falsified, rig: Rig = OURS) -> Witness | None:
    """The witness of a falsified structure.

    A case of our own optimizers counts only if exact arithmetic by the definitions confirms it; else None. What
    somebody else's optimizer was seen to do is a witness as it stands, with its rounding bound, where no exact form is.
    """
    part, row, setting = found.part, found.row, type(claim.setting)
    token = Token(claim.id, found.structure, part, row, rig).encode()
    case = _confirmed(claim, found, rig)
    if case is not None:
        with precision():
            margin = RECHECKS[setting].margin_of(claim, case, part)
        ball = isinstance(margin, arb)
        shown = margin.str(12) if ball else strings(margin)
        return Witness(
            KINDS[setting], strings(case), part, shown, f"{'ball' if ball else 'rational'} arithmetic", token
        )
    if not rig.cast:
        return None
    margin = found.outcome.margins[part][row]
    shown = f"{margin.mid.item():.9g} ± {margin.rad.item():.1g}"
    return Witness(
        "observed",
        strings(_exactly(found.outcome.record.row(row))),
        part,
        shown,
        "midpoint-radius arithmetic",
        token,
    )
