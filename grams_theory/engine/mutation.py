"""The mutants of a claim's statement, judged: each must lose the proof, and the fuzzer attacks those it can read."""

from __future__ import annotations

import time
from dataclasses import replace

from grams_theory.core.claim import Claim
from grams_theory.core.errors import UsageError
from grams_theory.core.evidence import MutationEvidence
from grams_theory.engine.budget import Budget
from grams_theory.engine.cases import DRIVERS
from grams_theory.engine.hunt import hunt
from grams_theory.engine.verdict import ContradictionError
from grams_theory.symbolic.mutation import Judge, Mutant, mutants
from grams_theory.symbolic.reading import Read

BUDGET = 1_000
"""Cases for each mutant."""


def mutate(claim: Claim, budget: int = BUDGET, seed: int = 0) -> MutationEvidence:
    """What becomes of every mutant of a proved claim. `budget` is in one-step cases; 0 asks the proof alone.

    Raises:
        UsageError: the claim has no proof of a formal statement.
        ProofFailed: the claim itself is not proved.
        ContradictionError: a mutant is proved, or implied by the claim, and yet a case violates it.
    """
    if claim.prove is None or claim.formal is None:
        raise UsageError(f"claim {claim.id!r} has no proof whose statement could be mutated")
    began, judge = time.monotonic(), Judge(claim)
    fates = {mutant: judge.fate(mutant) for mutant in mutants(judge.formal)}
    refuted = [mutant for mutant, fate in fates.items() if _refuted(claim, mutant, fate, budget, seed)]
    chosen = {
        fate: tuple(m.text for m, found in fates.items() if found == fate)
        for fate in ("says no more", "still proved")
    }
    return MutationEvidence(
        len(fates),
        sum(fate == "proof lost" for fate in fates.values()),
        len(refuted),
        chosen["says no more"],
        chosen["still proved"],
        time.monotonic() - began,
    )


def _refuted(claim: Claim, mutant: Mutant, fate: str, budget: int, seed: int) -> bool:
    """Whether a case violates the mutant beyond rounding. Premises are the sampler's: their mutants are not fuzzed."""
    readable = isinstance(claim.margin, Read) and mutant.part in claim.margin.formal().conclusions
    if not readable or not budget:
        return False
    assert isinstance(claim.margin, Read) and mutant.part is not None
    changed = replace(mutant.formal, conclusions={mutant.part: mutant.formal.conclusions[mutant.part]})
    attacked = replace(claim, margin=Read(lambda: changed, claim.margin.reading))
    limit = Budget.parse(budget, DRIVERS[type(claim.setting)].CASES)
    _, found = hunt(attacked, limit, run_seed=seed, shrinks=0)
    if found is not None and fate != "proof lost":
        raise ContradictionError(
            f"claim {claim.id!r}, mutant {mutant.text!r}: {fate}, and a case violates it"
        )
    return found is not None
