"""Instances of what other claims' proofs concluded."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any

import sympy as sp

from grams_theory.core.claim import Claim
from grams_theory.core.evidence import ProofEvidence
from grams_theory.symbolic.facts import Formula, conjuncts, gram_names, symbols_of
from grams_theory.symbolic.gram import Vector
from grams_theory.symbolic.notation import unicode
from grams_theory.symbolic.proof.recorder import ProofFailed, Recorder, granted_to
from grams_theory.symbolic.theorem import Theorem


class Citations(Recorder, ABC):
    """A theorem comes in with its premises, its axioms, and the meaning of the symbols that are not replaced."""

    def __init__(self, claim: Claim | None = None) -> None:
        super().__init__(claim)
        self._cited: dict[str, ProofEvidence] = {}

    @abstractmethod
    def _theorem(self, claim: Claim, step: str) -> tuple[Theorem, ProofEvidence]:
        """What the claim's own proof establishes. Raises `ProofFailed` if it does not."""

    def cite(
        self,
        claim: Claim,
        at: str = "",
        scalars: Mapping[sp.Symbol, Any] | None = None,
        vectors: Mapping[str, Vector] | None = None,
        parts: Iterable[str] | None = None,
    ) -> Formula:
        """An instance of what another claim's proof concluded, with its symbols and vectors replaced.

        `at` says in words which instance. `parts` selects conclusions. The premises of the instance, where no step
        established them, become hypotheses. The claim is proved first, if it was not in this process.
        """
        name = f"{claim.id}: {at}" if at else claim.id
        theorem, evidence = self._theorem(claim, name)
        granted = granted_to(claim if self._claim is None else self._claim)
        if lacking := [a.text for a in claim.assumptions if a.id not in granted]:
            texts = ", ".join(lacking)
            raise ProofFailed(name, f"the cited claim assumes more than this one: {texts}")
        wanted = list(theorem.conclusions) if parts is None else list(parts)
        if unknown := set(wanted) - theorem.conclusions.keys():
            raise ProofFailed(
                name, f"{claim.id} concludes no {sorted(unknown)}; it has {list(theorem.conclusions)}"
            )
        chosen = [theorem.conclusions[part] for part in wanted]
        presumed = [
            *theorem.premises,
            *(formula for part in wanted for formula in theorem.meant.get(part, ())),
        ]
        try:
            replacement = scalars or {}, vectors or {}
            premises, conclusions = (
                [theorem.instance(formula, *replacement) for formula in formulas]
                for formulas in (presumed, chosen)
            )
            meant = theorem.conditions([*presumed, *chosen], *replacement)
        except ValueError as error:
            raise ProofFailed(name, str(error)) from error
        self._import(name, theorem, [*premises, *conclusions])
        for held, kept in ((self._facts.lifted, theorem.lifted), (self._facts.always, theorem.always)):
            held |= {instance for p, instance in zip(presumed, premises, strict=True) if p in kept}
        if evidence.axioms or evidence.assumptions:
            self._facts.particular |= symbols_of([*premises, *conclusions])
        self._cited[claim.id] = evidence
        for node in evidence.definitions + evidence.assumptions:
            self._used[node] = None
        goal = sp.And(*conclusions)
        return self._record(
            name, "citation", conjuncts([*premises, *meant]), goal, lambda: f"instance of {claim.id}"
        )

    def _import(self, name: str, theorem: Theorem, formulas: list[Formula]) -> None:
        """Take over what the symbols that were not replaced mean in the theorem."""
        left = symbols_of(formulas)
        for symbol in left & theorem.sums.keys():
            if self._facts.sums.setdefault(symbol, theorem.sums[symbol]) != theorem.sums[symbol]:
                raise ProofFailed(name, f"{unicode(symbol)} is the sum of another expression here")
        vectors = {vector for symbol in left for vector in gram_names(symbol) or ()}
        for vector in vectors & theorem.coordinates.keys():
            coordinate = theorem.coordinates[vector]
            if self._facts.coordinates.setdefault(vector, coordinate) != coordinate:
                raise ProofFailed(name, f"{vector} has other coordinates here")
        for symbol in left & theorem.runs.keys():
            try:
                self._facts.runs_as(symbol, *theorem.runs[symbol])
            except ValueError as error:
                raise ProofFailed(name, str(error)) from error
        self._facts.summed |= left & theorem.bound
