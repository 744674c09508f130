"""From a violating row of tensors to a witness: exact, shrunk, and replayable."""

from __future__ import annotations

from typing import Any

from flint import arb, fmpq

from grams_theory.core.claim import Claim, OneStep, Run
from grams_theory.core.evidence import Witness
from grams_theory.engine import exact_run, exact_step
from grams_theory.engine.exact import precision, rational
from grams_theory.engine.hunt import Falsified
from grams_theory.engine.production import OURS, Rig
from grams_theory.engine.tokens import Token


def _strings(value: Any) -> Any:
    """Exact numbers as strings "p/q", in the same nesting."""
    if isinstance(value, fmpq):
        return f"{value.p}/{value.q}"
    if isinstance(value, dict):
        return {name: _strings(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [_strings(entry) for entry in value]
    return value


def _exactly(value: Any) -> Any:
    """Floats as the binary rationals that they are, in the same nesting."""
    if isinstance(value, float):
        return rational(value)
    if isinstance(value, dict):
        return {name: _exactly(entry) for name, entry in value.items() if entry is not None}
    return [_exactly(entry) for entry in value] if isinstance(value, list) else value


def certify(claim: Claim, found: Falsified, rig: Rig = OURS) -> Witness | None:
    """The witness of a falsified structure.

    A case of our own optimizers counts only if exact arithmetic by the definitions confirms it; else None. What
    somebody else's optimizer was seen to do is a witness as it stands, with its rounding bound, where no exact form is.
    """
    structure, part, row = found.structure, found.part, found.row
    record = found.outcome.record
    token = Token(claim.id, structure, part, row, rig).encode()
    case, kind, module = None, "quadratic", exact_step
    if isinstance(claim.setting, OneStep):
        case = exact_step.certify(claim, record.row(row), part, frozenset(rig.cast))
    elif isinstance(claim.setting, Run) and not rig.cast:
        kind, module = "run", exact_run
        case = exact_run.certify(claim, record.row(row), part, structure)
    if case is not None:
        with precision():
            margin = module.margin_of(claim, case, part)
        ball = isinstance(margin, arb)
        shown = margin.str(12) if ball else _strings(margin)
        return Witness(
            kind, _strings(case), part, shown, f"{'ball' if ball else 'rational'} arithmetic", token
        )
    if not rig.cast:
        return None
    margin = found.outcome.margins[part][row]
    shown = f"{margin.mid.item():.9g} ± {margin.rad.item():.1g}"
    return Witness(
        "observed", _strings(_exactly(record.row(row))), part, shown, "midpoint-radius arithmetic", token
    )
