"""Discharge and induction: a hypothesis on every coordinate or step stays one."""

import pytest
import sympy as sp

from grams_theory.symbolic.proof import Proof, ProofFailed, reals
from tests.symbolic.proof.examples import HALF, S, T, x


def test_a_hypothesis_is_discharged_once_and_for_all():
    p = Proof()
    goal = p.implies("s", [x >= 1], sp.Ge(x**2, x))
    fact = p.discharge("d", goal, x >= 1)
    p.implies("both cases", [fact, sp.Implies(x < 1, sp.Ge(x**2, x))], sp.Ge(x**2, x))
    assert p.steps[-1].rests_on == ("d",)


def test_a_hypothesis_on_every_coordinate_is_not_discharged():
    """∀i (xᵢ ≥ 1) ⇒ S ≥ T is not ∀i (xᵢ ≥ 1 ⇒ S ≥ T)."""
    p = Proof()
    p.implies("one", [x >= 1], sp.Ge(x**2, x))
    total = p.lift("sum", "one", sp.Ge(S, T), {S: x**2, T: x})
    with pytest.raises(ProofFailed, match="every coordinate"):
        p.discharge("d", total, x >= 1)


def test_induction_needs_the_start_and_the_step():
    start, n = reals("x₁ x⁺")
    p = Proof()
    bounded = sp.Le(x, 2)
    p.implies("step", [bounded, sp.Eq(n, x / 2 + HALF)], sp.Le(n, 2))
    with pytest.raises(ProofFailed, match="x₁ ≤ 2 was not established"):
        p.induction("always", bounded, {x: start}, {x: n})
    p.implies("start", [sp.Eq(start, 1)], sp.Le(start, 2))
    assert p.induction("always", bounded, {x: start}, {x: n}) == bounded
    p.implies("so", [bounded], sp.Le(x, 3))
    hypotheses = p._established["so"][2]
    assert hypotheses == {sp.Eq(start, 1), sp.Eq(n, x / 2 + HALF)}


def test_an_induction_that_presupposes_itself_is_refused():
    start, n = reals("x₁ x⁺")
    p = Proof()
    bounded = sp.Le(x, 2)
    p.implies("step", [bounded, sp.Eq(n, x / 2 + HALF)], sp.Le(n, 2))
    p.implies("start", [bounded, sp.Eq(start, x)], sp.Le(start, 2))
    with pytest.raises(ProofFailed, match="rests on the invariant"):
        p.induction("always", bounded, {x: start}, {x: n})
