"""Hamiltonian descent: H(w, s) = L(w) + K(s), g = ∇L(w), k = ∇K(s), ẇ = −d − Φ(g), ṡ = g − Ψ(s).

    d = k (momentum), k∘1[g∘k ≥ 0] (cautious), sign(g)∘|k| (Grams);  ⟨g, Φ(g)⟩ ≥ 0, ⟨k, Ψ(s)⟩ ≥ 0
    ⇒  dH/dt ≤ 0 along all three;  dL/dt ≤ 0 along Grams, and Grams ≤ cautious ≤ momentum

Theorem 4.6 of the paper. True. Where some gᵢ = 0 the Grams flow jumps; that is the chapter on Filippov's sense.
It is about the flow: a finite step can raise H, however short.
"""

from dataclasses import replace
from fractions import Fraction as Q

import pytest

from grams_theory.claims import by_id
from grams_theory.core.algebra import dot as inner
from grams_theory.engine.budget import Budget
from grams_theory.engine.hunt import hunt
from proofs.by_hand import adam, cautious, dot, grams, times

FLOWS = {"momentum": adam, "cautious": cautious, "Grams": grams}
g, k = [Q(1), Q(-2)], [Q(3), Q(1)]


def rates(flow, phi=(0, 0), psi=(0, 0)):
    """dL/dt = ⟨g, ẇ⟩ and dH/dt = ⟨g, ẇ⟩ + ⟨k, ṡ⟩."""
    L = -dot(g, FLOWS[flow](k, g)) - dot(g, phi)
    return L, L + dot(k, g) - dot(k, psi)


def test_it_is_proved_from_the_chain_rule(proved):
    proved("theorem-4.6", axioms=("chain rule",))


def test_the_rates_in_one_state():
    assert {flow: rates(flow) for flow in FLOWS} == {
        "momentum": (-1, 0),  # without damping H is conserved: the bound is attained
        "cautious": (-3, -2),
        "Grams": (-5, -4),
    }


def test_the_three_flows_are_one_where_momentum_and_gradient_agree():
    same = [sign * abs(x) for sign, x in zip((1, -1), k, strict=True)]
    assert adam(same, g) == cautious(same, g) == grams(same, g)


@pytest.mark.parametrize("flow", FLOWS)
def test_with_a_damping_that_pushes_it_is_false(flow):
    """Φ(g) = −5g has ⟨g, Φ(g)⟩ < 0."""
    assert min(rates(flow, phi=times(-5, g))) > 0


@pytest.mark.parametrize("h", [Q(1, 10), Q(1, 1000), Q(1, 10**6)])
def test_a_finite_step_of_the_grams_flow_can_raise_H(h):
    """L(w) = w²/2 and K(s) = s²/2 near the kink: from (w, s) = (h/4, 1) the step h crosses w = 0."""
    w, s = h / 4, Q(1)
    w_next, s_next = w - h * abs(s), s + h * w
    assert w_next**2 / 2 + s_next**2 / 2 > w**2 / 2 + s**2 / 2


def test_a_planted_fault_one_percent_more_descent_is_caught():
    def margin(q):
        return {"dL/dt": -1.01 * inner(abs(q.g), abs(q.k)) - inner(q.g, q.phi) - q.rate_L("grams")}

    _, found = hunt(replace(by_id("theorem-4.6"), margin=margin), Budget.parse(2000))
    assert found is not None
