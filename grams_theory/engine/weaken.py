"""Weaker hypotheses, the same conclusion: a claim with one of its hypotheses loosened or dropped is a claim again.

smooth, pl   the constant of the function may be `factor` times worse than the one in the statement
bounded      f may fall `factor` times as far below f(w₁) as the statement's f*
step size    η may be `factor` times its bound
others       dropped (convex, separable, the premises of a flow)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from grams_theory import claims, flows
from grams_theory.core.claim import Claim, Flow, OneStep, Run
from grams_theory.core.errors import UnknownNameError

FACTORS = (2, 10, 100)
"""How far a constant is loosened, mildest first."""
STEP_SIZE = "step size"
_LOOSENED = {
    "smooth": "f is only {}L-smooth",
    "pl": "f is only (μ/{})-PL",
    "bounded": "f(w₁) − f may be {} times the f(w₁) − f* of the statement",
    STEP_SIZE: "η may be {} times its bound",
}
_WITHOUT, _TIMES = " without ", " × "  # of the ids of weakened claims


@dataclass(frozen=True)
class Weakened:
    """A claim that assumes less, and what it has lost."""

    claim: Claim
    dropped: str
    text: str
    """What is left of the hypothesis."""
    factor: int | None = None


def hypotheses(claim: Claim) -> tuple[str, ...]:
    """What can be weakened: ids of assumptions, "step size", and the premises of a flow."""
    found = tuple(assumption.id for assumption in claim.assumptions)
    match claim.setting:
        case OneStep() | Run() if claim.setting.step_size is not None:
            return (*found, STEP_SIZE)
        case Flow():
            return (*found, *flows.by_name(claim.setting.system).PREMISES)
    return found


def weaken(claim: Claim, hypothesis: str, factor: int = FACTORS[0]) -> Weakened:
    """The claim with that hypothesis loosened by the factor, or dropped if it has no constant.

    Raises:
        UnknownNameError: it is no hypothesis of the claim.
    """
    if hypothesis not in hypotheses(claim):
        raise UnknownNameError(f"hypothesis of claim {claim.id!r}", hypothesis, hypotheses(claim))
    setting, name = claim.setting, claim.id + _WITHOUT + hypothesis
    if hypothesis in _LOOSENED:
        name, text = f"{name}{_TIMES}{factor}", _LOOSENED[hypothesis].format(factor)
        if hypothesis != STEP_SIZE:
            less = replace(claim, id=name, loosened={**claim.loosened, hypothesis: factor})
        else:
            assert isinstance(setting, OneStep | Run) and setting.step_size is not None
            bound = setting.step_size
            less = replace(claim, id=name, setting=replace(setting, step_size=lambda s: bound(s) * factor))
        return Weakened(less, hypothesis, text, factor)
    kept = tuple(assumption for assumption in claim.assumptions if assumption.id != hypothesis)
    if len(kept) < len(claim.assumptions):
        return Weakened(replace(claim, id=name, assumptions=kept), hypothesis, f"f need not be {hypothesis}")
    assert isinstance(setting, Flow)
    less = replace(claim, id=name, setting=replace(setting, dropped=(*setting.dropped, hypothesis)))
    return Weakened(less, hypothesis, f"{hypothesis} may be negative")


def weakenings(claim: Claim, hypothesis: str) -> Iterator[Weakened]:
    """The claim with that hypothesis weakened, mildest first."""
    for factor in FACTORS if hypothesis in _LOOSENED else FACTORS[:1]:
        yield weaken(claim, hypothesis, factor)


def by_id(claim_id: str) -> Claim:
    """The claim of that id, which may be that of a weakened one. Raises `UnknownNameError`."""
    name, weakened, rest = claim_id.partition(_WITHOUT)
    claim = claims.by_id(name)
    if not weakened:
        return claim
    hypothesis, _, factor = rest.partition(_TIMES)
    return weaken(claim, hypothesis, int(factor or FACTORS[0])).claim
