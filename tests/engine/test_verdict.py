"""Evidence decides the verdict, and contradictions are not hidden."""

from dataclasses import replace

import pytest

from grams_theory.claims import by_id
from grams_theory.core.evidence import ArgumentEvidence, FuzzEvidence, ProofEvidence, Witness
from grams_theory.core.verdict import Verdict
from grams_theory.engine.verdict import ContradictionError, decide
from grams_theory.symbolic.proof import prove


def proof(target="claim", complete=True):
    """A proof that ran: alignment's, or one that concludes nothing."""
    claim = by_id("alignment")
    argument = claim.prove if complete else lambda p: None
    if target == "claim":
        return prove(replace(claim, prove=argument))
    return prove(replace(claim, prove=None, prove_vacuous=argument))


def fuzzed(cases=10, undecided=0, violations=0):
    return FuzzEvidence(cases, 0, undecided, violations, 0.0, {}, {}, 1, ("Grams",), 0)


def estimated(**counts):
    """Fuzzed on a loss whose L is estimated."""
    return replace(fuzzed(**counts), estimated=("L", "rounding"))


WITNESS = Witness("quadratic", {}, "upper", "-1/2", "rational arithmetic", "gt1.x")


@pytest.mark.parametrize(
    ("evidence", "verdict"),
    [
        ([proof(), fuzzed()], Verdict.PROVED),
        ([proof("vacuity"), fuzzed(cases=0)], Verdict.VACUOUS),
        ([fuzzed()], Verdict.SURVIVED),
        ([fuzzed(), WITNESS], Verdict.REFUTED),
        ([fuzzed(violations=1)], Verdict.UNDECIDED),
        ([proof(), fuzzed(violations=1)], Verdict.UNDECIDED),
        ([fuzzed(cases=5, undecided=5)], Verdict.UNDECIDED),
        ([proof(complete=False), fuzzed()], Verdict.SURVIVED),
        ([fuzzed(), ArgumentEvidence(("lemma",))], Verdict.GAP),
        ([fuzzed(), WITNESS, ArgumentEvidence(("lemma",))], Verdict.REFUTED),
        ([ProofEvidence("claim", (), (), True)], Verdict.UNDECIDED),
        ([estimated()], Verdict.SURVIVED),
        ([estimated(violations=1)], Verdict.UNDECIDED),
        ([estimated(violations=1), WITNESS], Verdict.UNDECIDED),
        ([proof(), estimated(violations=1), WITNESS], Verdict.UNDECIDED),
        ([], Verdict.UNDECIDED),
    ],
)
def test_evidence_decides_the_verdict(evidence, verdict):
    assert decide("claim", evidence) is verdict


@pytest.mark.parametrize("evidence", [[proof(), WITNESS], [proof("vacuity"), fuzzed(cases=1)]])
def test_a_proof_and_a_case_against_it_raise(evidence):
    with pytest.raises(ContradictionError, match="checker is wrong"):
        decide("claim", evidence)
