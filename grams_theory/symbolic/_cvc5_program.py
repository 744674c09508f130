"""The program of a process that answers questions by cvc5: one per line in, one reply per line out, in JSON.

cvc5 does not look at its time limit inside its algebraic coverings (measured: 209 s under a limit of 10 s), so
every question comes with a deadline, at which this process ends itself.
"""
# pyright: reportAttributeAccessIssue=false
# (cvc5 is compiled and declares no types)

import faulthandler
import json
import os
import sys
from collections.abc import Mapping
from typing import Any

import cvc5


def answer(script: str, names: list[str], options: Mapping[str, str]) -> dict[str, Any]:
    """The verdict on the assertions of `script`, and values of the constants `names` if it is "sat"."""
    solver = cvc5.Solver(cvc5.TermManager())
    for option, value in options.items():
        solver.setOption(option, value)
    solver.setLogic("QF_NRA")
    parser = cvc5.InputParser(solver)
    _read(parser, script)
    while not (command := parser.nextCommand()).isNull():
        command.invoke(solver, parser.getSymbolManager())
    result = solver.checkSat()
    if not result.isSat():
        return {"verdict": "unsat" if result.isUnsat() else "unknown", "values": []}
    _read(parser, " ".join(names))
    return {"verdict": "sat", "values": [_shown(solver.getValue(parser.nextTerm())) for _ in names]}


def _read(parser: Any, text: str) -> None:
    parser.setStringInput(cvc5.InputLanguage.SMT_LIB_2_6, text, "question")


def _shown(number: Any) -> str:
    return str(number.getRealValue()) if number.isRealValue() else str(number)


def serve() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what cvc5 itself prints is no answer
    with open(os.devnull, "w") as nowhere:
        print("ready", file=answers, flush=True)
        for line in sys.stdin:
            seconds, *question = json.loads(line)
            faulthandler.dump_traceback_later(seconds, exit=True, file=nowhere)
            try:
                reply = answer(*question)
            except RuntimeError as error:
                reply = {"error": str(error)}
            faulthandler.cancel_dump_traceback_later()
            print(json.dumps(reply), file=answers, flush=True)


if __name__ == "__main__":
    serve()
