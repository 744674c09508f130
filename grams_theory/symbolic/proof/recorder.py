"""The recorder: the only place where a step is put down, after its check has run, with all that it rests on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

import sympy as sp

from grams_theory.core.claim import Claim
from grams_theory.core.evidence import FOUNDATIONS, ProofStep, StepKind
from grams_theory.symbolic import checks, smt
from grams_theory.symbolic.facts import Facts, Formula, Hypotheses, conjuncts, symbols_of
from grams_theory.symbolic.notation import sequent


class ProofFailed(Exception):
    """A step did not check. `countermodel` names exact values that violate it, if any were found."""

    def __init__(self, step: str, reason: str, countermodel: str = "") -> None:
        self.step, self.reason, self.countermodel = step, reason, countermodel
        super().__init__(f"{step}: {reason}" + (f" [{countermodel}]" if countermodel else ""))


class Recorder:
    """Steps, in order, and the facts that they established. The rules are its subclasses; each checks first."""

    def __init__(self, claim: Claim | None = None) -> None:
        self._claim = claim
        self._formal = claim.formal() if claim is not None and claim.formal is not None else None
        self._steps: list[ProofStep] = []
        self._established: dict[str, tuple[tuple[Formula, ...], Formula, Hypotheses]] = {}
        self._facts = Facts(constants=self._constants())
        self._used: dict[str, None] = {}
        self._named: dict[str, sp.Symbol] = {}
        if self._formal is not None:
            self._name("the statement", [*self._formal.premises, *self._formal.conclusions.values()])

    @property
    def steps(self) -> tuple[ProofStep, ...]:
        return tuple(self._steps)

    def _record(
        self,
        name: str,
        kind: StepKind,
        given: Iterable[Formula],
        goal: Formula,
        check: Callable[[], str],
        statement: str = "",
        shown: str = "",
        parts: Iterable = (),
        *,
        hypotheses: Hypotheses | None = None,
        rests_on: tuple[str, ...] = (),
        supersede: bool = False,
    ) -> Formula:
        given, parts = tuple(given), tuple(parts)
        self._name(name, (*given, goal, *parts))
        given = (*smt.signs(symbols_of([*given, goal, *parts])), *given)
        if name in self._established:
            raise ProofFailed(name, "a step of this name was already recorded")
        if goal == sp.false and kind != "implication":
            raise ProofFailed(
                name, "it says what is never true; only an implication may, of contradictory hypotheses"
            )
        floats = set().union(*(sp.sympify(part).atoms(sp.Float) for part in (*given, goal, *parts)))
        if floats:
            raise ProofFailed(name, f"floats {sorted(map(str, floats))} are not exact; write Rational(1, 2)")
        start = time.perf_counter()
        try:
            method = check()
        except checks.CheckFailed as error:
            raise ProofFailed(name, error.reason, error.countermodel) from error
        seconds = time.perf_counter() - start
        if not statement:
            statement, shown = sequent(given, goal)
        rests_on = rests_on or self._names(given)
        self._steps.append(
            ProofStep(name, kind, statement, shown or rf"\text{{{statement}}}", method, seconds, rests_on)
        )
        hypotheses = self._facts.support(given) if hypotheses is None else hypotheses
        self._established[name] = (given, goal, hypotheses)
        if supersede:
            for part in conjuncts([goal]):
                self._facts.hypotheses.pop(part, None)
        self._facts.add(goal, hypotheses)
        if kind in FOUNDATIONS:
            self._facts.ties.append(frozenset(symbols_of([*given, goal])))
        if kind in ("axiom", "assumption"):
            self._facts.particular |= symbols_of([goal])
        return goal

    def _name(self, step: str, formulas: Iterable[Formula]) -> None:
        """One name is one symbol throughout a proof: a real number, of which nothing but its sign is presumed."""
        for symbol in sorted(symbols_of(formulas), key=str):
            if symbol not in _plain(symbol.name):
                raise ProofFailed(
                    step, f"symbol {symbol} must be real and no more: make it with reals({symbol.name!r})"
                )
            if self._named.setdefault(symbol.name, symbol) != symbol:
                raise ProofFailed(step, f"two symbols are called {symbol}; make each symbol once")

    def _names(self, formulas: Iterable[Formula]) -> tuple[str, ...]:
        """The steps that established these formulas."""
        wanted = set(formulas)
        return tuple(
            name for name, (_, goal, _) in self._established.items() if wanted & {goal, *conjuncts([goal])}
        )

    def _constants(self) -> frozenset[sp.Symbol]:
        """Symbols that stand for the constants of the claim's assumptions."""
        assumptions = self._claim.assumptions if self._claim is not None else ()
        return frozenset(sp.Symbol(name, real=True) for a in assumptions for name in a.constants)


def _plain(name: str) -> list[sp.Symbol]:
    """The real symbols of that name: without a sign, and with one."""
    signs = ("real", "positive", "negative", "nonnegative", "nonpositive", "nonzero")
    return [sp.Symbol(name, **{"real": True, sign: True}) for sign in signs]


def granted_to(claim: Claim) -> set[str]:
    """Ids of what the claim assumes, and of what that entails."""
    return {id for a in claim.assumptions for id in (a.id, *a.entails)}
