"""The solvers of real arithmetic. Each is asked whether a script of SMT-LIB 2 can be satisfied."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import z3

from grams_theory.symbolic import cvc5_process
from grams_theory.symbolic.translate import Question


@dataclass(frozen=True)
class Reply:
    """`unsat`: no point satisfies the question. `sat`: `values` is a point that does."""

    verdict: Literal["sat", "unsat", "unknown"]
    values: Mapping[str, str] = field(default_factory=dict)
    """Of every symbol: a rational as "-1/2", any other number in the notation of the solver."""


Solver = Callable[[Question, float], Reply]
"""Replies within about so many seconds."""


def ask_z3(question: Question, timeout: float) -> Reply:
    """A fresh solver for every question: Z3's incremental mode is far slower on nonlinear ones."""
    solver = z3.SolverFor("QF_NRA")
    solver.set("timeout", max(1, int(1000 * timeout)))
    solver.from_string(question.script)
    result = solver.check()
    if result != z3.sat:
        return Reply("unsat" if result == z3.unsat else "unknown")
    model = solver.model()
    point = {
        name: str(model.eval(z3.Real(variable), model_completion=True))
        for name, variable in question.variables.items()
    }
    return Reply("sat", point)


_CVC5_STRATEGIES = ({"nl-ext": "none"}, {"nl-ext": "light"}, {"nl-ext": "full"})
"""Algebraic coverings alone, which decide most questions at once; then helped by a few lemmas; then by many."""


def ask_cvc5(question: Question, timeout: float) -> Reply:
    """By one strategy after the other, each with half of the time that is left, the last with all of it."""
    deadline = time.monotonic() + timeout
    variables = question.variables
    for options in _CVC5_STRATEGIES:
        left = deadline - time.monotonic()
        reply = cvc5_process.answer(
            question.script,
            list(variables.values()),
            {"produce-models": "true", **options},
            max(left if options is _CVC5_STRATEGIES[-1] else left / 2, 0.001),
        )
        if reply and reply["verdict"] != "unknown":
            return Reply(reply["verdict"], dict(zip(variables, reply["values"], strict=False)))
    return Reply("unknown")


SOLVERS: dict[str, Solver] = {"Z3": ask_z3, "cvc5": ask_cvc5}
"""All of them must agree."""
