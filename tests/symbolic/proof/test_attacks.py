"""The kernel refuses to prove what is false, however one goes about it, and says why."""

from dataclasses import replace

import pytest
import sympy as sp

from grams_theory.claims import all_claims
from grams_theory.symbolic.gram import Space, dot
from grams_theory.symbolic.proof import CheckedProof, Proof, ProofFailed, prove
from tests.symbolic.proof.attacks import ATTACKS
from tests.symbolic.proof.examples import CLAIM, stated, x, y


@pytest.mark.parametrize("name", ATTACKS)
def test_no_attack_ends_in_a_proof(name):
    attempt = prove(ATTACKS[name].claim(name))
    assert not attempt.complete
    assert ATTACKS[name].because in (attempt.failure or "")


def test_evidence_of_another_class_is_no_proof():
    with pytest.raises(TypeError, match="made by running it"):
        type("Forged", (CheckedProof,), {"__init__": lambda self: None})


def test_a_statement_says_what_its_vectors_are():
    """⟨a,b⟩ ≥ 0 is false of most vectors; what was proved is that of |x| and |y|."""
    a, b = Space("a b").vectors()

    def positive(p):
        p.coordinates(a=abs(x), b=abs(y))
        p.implies("one", [], sp.Ge(abs(x) * abs(y), 0, evaluate=False))
        p.lift("sum", "one", sp.Ge(dot(a, b), 0))
        p.conclude("part 0")

    evidence = prove(replace(CLAIM, formal=stated(sp.Ge(dot(a, b), 0)), prove=positive))
    assert evidence.stated.legend == {"aᵢ": "|x|", "bᵢ": "|y|"}


def test_a_statement_says_how_its_symbols_run():
    def counts(p):
        p.implies("on", [x >= 0], x + 1 >= 0)
        p.induction("always", x >= 0, {x: sp.Integer(0)}, {x: x + 1})
        p.conclude("part 0")

    evidence = prove(replace(CLAIM, formal=stated(x >= 0), prove=counts))
    assert evidence.stated.legend == {"x": "0 at the first step, then x + 1"}


def test_a_declared_symbol_is_not_defined_afterwards():
    for declare in ("shared", "constant"):
        p = Proof()
        getattr(p, declare)(y)
        with pytest.raises(ProofFailed, match="was declared"):
            p.define(y, x + 1)


def test_a_constant_does_not_run():
    p = Proof()
    p.implies("on", [x >= 0], x + 1 >= 0)
    p.constant(x)
    with pytest.raises(ProofFailed, match="is a constant"):
        p.induction("always", x >= 0, {x: sp.Integer(0)}, {x: x + 1})


def test_a_hypothesis_on_a_constant_is_discharged_after_an_induction():
    n, after = sp.symbols("n n⁺", real=True)

    def proof():
        p = Proof()
        p.implies("on", [n >= 0, y >= 0, sp.Eq(after, n + y)], after >= 0)
        p.implies("start", [sp.Eq(x, 0)], x >= 0)
        return p

    p = proof()
    with pytest.raises(ProofFailed, match="every coordinate or step"):
        p.discharge("d", p.induction("always", n >= 0, {n: x}, {n: after}), y >= 0)
    p = proof()
    p.constant(y)
    p.discharge("d", p.induction("always", n >= 0, {n: x}, {n: after}), y >= 0)


@pytest.mark.parametrize("claim", [c for c in all_claims() if c.formal], ids=lambda claim: claim.id)
def test_the_premises_of_every_claim_are_met_somewhere(claim):
    """By a solver's own point, not for want of a contradiction."""
    from grams_theory.symbolic import smt
    from grams_theory.symbolic.facts import conjuncts

    assert smt.state(conjuncts(claim.formal().premises)) == "satisfiable"
