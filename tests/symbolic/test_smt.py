"""Every solver is asked, and all must agree: no single one can prove anything, nor refute what another proved."""

import pytest
import sympy as sp

from grams_theory.symbolic.checks import CheckFailed, check_implication
from grams_theory.symbolic.proof import reals
from grams_theory.symbolic.smt import SolversDisagree, decide, follows
from grams_theory.symbolic.solvers import SOLVERS, Reply

x, y = reals("x y")
TRUE = ([x > 1], sp.Gt(x**2, x))
FALSE = ([x > 0], sp.Gt(x**2, x))
NAMES = tuple(SOLVERS)

SILENT = Reply("unknown")
PROVED = Reply("unsat")
REFUTED = Reply("sat", {"x": "1/2"})
REFUTED_SOMEWHERE = Reply("sat", {"x": "1.414?"})


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


@pytest.fixture
def plant(monkeypatch, name):
    """Make one solver always give the same reply."""
    return lambda reply: monkeypatch.setitem(SOLVERS, name, lambda question, timeout: reply)


def test_what_all_solvers_prove_holds():
    answer = decide(*TRUE)
    assert (answer.outcome, answer.hypotheses, answer.solvers) == ("holds", "satisfiable", ("Z3", "cvc5"))


def test_what_a_solver_refutes_fails_with_a_countermodel():
    answer = decide(*FALSE)
    assert (answer.outcome, answer.solvers) == ("fails", NAMES)
    value = sp.Rational(answer.countermodel.removeprefix("x = "))
    assert 0 < value <= 1


def test_a_countermodel_names_every_symbol_and_its_sign_holds():
    p = sp.Symbol("p", positive=True)
    answer = decide([sp.Eq(x * p, -1)], sp.Gt(x, 0))
    values = dict(part.split(" = ") for part in answer.countermodel.split(", "))
    assert sp.Rational(values["p"]) > 0
    assert sp.Rational(values["x"]) * sp.Rational(values["p"]) == -1


def test_each_solver_is_asked_both_for_a_counterexample_and_whether_the_hypotheses_are_empty(
    monkeypatch, name
):
    asked, solver = [], SOLVERS[name]
    monkeypatch.setitem(SOLVERS, name, lambda q, timeout: asked.append(q) or solver(q, timeout))
    decide([x > 0, x < 0], sp.Eq(y, 0))
    assert [q.script.count("(assert") for q in asked] == [3, 2]


def test_a_solver_that_proves_what_is_false_is_found_out(plant):
    plant(PROVED)
    with pytest.raises(SolversDisagree, match="says unsat"):
        decide(*FALSE)


def test_a_solver_that_refutes_what_is_true_is_found_out_by_substitution(plant):
    plant(REFUTED)
    with pytest.raises(SolversDisagree, match="violates nothing"):
        decide(*TRUE)


def test_a_solver_that_refutes_what_is_true_is_found_out_by_the_other(plant):
    plant(REFUTED_SOMEWHERE)
    with pytest.raises(SolversDisagree, match="says unsat"):
        decide(*TRUE)


def test_a_disagreement_is_no_failed_check_that_could_be_passed_over(plant):
    plant(PROVED)
    with pytest.raises(SolversDisagree):
        check_implication(*FALSE, 20.0)


def test_one_solver_alone_proves_nothing(plant, name):
    plant(SILENT)
    (other,) = set(NAMES) - {name}
    answer = decide(*TRUE)
    assert (answer.outcome, answer.solvers) == ("unknown", (other,))
    with pytest.raises(CheckFailed, match=f"^{name} did not decide it within 20 s"):
        check_implication(*TRUE, 20.0)


def test_one_solver_alone_refutes(plant, name):
    plant(SILENT)
    answer = decide(*FALSE)
    assert (answer.outcome, len(answer.solvers)) == ("fails", 1)


def test_hypotheses_are_contradictory_if_all_solvers_say_so():
    assert decide([x > 0, x < 0], y > 0).hypotheses == "contradictory"


def test_one_solver_alone_does_not_make_hypotheses_contradictory(plant):
    plant(SILENT)
    assert decide([x > 0, x < 0], y > 0).hypotheses == "unknown"


def test_one_solver_alone_makes_hypotheses_satisfiable(plant):
    plant(SILENT)
    assert decide(*TRUE).hypotheses == "satisfiable"


def test_a_step_says_who_agreed():
    assert check_implication(*TRUE, 20.0) == "Z3 and cvc5 (unsat; the hypotheses are satisfiable)"
    assert check_implication([x > 0, x < 0], sp.false, 20.0) == "Z3 and cvc5 (unsat)"


def test_a_confirmed_countermodel_does_not_wait_for_the_other_solver(monkeypatch):
    limits = []
    monkeypatch.setitem(SOLVERS, "cvc5", lambda q, timeout: limits.append(timeout) or SILENT)
    assert decide(*FALSE, timeout=50.0).outcome == "fails"
    assert limits == [1.0]


def test_only_what_all_solvers_prove_follows(plant):
    assert follows(*TRUE)
    assert not follows(*FALSE)
    plant(SILENT)
    assert not follows(*TRUE)


def test_a_solver_that_is_wrong_about_what_follows_is_found_out(plant):
    plant(REFUTED_SOMEWHERE)
    with pytest.raises(SolversDisagree, match="says unsat"):
        follows(*TRUE)


@pytest.mark.parametrize("reply", [SILENT, Reply("sat", {"x": "1"})], ids=["silent", "refuted"])
def test_once_it_is_certain_that_nothing_follows_no_more_is_asked(monkeypatch, reply):
    asked = []
    monkeypatch.setitem(SOLVERS, "Z3", lambda q, timeout: reply)
    monkeypatch.setitem(SOLVERS, "cvc5", lambda q, timeout: asked.append(q) or PROVED)
    assert not follows(*FALSE)
    assert asked == []


def test_a_hard_question_ends_in_time_as_unknown():
    a, b, c, d, e = reals("a b c d e")
    hard = sp.Ge(a**8 + b**8 + c**8 + d**8 + e**8 + 3, 5 * a * b * c * d * e + a**5 * b**3 / 7)
    assert decide([], hard, timeout=0.05).outcome == "unknown"
