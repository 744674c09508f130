"""Cases that a claim's file offers as attaining its inequalities, checked in exact arithmetic."""

from __future__ import annotations

from grams_theory.core.claim import Claim, OneStep
from grams_theory.core.errors import GramsTheoryError
from grams_theory.core.evidence import SharpnessEvidence, Witness
from grams_theory.engine import exact_step
from grams_theory.engine.exact import exactly, precision, strings


class NotAttainedError(GramsTheoryError):
    """A case that a claim's file offers as attaining a part does not."""


def attained(claim: Claim) -> SharpnessEvidence | None:
    """The claim's own attaining cases, each with its margin found to be exactly 0; None if it offers none.

    Raises:
        NotAttainedError: a case is outside the premises, leaves slack, or is trivial because nothing moves in it.
    """
    if claim.attained is None or not isinstance(claim.setting, OneStep):
        return None
    examples = []
    for part, data in claim.attained().items():
        case = exactly(data)
        with precision():
            slack = exact_step.margin_of(claim, case, part)
        moving = all(any(x != 0 for x in case[name]) for name in ("g", "u"))
        if slack is None or slack != 0 or not moving:
            raise NotAttainedError(
                f"claim {claim.id!r}: the case for {part!r} leaves {slack}; give one inside the premises with margin 0"
            )
        examples.append(Witness("quadratic", strings(case), part, "0", "rational arithmetic"))
    return SharpnessEvidence(tuple(examples))
