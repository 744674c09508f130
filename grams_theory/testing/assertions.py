"""Claims as assertions about your optimizer: a failure says what is wrong, and how to see it again."""

from __future__ import annotations

from typing import Any

from grams_theory.core.errors import UsageError
from grams_theory.core.evidence import Witness
from grams_theory.core.ledger import ClaimResult
from grams_theory.core.summary import describe, lines
from grams_theory.core.verdict import Verdict
from grams_theory.engine import fuzz
from grams_theory.engine.production import OptimizerClass, load, name_of
from grams_theory.testing.roles import natural_role
from grams_theory.testing.snippet import snippet


class ClaimViolated(AssertionError):
    """A case violates a claim; the message has the token that replays it, and the case as Python code."""

    def __init__(self, result: ClaimResult, optimizer: str) -> None:
        super().__init__(_message(result, optimizer))
        self.result = result


def role_of(optimizer: str | OptimizerClass) -> str:
    """The role that the optimizer plays by nature.

    Raises:
        UsageError: there is no such optimizer, or its steps are near to no role.
    """
    role = natural_role(load(optimizer))
    if role is None:
        raise UsageError(
            f"the steps of {name_of(optimizer)} are near to those of no role; name one (--gt-role)"
        )
    return role


def assert_claim(
    claim_id: str, optimizer: str | OptimizerClass, role: str | None = None, **options: Any
) -> ClaimResult:
    """Fuzz a claim with the optimizer in its place, and fail if a case violates it.

    Args:
        claim_id: the claim's id, or the path of a file with a CLAIM.
        optimizer: "module:Class", or a class.
        role: whose place it takes; by default the role that its steps are nearest to.
        options: as of `grams_theory.fuzz`.

    Returns:
        The result, without a violation.

    Raises:
        ClaimViolated: a case violates it, beyond rounding. On a loss with estimated constants the estimate may be at
            fault; the message says so.
        UsageError: as `grams_theory.fuzz`, or the optimizer's steps are near to no role.
    """
    role = role_of(optimizer) if role is None else role
    result = fuzz(claim_id, optimizer=optimizer, role=role, **options)
    if result.verdict is Verdict.REFUTED or (result.fuzz is not None and result.fuzz.violations):
        raise ClaimViolated(result, f"{name_of(optimizer)} as {role}")
    return result


def _message(result: ClaimResult, optimizer: str) -> str:
    text = [f"claim {result.id!r} is violated by {optimizer}: {result.title}"]
    text += [f"  {line}" for line in lines(e for e in result.evidence if not isinstance(e, Witness))]
    witness = result.witness
    if witness is None or witness.token is None:
        return "\n".join(text)
    text += [f"  {describe(witness)}", f"replay it: grams-theory replay {witness.token}"]
    code = witness.snippet or snippet(witness.token)
    if code is not None:
        text += ["or paste this:", "", *(f"    {line}" for line in code.splitlines())]
    return "\n".join(text)
