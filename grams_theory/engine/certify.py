"""From a violating row of tensors to a witness: exact, shrunk, and replayable."""

from __future__ import annotations

from typing import Any

from flint import arb, fmpq

from grams_theory.core.claim import Claim, OneStep, Run
from grams_theory.core.evidence import Witness
from grams_theory.engine import exact_run, exact_step
from grams_theory.engine.hunt import Falsified
from grams_theory.engine.production import OURS, Cast, name_of
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


def certify(claim: Claim, found: Falsified, cast: Cast = OURS) -> Witness | None:
    """The witness of a falsified structure, or None if exact arithmetic does not confirm one."""
    structure, part, row = found.structure, found.part, found.row
    record = found.outcome.record
    token = Token(
        claim.id, structure, part, row, {role: name_of(played) for role, played in cast.items()}
    ).encode()
    if isinstance(claim.setting, OneStep):
        case = exact_step.certify(claim, record.row(row), record.eta, part, frozenset(cast))
        kind, module = "quadratic", exact_step
    elif isinstance(claim.setting, Run) and not cast:
        case = exact_run.certify(claim, record.row(row), record.eta, part, structure)
        kind, module = "run", exact_run
    else:
        return None
    if case is None:
        return None
    margin = module.margin_of(claim, case, part)
    method = "ball arithmetic" if isinstance(margin, arb) else "rational arithmetic"
    return Witness(
        kind,
        _strings(case),
        part,
        _strings(margin) if isinstance(margin, fmpq) else str(margin),
        method,
        token,
    )
