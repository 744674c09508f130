"""Mutants of the claims' formal statements: none may keep its proof, unless it says no more than the claim."""

from dataclasses import replace

import pytest
import sympy as sp

from grams_theory.claims import all_claims, by_id
from grams_theory.core.claim import Formal
from grams_theory.core.errors import UsageError
from grams_theory.engine.mutation import mutate
from grams_theory.engine.verdict import ContradictionError
from grams_theory.symbolic.mutation import Judge, mutants
from grams_theory.symbolic.proof import reals

LONG = {
    "ams-lyapunov",
    "comparison-sharp",
    "comparison-sharp-convex",
    "grams-vs-adam-sharp",
    "lemma-4.14",
    "linear-rate",
    "two-point-attained",
}
"""Claims whose mutants take longer than ten seconds, and more than all the others' together."""
PROVED = [
    pytest.param(claim.id, marks=[pytest.mark.slow] if claim.id in LONG else [])
    for claim in all_claims()
    if claim.prove is not None
]


@pytest.mark.parametrize("claim_id", PROVED)
def test_no_mutant_keeps_its_proof(claim_id, tallied):
    found = mutate(by_id(claim_id), budget=0)
    tallied("mutants of claims", found.lost, found.mutants - len(found.weaker))
    assert found.survivors == ()
    assert found.lost == found.mutants - len(found.weaker) > 0


@pytest.mark.parametrize("claim_id", ["alignment", "lemma-3.9", "theorem-4.6"])
def test_the_fuzzer_refutes_mutants_too(claim_id):
    found = mutate(by_id(claim_id), budget=1000)
    assert found.refuted >= found.lost / 3


x, y, S, T = reals("x y S T")
gd, dd, gg = (sp.Symbol(name, real=True) for name in ("⟨g,d⟩", "⟨d,d⟩", "⟨g,g⟩"))
KINDS = {
    "turned around": (sp.Ge(x, y), sp.Ge(y - x, 0)),
    "without y": (sp.Ge(x + y, 2), sp.Ge(x - 2, 0)),
    "101/100 of x": (sp.Ge(x, y), sp.Ge(sp.Rational(101, 100) * x - y, 0)),
    "99/100 of -y": (sp.Ge(x, y), sp.Ge(x - sp.Rational(99, 100) * y, 0)),
    "d in place of g": (sp.Ge(gd, dd - gg), sp.Ge(dd, 0)),
    "without its condition x ≥ 0": (sp.Implies(x >= 0, y >= 0), y >= 0),
    "under ¬(x ≥ 0)": (sp.Implies(x >= 0, y >= 0), sp.Implies(x < 0, y >= 0)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_mutant_is_made(kind):
    formula, expected = KINDS[kind]
    made = {m.text: m.formal.conclusions["part"] for m in mutants(Formal({"part": formula}))}
    found = made[f"part: {kind}"]
    same = sp.Equivalent(found, expected) if kind.startswith("und") else found
    if hasattr(found, "lhs"):
        assert sp.expand((found.lhs - found.rhs) - (expected.lhs - expected.rhs)) == 0
    else:
        assert same == expected or same == sp.true


def test_a_premise_that_is_not_needed_is_a_survivor():
    """A stricter premise than the proof needs: the statement without it is still proved."""
    claim = by_id("alignment")
    idle = replace(claim, formal=lambda: replace(claim.formal(), premises=(x >= 0,)))
    assert mutate(idle, budget=0).survivors == ("without the premise x ≥ 0",)


def test_a_statement_that_says_less_than_the_proof_is_a_survivor():
    claim = by_id("alignment")
    G, A = reals("⟨|g|,|u|⟩ A")
    loose = replace(
        claim,
        formal=lambda: Formal({"order": sp.Ge(G + 1, A)}),
        prove=lambda p: _loosely(p, claim),
    )
    assert any("without 1" in text for text in mutate(loose, budget=0).survivors)


def _loosely(p, claim):
    G, A = reals("⟨|g|,|u|⟩ A")
    fact = p.cite(claim)
    p.conclude("order", [fact, sp.Ge(G, A)])


def test_a_mutant_that_is_proved_and_violated_is_a_contradiction(monkeypatch):
    monkeypatch.setattr(Judge, "fate", lambda judge, mutant: "still proved")
    with pytest.raises(ContradictionError, match="violates it"):
        mutate(by_id("alignment"), budget=1000)


def test_a_claim_without_a_proof_has_no_mutants():
    with pytest.raises(UsageError, match="no proof"):
        mutate(by_id("figure-1"))
