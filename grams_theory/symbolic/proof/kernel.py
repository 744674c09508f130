"""A proof with all its rules, and how it becomes evidence: by running, and in no other way."""

from __future__ import annotations

import time
from functools import cache
from typing import Literal

from grams_theory.core.claim import Claim
from grams_theory.core.errors import UsageError
from grams_theory.core.evidence import ProofEvidence, Stated
from grams_theory.symbolic.facts import gram_names, symbols_of
from grams_theory.symbolic.notation import latex, unicode
from grams_theory.symbolic.proof.citations import Citations
from grams_theory.symbolic.proof.conclusions import Conclusions
from grams_theory.symbolic.proof.foundations import Foundations
from grams_theory.symbolic.proof.lifting import Lifting
from grams_theory.symbolic.proof.recorder import ProofFailed
from grams_theory.symbolic.theorem import Theorem

Target = Literal["claim", "vacuity"]


class Proof(Foundations, Citations, Lifting, Conclusions):
    """Records the steps of one proof. Every method checks first and records second.

    Each method returns the formula that it established, for use as a hypothesis of later steps.

    Raises (every method):
        ProofFailed: the check did not succeed.
    """

    def _theorem(self, claim: Claim, step: str) -> tuple[Theorem, ProofEvidence]:
        return _theorem_of(claim, step)


class CheckedProof(ProofEvidence):
    """The evidence of a proof that ran: only `Proof` records steps, and only from one is this made."""

    def __init_subclass__(cls) -> None:
        raise TypeError("evidence of a proof is made by running it; a subclass could be made otherwise")

    def __init__(self, proof: Proof, target: Target, failure: str | None, seconds: float) -> None:
        formal, facts, cited = proof._formal, proof._facts, proof._cited
        stated = None
        if formal is not None and failure is None:
            named = sorted(symbols_of([*formal.premises, *formal.conclusions.values()]), key=str)
            meanings = {unicode(s): f"Σᵢ {unicode(facts.sums[s])}" for s in named if s in facts.sums} | {
                unicode(s): unicode(facts.definitions[s]) for s in named if s in facts.definitions
            }
            meanings |= {
                unicode(s): f"{unicode(first)} at the first step, then {unicode(following)}"
                for s, (first, following) in facts.runs.items()
                if s in named
            }
            vectors = dict.fromkeys(name for s in named for name in gram_names(s) or ())
            meanings |= {f"{x}ᵢ": unicode(facts.coordinates[x]) for x in vectors if x in facts.coordinates}
            stated = Stated(
                tuple(unicode(f) for f in formal.premises),
                {part: unicode(f) for part, f in formal.conclusions.items()},
                tuple(latex(f) for f in formal.premises),
                {part: latex(f) for part, f in formal.conclusions.items()},
                {**meanings, **formal.legend},
            )
        own = [step.name for step in proof.steps if step.kind == "axiom"]
        inherited = [axiom for evidence in cited.values() for axiom in evidence.axioms]
        assumptions = {a.id for a in proof._claim.assumptions} if proof._claim else set()
        super().__init__(
            target,
            proof.steps,
            tuple(cited),
            failure is None,
            failure,
            seconds,
            tuple(dict.fromkeys([*own, *inherited])),
            tuple(node for node in proof._used if node in assumptions),
            tuple(node for node in proof._used if node not in assumptions),
            stated,
        )


def prove(claim: Claim, target: Target | None = None) -> ProofEvidence:
    """Run the proof of a claim, or of its vacuity; a failure is returned as evidence that is not complete.

    `target` defaults to the one that the claim has, the claim itself first.

    Raises:
        UsageError: if the claim has no such proof.
    """
    return _run(claim, target)[1]


def _run(claim: Claim, target: Target | None) -> tuple[Proof, ProofEvidence]:
    target = target or ("vacuity" if claim.prove is None else "claim")
    argument = claim.prove if target == "claim" else claim.prove_vacuous
    if argument is None:
        raise UsageError(f"claim {claim.id!r} has no proof of target {target!r}; write `prove` in its file")
    proof, failure = Proof(claim), None
    start = time.perf_counter()
    try:
        argument(proof)
        if missing := proof.unfinished():
            raise ProofFailed(claim.id, missing)
    except ProofFailed as error:
        failure = str(error)
    return proof, CheckedProof(proof, target, failure, time.perf_counter() - start)


_underway: list[str] = []
"""Ids of the claims that are being proved because one cites the other."""


def _theorem_of(claim: Claim, step: str) -> tuple[Theorem, ProofEvidence]:
    """What the claim's proof establishes. Raises `ProofFailed` if it has none, if it fails, or if it cites itself."""
    if claim.id in _underway:
        circle = " uses ".join([*_underway[_underway.index(claim.id) :], claim.id])
        raise ProofFailed(step, f"the proofs rest on each other: {circle}; break the circle")
    if claim.prove is None or claim.formal is None:
        raise ProofFailed(step, f"{claim.id} has no proof with a formal statement, so it cannot be cited")
    _underway.append(claim.id)
    try:
        proof, evidence = _proved(claim)
    finally:
        _underway.pop()
    if not evidence.complete:
        raise ProofFailed(step, f"the cited claim is not proved: {evidence.failure}")
    return proof.theorem(), evidence


@cache
def _proved(claim: Claim) -> tuple[Proof, ProofEvidence]:
    return _run(claim, "claim")
