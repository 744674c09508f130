"""From evidence to a verdict: the only place where one is decided."""

from __future__ import annotations

from collections.abc import Iterable

from grams_theory.core.errors import GramsTheoryError
from grams_theory.core.evidence import ArgumentEvidence, Evidence, FuzzEvidence, Witness
from grams_theory.core.verdict import Verdict
from grams_theory.symbolic.proof import CheckedProof


class ContradictionError(GramsTheoryError):
    """A claim is proved and refuted at once: the verifier itself is wrong, and must say so."""


def decide(claim_id: str, evidence: Iterable[Evidence]) -> Verdict:
    """The verdict that the evidence supports.

    An exact witness refutes. Violations beyond rounding that nothing exact confirms leave the claim undecided, proof or
    not: then the production code and the definitions part. So do violations on functions whose constants are estimated,
    whatever was seen there: the estimate may be wrong. A complete proof proves, or shows vacuity; it counts only as
    `CheckedProof`, which the kernel alone makes. A refuted step of the source's argument is a gap. Otherwise the claim
    survived if some case, or some step of a stream, was decided in its favour. Against it a stream has no say.

    Raises:
        ContradictionError: the evidence holds a complete proof and an exact witness, or a proof of vacuity and a case.
    """
    evidence = tuple(evidence)
    proofs = [e for e in evidence if isinstance(e, CheckedProof) and e.complete]
    fuzzed = [e for e in evidence if isinstance(e, FuzzEvidence)]
    estimated = any(e.estimated for e in fuzzed)
    witnessed = any(isinstance(e, Witness) for e in evidence) and not estimated
    vacuous = any(proof.target == "vacuity" for proof in proofs)
    if (witnessed and proofs) or (vacuous and any(e.cases for e in fuzzed)):
        raise ContradictionError(
            f"claim {claim_id!r} has a complete proof and a case against it: a checker is wrong"
        )
    if witnessed:
        return Verdict.REFUTED
    if any(e.violations for e in fuzzed):
        return Verdict.UNDECIDED
    if proofs:
        return Verdict.VACUOUS if vacuous else Verdict.PROVED
    if any(isinstance(e, ArgumentEvidence) and e.refuted for e in evidence):
        return Verdict.GAP
    if any(e.cases > e.undecided or (e.streams and e.streams.steps > e.streams.undecided) for e in fuzzed):
        return Verdict.SURVIVED
    return Verdict.UNDECIDED
