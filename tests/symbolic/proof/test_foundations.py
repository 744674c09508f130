"""Definitions assume nothing, and a claim's assumptions are all that is granted."""

from dataclasses import replace

import pytest
import sympy as sp

from grams_theory.core.definitions import BOUNDED, PL
from grams_theory.symbolic.gram import Space, dot, norm2
from grams_theory.symbolic.proof import Proof, ProofFailed, prove
from tests.symbolic.proof.examples import CLAIM, stated, x, y


def test_an_assumption_grants_what_it_entails():
    def argument(p):
        p.conclude("part 0", [p.assume(BOUNDED, "at x", x - 1), p.assume(PL, "at x", y, x - 1)])

    formal = stated(sp.Ge(y + x - 1, 2 * sp.Symbol("μ", real=True) * (x - 1)))
    assert prove(replace(CLAIM, formal=formal, prove=argument, assumptions=(PL,))).complete
    refused = prove(replace(CLAIM, formal=formal, prove=argument, assumptions=(BOUNDED,)))
    assert "does not assume that f is μ-PL" in str(refused.failure)


def test_an_inner_product_cannot_be_defined_or_replaced():
    g, d = Space("g d").vectors()
    with pytest.raises(ProofFailed, match="cannot be defined"):
        Proof().define(dot(g, d), x)
    p = Proof()
    fact = p.square("s", d)
    with pytest.raises(ProofFailed, match="replace its vectors"):
        p.instance("i", fact, {norm2(d): sp.Integer(-1)})


def test_a_basis_vector_has_length_one_and_must_be_new():
    g, e = Space("g e").vectors()
    p = Proof()
    p.coordinates(g=x)
    assert p.basis(e, {"g": x}) == sp.And(sp.Eq(dot(g, e), x), sp.Eq(norm2(e), 1))
    with pytest.raises(ProofFailed, match="already has a meaning"):
        p.basis(g, {})


def test_a_definition_adds_no_hypothesis_and_must_be_new():
    p = Proof(replace(CLAIM, formal=stated(sp.Ge(x**2, x), premises=(x >= 1,))))
    p.conclude("part 0", [p.define(y, x - 1), x >= 1])
    with pytest.raises(ProofFailed, match="already has a meaning"):
        p.define(y, x + 1)
    with pytest.raises(ProofFailed, match="already has a meaning"):
        p.define(x, y + 1)
