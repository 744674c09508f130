"""Claims about flows: proofs that are complete and tight, margins that notice a wrong flow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import sympy as sp
import torch

from grams_theory import families, flows
from grams_theory.claims import by_id
from grams_theory.claims.adam_hamiltonian import GROWTH
from grams_theory.core.random import generator
from grams_theory.flows import directions
from grams_theory.symbolic.proof import ProofFailed, prove

SYSTEM = {"theorem-4.6": "hamiltonian", "filippov": "filippov", "adam-hamiltonian": "adam"}
MINE = tuple(SYSTEM)
PROVED = (*MINE, "lasalle")


@pytest.mark.parametrize("claim_id", PROVED)
def test_the_proof_is_complete(claim_id):
    assert prove(by_id(claim_id)).failure is None


@pytest.mark.parametrize("claim_id", PROVED)
def test_the_proof_needs_each_of_its_hypotheses(claim_id, unneeded_hypotheses):
    assert unneeded_hypotheses(claim_id) == []


a, b, g, m, phi, xi, C, k_psi = (
    sp.Symbol(name, real=True) for name in ["a", "b", "g", "m", "φ", "ξ", "C", "⟨k,Ψ⟩"]
)


def lower_ratio(formula):
    """a ≥ 0.99 b/4 in place of a ≥ b/4."""
    return sp.Ge(a, sp.Rational(99, 400) * b) if formula == sp.Ge(a, b / 4) else formula


def without_selection(formula):
    """|ξ| ≤ 1 in place of ξg = |g|."""
    return abs(xi) <= 1 if formula == sp.Eq(xi * g, abs(g)) else formula


@pytest.mark.parametrize(
    ("claim_id", "step", "edit"),
    [
        ("adam-hamiltonian", "adam: a term of dH/dt", lower_ratio),
        ("adam-hamiltonian", "grams: a term of dH/dt", lower_ratio),
        ("adam-hamiltonian", "∂H/∂v", lambda result: 2 * result),
        ("adam-hamiltonian", GROWTH, lambda goal: goal.xreplace({m: sp.Integer(0)})),
        ("theorem-4.6", "grams: a term of dH/dt", lambda goal: goal.replace(sp.sign, lambda x: -sp.sign(x))),
        ("theorem-4.6", "grams: a term of dL/dt", lambda goal: goal.replace(sp.Abs, lambda x: 2 * sp.Abs(x))),
        ("theorem-4.6", "a term of ⟨g,ẇ⟩, grams ≤ cautious", lambda goal: sp.Ge(*goal.args)),
        (
            "filippov",
            "grams: a term of dL/dt",
            lambda formula: formula.xreplace({xi: -xi}) if formula.has(phi) else formula,
        ),
        ("filippov", "cautious: a term of dH/dt", without_selection),
        (
            "lasalle",
            "a term of ⟨g,κ⟩",
            lambda formula: formula.xreplace({C: 2 * C}) if formula.has(g) else formula,
        ),
        ("lasalle", "Ψ does no work", lambda formula: k_psi <= 0 if formula == sp.Ge(k_psi, 0) else formula),
    ],
)
def test_a_planted_fault_breaks_the_proof(claim_id, step, edit, plant):
    with pytest.raises(ProofFailed):
        plant(claim_id, step, edit)


def states(system: str, **options):
    f = families.by_name("dense_quadratic")(generator(0, "flow claims"), 64, 3)
    return flows.by_name(system).sample(generator(1, "flow claims"), f, **options)


def margins(claim_id: str, state) -> Mapping[str, Any]:
    margin = by_id(claim_id).margin
    assert margin is not None
    return margin(state)


@pytest.mark.parametrize("claim_id", MINE)
def test_no_sampled_state_violates_the_claim(claim_id):
    for part, margin in margins(claim_id, states(SYSTEM[claim_id])).items():
        assert not bool(margin.surely_negative().any()), part


@dataclass
class Swapped:
    """A state in which the flow called "grams" steps along another direction."""

    state: Any
    direction: Any

    def __getattr__(self, name):
        return getattr(self.state, name)

    def _flow(self, flow):
        return self.direction if flow == "grams" else flow

    def rate_H(self, flow):
        return self.state.rate_H(self._flow(flow))

    def rate_L(self, flow):
        return self.state.rate_L(self._flow(flow))


@pytest.mark.parametrize("claim_id", MINE)
def test_a_flow_against_the_gradient_is_noticed(claim_id):
    wrong = Swapped(states(SYSTEM[claim_id]), lambda g, u: -directions.grams(g, u))
    assert any(bool(margin.surely_negative().any()) for margin in margins(claim_id, wrong).values())


def test_a_ratio_below_a_quarter_is_noticed():
    """a = b/8 and ε = 0: outside the premise the Hamiltonian of Adam's flow can grow."""
    found = margins("adam-hamiltonian", states("adam", ratio=0.125, eps=0.0, zeros=0.25))
    assert bool(torch.stack([m.surely_negative() for m in found.values()]).any())
