"""The solvers keep their time limits, and cvc5's process comes back after it had to end."""

import signal
import time

import pytest
import sympy as sp

from grams_theory.symbolic import cvc5_process
from grams_theory.symbolic.countermodel import violates
from grams_theory.symbolic.proof import reals
from grams_theory.symbolic.solvers import SOLVERS, ask_cvc5
from grams_theory.symbolic.translate import question

a, b, c, d, e = reals("a b c d e")
HARD = question([sp.Lt(a**8 + b**8 + c**8 + d**8 + e**8 + 3, 5 * a * b * c * d * e + a**5 * b**3 / 7)])
SQUARE = question([sp.Lt(a**2, 0)])
POINT = question([sp.Eq(3 * a, -1), sp.Eq(b**2, 2), b > 0, sp.Ge(c, c, evaluate=False)])

PATIENCE = 15.0
"""Seconds until a solver has surely missed a limit of 1 s. Without a deadline, HARD takes minutes."""


@pytest.mark.parametrize("name", SOLVERS)
def test_a_hard_question_ends_in_time_and_leaves_the_next_one_alone(name):
    start = time.monotonic()
    assert SOLVERS[name](HARD, 1.0).verdict == "unknown"
    assert time.monotonic() - start < PATIENCE
    assert SOLVERS[name](SQUARE, PATIENCE).verdict == "unsat"


@pytest.mark.parametrize("name", SOLVERS)
def test_a_model_has_exact_rationals_and_a_value_for_every_symbol(name):
    values = SOLVERS[name](POINT, PATIENCE).values
    assert (values["a"], set(values)) == ("-1/3", {"a", "b", "c"})
    assert violates([], sp.Ne(b**2, 2), {"b": values["b"]}) is None  # √2 does not pass for a rational


def test_the_late_reply_to_an_interrupted_question_is_not_taken_for_the_next_one():
    def interrupt(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        with pytest.raises(KeyboardInterrupt):
            ask_cvc5(HARD, 60.0)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert ask_cvc5(SQUARE, PATIENCE).verdict == "unsat"
    assert ask_cvc5(POINT, PATIENCE).verdict == "sat"


def test_a_process_that_died_while_it_was_idle_is_replaced():
    ask_cvc5(SQUARE, PATIENCE)
    for process in cvc5_process._idle:
        process.kill()
        process.wait()
    assert ask_cvc5(SQUARE, PATIENCE).verdict == "unsat"


def test_one_process_serves_many_questions():
    ask_cvc5(SQUARE, PATIENCE)
    (before,) = cvc5_process._idle
    ask_cvc5(POINT, PATIENCE)
    assert cvc5_process._idle == [before]


def test_what_cvc5_leaves_open_is_no_verdict():
    reply = cvc5_process.answer(POINT.script, [], {"nl-ext": "none", "nl-cov": "false"}, PATIENCE)
    assert reply is not None
    assert reply["verdict"] == "unknown"


def test_what_cvc5_does_not_understand_is_an_error_and_no_verdict():
    with pytest.raises(RuntimeError, match="cvc5"):
        cvc5_process.answer("(assert (> x 0.0))", [], {}, PATIENCE)
    assert ask_cvc5(SQUARE, PATIENCE).verdict == "unsat"


def test_a_missing_cvc5_is_an_error_and_no_verdict(monkeypatch, tmp_path):
    broken = tmp_path / "program.py"
    broken.write_text("raise SystemExit")
    monkeypatch.setattr(cvc5_process, "_PROGRAM", broken)
    monkeypatch.setattr(cvc5_process, "_idle", [])
    with pytest.raises(RuntimeError, match="does not start"):
        ask_cvc5(SQUARE, PATIENCE)
