"""Proofs with a planted fault: a hypothesis dropped, or one step stated differently."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sympy as sp

from grams_theory.claims import by_id
from grams_theory.symbolic import smt
from grams_theory.symbolic.facts import conjuncts
from grams_theory.symbolic.proof import Proof, ProofFailed


class Weakening(Proof):
    """Records the hypotheses of implications that the goal also follows without."""

    def __init__(self, claim):
        super().__init__(claim)
        self.unneeded: list[str] = []

    def implies(self, name, given, goal, timeout=smt.TIMEOUT_SECONDS):
        given = conjuncts(given)
        conclusion = sp.And(*conjuncts([goal]))
        for dropped in given:
            rest = [g for g in given if g is not dropped]
            if smt.follows(rest, conclusion, timeout):
                self.unneeded.append(f"{name}: {dropped}")
        return super().implies(name, given, goal, timeout)


class Planted(Proof):
    """Substitutes inside one step, hypotheses and goal alike."""

    def __init__(self, claim, step: str, edit: Callable):
        super().__init__(claim)
        self.step, self.edit, self.hit = step, edit, False

    def _edited(self, name, *expressions):
        if name != self.step:
            return expressions
        self.hit = True
        return tuple(self.edit(e) for e in expressions)

    def implies(self, name, given, goal, timeout=smt.TIMEOUT_SECONDS):
        *given, goal = self._edited(name, *given, goal)
        return super().implies(name, given, goal, timeout)

    def identity(self, name, lhs, rhs, given=()):
        lhs, rhs = lhs, *self._edited(name, rhs)
        return super().identity(name, lhs, rhs, given)

    def calculus(self, name, expression, variable, result, limits=None):
        (result,) = self._edited(name, result)
        return super().calculus(name, expression, variable, result, limits)


@pytest.fixture
def unneeded_hypotheses():
    """claim id -> hypotheses that its proof could drop."""

    def find(claim_id: str) -> list[str]:
        claim = by_id(claim_id)
        proof = Weakening(claim)
        argument = claim.prove or claim.prove_vacuous
        assert argument is not None
        argument(proof)
        return proof.unneeded

    return find


@pytest.fixture
def plant():
    """Run a claim's proof with `edit` applied inside one step; raises what the proof raises."""

    def run(claim_id: str, step: str, edit: Callable) -> None:
        claim = by_id(claim_id)
        proof = Planted(claim, step, edit)
        argument = claim.prove or claim.prove_vacuous
        assert argument is not None
        try:
            argument(proof)
            if missing := proof.unfinished():
                raise ProofFailed(claim_id, missing)
        finally:
            assert proof.hit, f"{claim_id} has no step {step!r}"

    return run
