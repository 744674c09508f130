"""The kernel records what it checked and nothing else: false steps, forgeries and inexact numbers are refused."""

import ast
import inspect
from dataclasses import replace
from functools import partial

import pytest
import sympy as sp

from grams_theory import claims
from grams_theory.core.claim import Claim
from grams_theory.core.errors import UsageError
from grams_theory.core.registry import modules
from grams_theory.core.verdict import Verdict
from grams_theory.symbolic.proof import Proof, ProofFailed, prove, reals

x, y, t, X, Y = reals("x y t X Y")
HALF = sp.Rational(1, 2)

VALID = {
    "identity": lambda p: p.identity("s", (x + y) ** 2, x**2 + 2 * x * y + y**2),
    "identity of quotients": lambda p: p.identity("s", 1 / x - 1 / y, (y - x) / (x * y)),
    "identity under relations": lambda p: p.identity("s", x**4, 4, given=[sp.Eq(x**2, 2)]),
    "implication": lambda p: p.implies("s", [x >= 1], sp.Ge(x**2, x)),
    "derivative": lambda p: p.calculus("s", x**3, x, 3 * x**2),
    "integral": lambda p: p.calculus("s", x * t, t, x / 2, (0, 1)),
    "limit": lambda p: p.limit("s", (x**2 - 1) / (x - 1), x, 1, 2, "+-"),
    "polynomial": lambda p: p.nonnegative_polynomial("s", x**3 - x**2 + x, x, (0, sp.oo)),
    "double root": lambda p: p.nonnegative_polynomial("s", (x**2 - 2) ** 2, x),
    "root at the end": lambda p: p.nonnegative_polynomial("s", x * (3 - x), x, (0, 3)),
    "matrix": lambda p: p.positive_definite("s", sp.Matrix([[2, 1], [1, 2]])),
}
FALSE = {
    "identity": lambda p: p.identity("s", (x + y) ** 2, x**2 + y**2),
    "identity off by 1 %": lambda p: p.identity(
        "s", (x + y) ** 2, x**2 + sp.Rational(202, 100) * x * y + y**2
    ),
    "identity under relations": lambda p: p.identity("s", x**4, 5, given=[sp.Eq(x**2, 2)]),
    "implication": lambda p: p.implies("s", [x >= 0], sp.Ge(x**2, x)),
    "implication off by 1 %": lambda p: p.implies("s", [sp.Ge(x, sp.Rational(99, 100))], sp.Ge(x**2, x)),
    "polynomial": lambda p: p.nonnegative_polynomial("s", x**2 - 2, x),
    "polynomial off by 1 %": lambda p: p.nonnegative_polynomial("s", x**2 - 2 * x + sp.Rational(99, 100), x),
    "polynomial on an interval": lambda p: p.nonnegative_polynomial("s", x * (3 - x), x, (0, 4)),
}
INVALID = {
    "derivative": lambda p: p.calculus("s", x**3, x, 2 * x**2),
    "integral": lambda p: p.calculus("s", x * t, t, x, (0, 1)),
    "limit": lambda p: p.limit("s", sp.sin(x) / x, x, 0, 0),
    "indefinite matrix": lambda p: p.positive_definite("s", sp.Matrix([[1, 2], [2, 1]])),
    "singular matrix": lambda p: p.positive_definite("s", sp.Matrix([[1, 1], [1, 1]])),
    "asymmetric matrix": lambda p: p.positive_definite("s", sp.Matrix([[2, 1], [0, 2]])),
    "contradictory hypotheses": lambda p: p.implies("s", [x > 0, x < 0], y > 0),
    "a goal that SymPy swallowed": lambda p: p.implies("s", [], sp.Ge(x**2, 0)),
    "float in an identity": lambda p: p.identity("s", 0.5 * x, x / 2),
    "float in an implication": lambda p: p.implies("s", [x >= 0.5], sp.Gt(x, 0)),
    "float in a polynomial": lambda p: p.nonnegative_polynomial("s", x**2 + 0.1, x),
    "float in a matrix": lambda p: p.positive_definite("s", sp.Matrix([[1.0]])),
    "empty interval": lambda p: p.nonnegative_polynomial("s", x, x, (1, 0)),
    "two variables": lambda p: p.nonnegative_polynomial("s", x**2 + y, x),
    "complex symbol": lambda p: p.implies("s", [], sp.Symbol("c") >= 0),
    "integer symbol": lambda p: p.implies("s", [], sp.Symbol("n", integer=True) >= 0),
    "citation": lambda p: p.cite("unlisted", "anything"),
    "axiom without a reference": lambda p: p.axiom("s", "anything", ""),
}


@pytest.mark.parametrize("name", VALID)
def test_a_valid_step_is_recorded(name):
    p = Proof()
    VALID[name](p)
    assert [step.name for step in p.steps] == ["s"]
    assert p.steps[0].statement
    assert p.steps[0].latex


@pytest.mark.parametrize("name", FALSE)
def test_a_false_step_is_refused_with_a_countermodel(name):
    p = Proof()
    with pytest.raises(ProofFailed) as failure:
        FALSE[name](p)
    assert " = " in failure.value.countermodel
    assert p.steps == ()


@pytest.mark.parametrize("name", INVALID)
def test_an_invalid_step_is_refused_and_not_recorded(name):
    p = Proof()
    with pytest.raises(ProofFailed):
        INVALID[name](p)
    assert p.steps == ()


def test_a_countermodel_violates_the_step():
    with pytest.raises(ProofFailed) as failure:
        Proof().implies("s", [x >= 0], sp.Ge(x**2, x))
    value = sp.Rational(failure.value.countermodel.removeprefix("x = "))
    assert value >= 0
    assert value**2 < value


def test_a_name_is_used_once():
    p = Proof()
    VALID["identity"](p)
    with pytest.raises(ProofFailed, match="already recorded"):
        VALID["implication"](p)


def pointwise():
    p = Proof()
    p.implies("one coordinate", [], sp.Ge(x**2 + y**2, 2 * x * y))
    return p


def test_a_coordinate_inequality_is_lifted_by_summation():
    p = pointwise()
    S, T, U = reals("S T U")
    p.lift("sum", "one coordinate", sp.Ge(S + T, 2 * U), {S: x**2, T: y**2, U: x * y})
    assert p.steps[-1].kind == "lift"


S, T, U, L = reals("S T U L")
SUMS = {S: x**2, T: y**2, U: x * y}


@pytest.mark.parametrize(
    ("conclusion", "sums", "reason"),
    [
        (sp.Ge(S + T, 3 * U), SUMS, "found"),
        (sp.Ge(S + T, 2 * U + 1), SUMS, "without a constant"),
        (sp.Ge(S * T, U**2), SUMS, "linear"),
        (sp.Le(S + T, 2 * U), SUMS, "same relation"),
        (sp.Ge(S, (2 * x - y) * T / y), {S: x**2, T: y}, "same in every coordinate"),
    ],
    ids=[
        "other coefficients",
        "a constant",
        "a product of sums",
        "the reverse",
        "a coordinate as a coefficient",
    ],
)
def test_nothing_else_is_lifted(conclusion, sums, reason):
    with pytest.raises(ProofFailed, match=reason):
        pointwise().lift("sum", "one coordinate", conclusion, sums)


def test_a_strict_inequality_is_not_lifted():
    p = Proof()
    p.implies("one coordinate", [], sp.Gt(x**2 + 1, 0, evaluate=False))
    with pytest.raises(ProofFailed, match="only"):
        p.lift("sum", "one coordinate", S > 0, {S: x**2 + 1})


def test_a_sum_keeps_its_meaning():
    p = Proof()
    p.implies("one", [], sp.Ge(abs(x) - x, 0))
    p.implies("two", [], sp.Ge(abs(x) + x, 0))
    p.lift("sum one", "one", sp.Ge(S, 0), {S: abs(x) - x})
    with pytest.raises(ProofFailed, match="another expression"):
        p.lift("sum two", "two", sp.Ge(S, 0), {S: abs(x) + x})


def test_the_hypotheses_of_a_coordinate_step_are_shown_by_its_sum():
    p = Proof()
    p.implies("one", [y > 1], sp.Ge(y * abs(x), x))
    p.lift("sum", "one", sp.Ge(S, T), {S: y * abs(x), T: x})
    assert "in every coordinate y > 1" in p.steps[-1].statement


CLAIM = Claim(
    id="planted",
    title="",
    source="",
    statement="",
    latex="",
    recorded=Verdict.PROVED,
    prove=VALID["identity"],
)


def test_a_checked_proof_is_complete():
    evidence = prove(CLAIM)
    assert evidence.complete
    assert evidence.failure is None
    assert evidence.checked == 1


@pytest.mark.parametrize("name", FALSE)
def test_a_false_proof_is_incomplete_and_says_why(name):
    evidence = prove(replace(CLAIM, prove=FALSE[name]))
    assert not evidence.complete
    assert "s: " in (evidence.failure or "")


def only_axioms(p):
    p.axiom("Fermat", "no proof fits in this margin", "P. de Fermat, 1637")


def cites(claim_id, p):
    p.cite(claim_id, "an instance")
    VALID["identity"](p)


@pytest.mark.parametrize(
    ("uses", "argument", "reason"),
    [
        ((), only_axioms, "checks nothing"),
        ((), lambda p: None, "checks nothing"),
        (("lemma",), VALID["identity"], "does not cite"),
        ((), partial(cites, "lemma"), "does not list"),
        (("lemma",), partial(cites, "theorem"), "does not list"),
    ],
    ids=["only axioms", "empty", "uses too much", "cites too much", "cites another"],
)
def test_forged_proofs_are_incomplete(uses, argument, reason):
    evidence = prove(replace(CLAIM, uses=uses, prove=argument))
    assert not evidence.complete
    assert reason in (evidence.failure or "")


def test_citations_that_agree_with_uses_are_accepted():
    evidence = prove(replace(CLAIM, uses=("lemma",), prove=partial(cites, "lemma: at y")))
    assert evidence.complete
    assert evidence.uses == ("lemma",)


def test_a_vacuity_proof_has_its_own_target():
    evidence = prove(
        replace(CLAIM, prove=None, prove_vacuous=lambda p: p.implies("s", [x > 0, x < 0], sp.false))
    )
    assert evidence.complete
    assert evidence.target == "vacuity"


def test_a_claim_without_a_proof_is_a_usage_error():
    with pytest.raises(UsageError, match="write `prove`"):
        prove(replace(CLAIM, prove=None))


def test_a_bug_in_a_proof_is_not_swallowed():
    def broken(p):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        prove(replace(CLAIM, prove=broken))


@pytest.mark.parametrize("module", modules(claims), ids=lambda module: module.__name__.rpartition(".")[2])
def test_no_claim_reaches_into_the_kernel(module):
    """A proof can only be forged through private names; no claim uses any."""
    tree = ast.parse(inspect.getsource(module))
    private = {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute) and n.attr.startswith("_")}
    assert private == set()
