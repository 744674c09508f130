"""Rules about hypotheses: discharge, replacement of symbols, induction over the steps of a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy as sp

from grams_theory.symbolic import checks
from grams_theory.symbolic.facts import Formula, Theorem, conjuncts, symbols_of
from grams_theory.symbolic.gram import Vector
from grams_theory.symbolic.notation import unicode
from grams_theory.symbolic.proof.recorder import ProofFailed, Recorder


class HypothesisRules(Recorder):
    """They establish nothing about numbers: they say what an established formula rests on, or at which symbols."""

    def discharge(self, name: str, goal: Formula, *hypotheses: Any) -> Formula:
        """hypotheses ⇒ goal, where `goal` was established from these hypotheses among others."""
        local = conjuncts(hypotheses)

        def check() -> str:
            bound = self._facts.summed | self._facts.stepped
            if not self._facts.established(goal):
                raise checks.CheckFailed(f"{unicode(goal)} was not established")
            if fixed := symbols_of(local) & bound:
                raise checks.CheckFailed(f"{sorted(map(str, fixed))[0]} speaks of every coordinate or step")
            return "discharge of hypotheses"

        rest = self._facts.support([goal]) - set(local)
        formula = sp.Implies(sp.And(*local), goal, evaluate=False)
        return self._record(name, "discharge", (), formula, check, hypotheses=rest)

    def instance(
        self,
        name: str,
        formula: Formula,
        scalars: Mapping[sp.Symbol, Any],
        vectors: Mapping[str, Vector] | None = None,
    ) -> Formula:
        """An established formula with its symbols and vectors replaced, and its hypotheses likewise."""
        parts = conjuncts([formula])
        facts = self._facts
        bound = frozenset(facts.summed | facts.stepped | facts.definitions.keys())
        source = Theorem("this proof", (), {}, facts.sums, facts.coordinates, bound, self._constants())
        try:
            replaced = [source.instance(f, scalars, vectors or {}) for f in parts]
            rests = sorted(facts.support(parts), key=sp.default_sort_key)
            given = [source.instance(h, scalars, vectors or {}) for h in rests]
        except ValueError as error:
            raise ProofFailed(name, str(error)) from error

        def check() -> str:
            if not self._facts.established(formula):
                raise checks.CheckFailed(f"{unicode(formula)} was not established")
            return "instance of an earlier step"

        return self._record(name, "instance", given, sp.And(*replaced), check)

    def induction(
        self,
        name: str,
        invariant: Any,
        first: Mapping[sp.Symbol, Any],
        successor: Mapping[sp.Symbol, Any],
    ) -> Formula:
        """The invariant holds at every step: it holds at the first, and a step hands it on to the next.

        `first` replaces the symbols of a step by their values at the first, `successor` by those of the next step. Both
        instances must have been established, the second with the invariant among its hypotheses.
        """
        facts, parts = self._facts, conjuncts([invariant])
        at_first, at_next = (conjuncts([f.xreplace(dict(m)) for f in parts]) for m in (first, successor))
        hypotheses = (facts.support(at_next) - set(parts)) | facts.support(at_first)
        symbols = {s for s in {*successor, *symbols_of(successor.values())} if isinstance(s, sp.Symbol)}

        def check() -> str:
            for formula in (*at_first, *at_next):
                if not facts.established(formula):
                    raise checks.CheckFailed(f"{unicode(formula)} was not established")
            if hypotheses & set(parts):
                raise checks.CheckFailed("the start rests on the invariant itself")
            facts.stepped |= symbols
            return "induction over the steps"

        return self._record(
            name, "induction", (), sp.And(*parts), check, hypotheses=hypotheses, supersede=True
        )
