"""From a violating row of tensors to a witness: exact, shrunk, and replayable."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flint import arb

from grams_theory import families
from grams_theory.core.claim import Claim, Flow, Noise, OneStep, Run
from grams_theory.core.evidence import Witness
from grams_theory.engine import exact_flow, exact_noise, exact_run, exact_step, explicit, recheck, simple
from grams_theory.engine.campaign import Falsified
from grams_theory.engine.evaluate import Outcome
from grams_theory.engine.exact import exactly, precision, strings
from grams_theory.engine.exact_update import SMALL
from grams_theory.engine.production import OURS, Rig
from grams_theory.engine.shrink import Case, largest
from grams_theory.engine.snippet import snippet
from grams_theory.engine.tokens import Token

RECHECKS = {OneStep: exact_step, Run: exact_run, Flow: exact_flow, Noise: exact_noise}
"""Setting -> the module with its exact `margin_of(claim, case, part)`."""
KINDS = {OneStep: "quadratic", Run: "run", Flow: "flow", Noise: "noise"}


def _confirmed(claim: Claim, found: Falsified) -> Case | None:
    """The violating case in exact numbers, shrunk; None if it has no exact form, or exact arithmetic disagrees.

    A simpler one takes its place: a run in smaller numbers, or a step that a run of Grams on the same strongly convex
    function leads to. With a constant of f loosened there is hardly a simpler run, and none is sought.
    """
    record, module, part = found.outcome.record, RECHECKS.get(type(claim.setting)), found.part
    case = module and module.certify(claim, record.row(found.row), part, found.structure)
    match claim.setting:
        case OneStep(update="adam") if case is not None and "start" not in case:
            return simple.met(claim, part) or case
        case Run() if case is not None and largest(case) > SMALL and not claim.loosened:
            found_simpler = simple.runs(claim, part)
            if found_simpler is not None and largest(found_simpler) < largest(case):
                return found_simpler
    return case


def certify(claim: Claim, found: Falsified, rig: Rig = OURS) -> Witness | None:
    """The witness of a falsified structure.

    A case of our own optimizers counts only if exact arithmetic by the definitions confirms it; else None. What
    somebody else's optimizer was seen to do is a witness as it stands, shrunk as far as it shows the same: exactly
    where the claim has an exact form, else with its rounding bound.
    A case on a loss with estimated constants is reported as "estimated": it refutes nothing.
    """
    witness = _witness(claim, found, rig)
    text = witness and (snippet(witness, claim, rig) or recheck.snippet(witness, claim.id))
    return witness and replace(witness, snippet=text)


def _witness(claim: Claim, found: Falsified, rig: Rig) -> Witness | None:
    token = Token(claim.id, found.structure, found.part, found.row, rig).encode()
    if families.by_name(found.structure.family).estimated:
        return _seen("estimated", found.outcome, found.part, found.row, token)
    if rig.cast:
        return _of_others(claim, found, rig, token)
    case = _confirmed(claim, found)
    if case is None:
        return None
    with precision():
        margin = RECHECKS[type(claim.setting)].margin_of(claim, case, found.part)
    return _exact(claim, case, found.part, margin, token)


def _of_others(claim: Claim, found: Falsified, rig: Rig, token: str) -> Witness:
    """What somebody else's optimizer was seen to do."""
    if isinstance(claim.setting, OneStep):
        row = found.outcome.record.row(found.row)
        seen = explicit.certify(claim, row, found.part, found.structure, rig)
        if seen is not None:
            margin = explicit.exact_margin(claim, seen.case, found.part)
            if margin is not None and margin < 0:
                return _exact(claim, seen.case, found.part, margin, token)
            shown = _seen("observed", seen.outcome, found.part, 0, token)
            allowed = {name: seen.outcome.record.allowance(name)[0].tolist() for name in rig.cast}
            return replace(shown, data=strings({**seen.case, "allowed": exactly(allowed)}))
    return _seen("observed", found.outcome, found.part, found.row, token)


def _exact(claim: Claim, case: Case, part: str, margin: Any, token: str) -> Witness:
    with precision():
        ball = isinstance(margin, arb)
        shown, how = (margin.str(12), "ball arithmetic") if ball else (strings(margin), "rational arithmetic")
    return Witness(KINDS[type(claim.setting)], strings(case), part, shown, how, token)


def _seen(kind: str, outcome: Outcome, part: str, row: int, token: str) -> Witness:
    """A row of floating-point numbers as it is."""
    margin, data = outcome.margins[part][row], strings(exactly(outcome.record.row(row)))
    shown = f"{margin.mid.item():.9g} ± {margin.rad.item():.1g}"
    return Witness(kind, data, part, shown, "midpoint-radius arithmetic", token)
