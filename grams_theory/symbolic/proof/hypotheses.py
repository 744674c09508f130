"""Rules about hypotheses: discharge, replacement of symbols, induction over the steps of a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy as sp

from grams_theory.symbolic import checks
from grams_theory.symbolic.facts import Formula, conjuncts, gram_names, symbols_of
from grams_theory.symbolic.gram import Vector
from grams_theory.symbolic.notation import unicode
from grams_theory.symbolic.proof.recorder import ProofFailed, Recorder
from grams_theory.symbolic.theorem import Theorem


class HypothesisRules(Recorder):
    """They establish nothing about numbers: they say what an established formula rests on, or at which symbols."""

    def discharge(self, name: str, goal: Formula, *hypotheses: Any) -> Formula:
        """hypotheses ⇒ goal, where `goal` was established from these hypotheses among others."""
        local = conjuncts(hypotheses)

        def check() -> str:
            if not self._facts.established(goal):
                raise checks.CheckFailed(f"{unicode(goal)} was not established")
            for hypothesis in local:
                if self._facts.everywhere(hypothesis):
                    raise checks.CheckFailed(f"{unicode(hypothesis)} speaks of every coordinate or step")
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
        """An established formula with its symbols and vectors replaced, and its hypotheses likewise.

        What stands for a certain number cannot be replaced: a symbol of an axiom, of an assumption or of a theorem that
        rests on some; an abbreviation, nor what it is made of.
        """
        parts = conjuncts([formula])
        facts, replacement = self._facts, (scalars, vectors or {})
        rests = sorted(facts.support(parts), key=sp.default_sort_key)
        source = self._replaceable([*parts, *rests])
        try:
            replaced = [source.instance(f, *replacement) for f in parts]
            given = [source.instance(h, *replacement) for h in rests]
            meant = source.conditions([*parts, *rests], *replacement)
        except ValueError as error:
            raise ProofFailed(name, str(error)) from error
        for held in (facts.lifted, facts.always):
            held |= {after for before, after in zip(rests, given, strict=True) if before in held}

        def check() -> str:
            if not self._facts.established(formula):
                raise checks.CheckFailed(f"{unicode(formula)} was not established")
            return "instance of an earlier step"

        return self._record(name, "instance", conjuncts([*given, *meant]), sp.And(*replaced), check)

    def _replaceable(self, formulas: list[Formula]) -> Theorem:
        """The formulas' source, with all that cannot be replaced in them."""
        facts, named = self._facts, symbols_of(formulas)
        abbreviations = named & facts.definitions.keys()
        made_of = symbols_of(map(facts.unfold, abbreviations))
        bound = facts.of_one() | facts.stepped | facts.particular | abbreviations | made_of
        vectors = {name for s in facts.particular | made_of for name in gram_names(s) or ()}
        return Theorem(
            "this proof",
            (),
            {},
            facts.sums,
            facts.coordinates,
            frozenset(bound),
            facts.constants,
            frozenset(facts.basis | vectors),
        )

    def induction(
        self,
        name: str,
        invariant: Any,
        first: Mapping[sp.Symbol, Any],
        successor: Mapping[sp.Symbol, Any],
    ) -> Formula:
        """The invariant holds at every step: it holds at the first, and a step hands it on to the next.

        `first` replaces the symbols of a step by their values at the first, `successor` by those of the next step. Both
        instances must have been established, the second with the invariant among its hypotheses. Throughout a proof a
        symbol runs in one way.
        """
        facts, parts = self._facts, conjuncts([invariant])
        at_first, at_next = (conjuncts([f.xreplace(dict(m)) for f in parts]) for m in (first, successor))
        meant = [h for m in (first, successor) for f in parts for h in checks.meant_after(f, m)]
        rests = (facts.support(at_next) - set(parts)) | facts.support(at_first)
        hypotheses = rests | facts.support(meant)
        symbols = {*successor, *symbols_of(successor.values())} - facts.constants

        def check() -> str:
            for formula in (*at_first, *at_next):
                if not facts.established(formula):
                    raise checks.CheckFailed(f"{unicode(formula)} was not established")
            if hypotheses & set(parts):
                raise checks.CheckFailed("the start rests on the invariant itself")
            if first.keys() != successor.keys():
                raise checks.CheckFailed(
                    "say of the same symbols what they are at the first and at the next step"
                )
            try:
                for symbol, value in first.items():
                    facts.runs_as(symbol, sp.sympify(value), sp.sympify(successor[symbol]))
            except ValueError as error:
                raise checks.CheckFailed(str(error)) from error
            facts.stepped |= symbols
            facts.always |= hypotheses
            return "induction over the steps"

        return self._record(
            name, "induction", (), sp.And(*parts), check, hypotheses=hypotheses, supersede=True
        )
