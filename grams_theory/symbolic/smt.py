"""Decide "for all reals: given ⇒ goal" by asking every solver, independently, for a counterexample."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import sympy as sp

from grams_theory.symbolic.countermodel import violates
from grams_theory.symbolic.solvers import SOLVERS, Reply
from grams_theory.symbolic.translate import UnsupportedFormula, question, signs

__all__ = [
    "SOLVERS",
    "TIMEOUT_SECONDS",
    "Answer",
    "SolversDisagree",
    "UnsupportedFormula",
    "decide",
    "follows",
    "question",
    "signs",
    "state",
]

TIMEOUT_SECONDS = 20.0
"""For each solver."""

SECOND_OPINION_SECONDS = 1.0
"""For the other solvers, once a countermodel has been confirmed exactly."""

State = Literal["satisfiable", "contradictory", "unknown"]


class SolversDisagree(RuntimeError):
    """A checker is wrong: one solver's answer contradicts another's, or its countermodel is none."""


@dataclass(frozen=True)
class Answer:
    """`holds` if all solvers say so; `fails` with a countermodel "x = 1/2, y = -1"; otherwise `unknown`."""

    outcome: Literal["holds", "fails", "unknown"]
    countermodel: str = ""
    hypotheses: State = "unknown"
    """An implication from contradictory hypotheses is empty."""
    solvers: tuple[str, ...] = ()
    """Those that decided whether there is a counterexample."""


def decide(given: Iterable[Any], goal: Any, timeout: float = TIMEOUT_SECONDS) -> Answer:
    """Whether `given` implies `goal` for all real values of their symbols; `timeout` in seconds for each solver.

    Raises:
        UnsupportedFormula: for floats, non-real symbols, and functions without a translation.
        SolversDisagree: a checker is wrong.
    """
    given, goal = [sp.sympify(formula) for formula in given], sp.sympify(goal)
    replies = _counterexamples(given, goal, timeout)
    decided = tuple(name for name, reply in replies.items() if reply.verdict != "unknown")
    found = next((reply for reply in replies.values() if reply.verdict == "sat"), None)
    if found:
        return Answer("fails", _shown(found.values), "satisfiable", decided)
    outcome = "holds" if len(decided) == len(replies) else "unknown"
    return Answer(outcome, hypotheses=state(given, timeout), solvers=decided)


def follows(given: Iterable[Any], goal: Any, timeout: float = TIMEOUT_SECONDS) -> bool:
    """Whether `decide` says "holds", found out sooner where it does not: no more is asked once that is certain.

    Raises:
        UnsupportedFormula, SolversDisagree: as `decide`.
    """
    given, goal = [sp.sympify(formula) for formula in given], sp.sympify(goal)
    replies = _counterexamples(given, goal, timeout, until_doubtful=True)
    return all(reply.verdict == "unsat" for reply in replies.values())


def _counterexamples(
    given: list[Any], goal: Any, timeout: float, until_doubtful: bool = False
) -> dict[str, Reply]:
    """What each solver replies; if `until_doubtful`, of those up to the first that does not know, or surely refutes."""
    asked = question(given, refute=goal)
    replies = {}
    for name, solver in SOLVERS.items():
        replies[name] = reply = solver(asked, timeout)
        confirmed = None
        if reply.verdict == "sat":
            confirmed = violates(given, goal, reply.values)
            if confirmed is False:
                raise SolversDisagree(f"{name}'s countermodel {_shown(reply.values)} violates nothing")
            if confirmed:
                timeout = min(timeout, SECOND_OPINION_SECONDS)
        if until_doubtful and (confirmed or reply.verdict == "unknown"):
            break
    _check_agreement(replies)
    return replies


def state(given: Iterable[Any], timeout: float = TIMEOUT_SECONDS) -> State:
    """Whether some point satisfies all of `given`. One solver's word is enough that one does, not that none does.

    Raises:
        UnsupportedFormula, SolversDisagree: as `decide`.
    """
    asked = question([sp.sympify(formula) for formula in given])
    replies = {}
    for name, solver in SOLVERS.items():
        replies[name] = solver(asked, timeout)
        if replies[name].verdict == "sat":
            break
    _check_agreement(replies)
    verdicts = {reply.verdict for reply in replies.values()}
    return "satisfiable" if "sat" in verdicts else "unknown" if "unknown" in verdicts else "contradictory"


def _check_agreement(replies: Mapping[str, Reply]) -> None:
    verdicts = {name: reply.verdict for name, reply in replies.items()}
    if {"sat", "unsat"} <= set(verdicts.values()):
        raise SolversDisagree(", ".join(f"{name} says {verdict}" for name, verdict in verdicts.items()))


def _shown(point: Mapping[str, str]) -> str:
    return ", ".join(f"{name} = {point[name]}" for name in sorted(point))
