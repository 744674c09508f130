"""A step that holds is recorded; a false one is refused with a countermodel, an inexact one with its reason."""

from dataclasses import replace

import pytest
import sympy as sp

from grams_theory.symbolic.proof import Proof, ProofFailed, prove
from tests.symbolic.proof.examples import CLAIM, FALSE, INVALID, VALID, stated, x, y


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


def test_a_quotient_needs_a_denominator_that_is_not_zero():
    """x · 1/(x y) = 1/y is false at x = 0: used without a word it would prove that x ≠ 0."""

    def argument(p):
        p.conclude("part 0", [p.identity("s", x * (1 / (x * y + x)), 1 / (y + 1))])

    formal = stated(sp.Eq(x / (x * y + x), 1 / (y + 1), evaluate=False))
    refused = prove(replace(CLAIM, formal=formal, prove=argument))
    assert "≠ 0" in str(refused.failure)
    meant = stated(*formal().conclusions.values(), premises=(x > 0, y > 0))
    assert prove(replace(CLAIM, formal=meant, prove=argument)).complete
