"""Hamiltonian descent where the Grams flow jumps: H(w, s) = L(w) + K(s), g = ∇L(w), k = ∇K(s), ṡ = g − Ψ(s).

    ẇᵢ = −ξᵢ|kᵢ| − Φᵢ,  ξᵢ = sign(gᵢ) where gᵢ ≠ 0, any number of [−1, 1] where gᵢ = 0
    ⇒  dH/dt ≤ −⟨g, Φ⟩ − ⟨k, Ψ⟩ ≤ 0,  dL/dt = −⟨|g|, |k|⟩ − ⟨g, Φ⟩

Ours: Theorem 4.6 in Filippov's sense. True, since no ξᵢ enters where gᵢ = 0. It is needed: solutions reach such
points and slide along them, with a ξᵢ strictly between −1 and 1.
"""

from dataclasses import replace
from fractions import Fraction as Q

import pytest

from grams_theory.claims import by_id
from grams_theory.core.algebra import dot as inner
from grams_theory.engine.budget import Budget
from grams_theory.engine.hunt import hunt
from grams_theory.symbolic.proof import prove, reals
from proofs.by_hand import dot


def velocity(xi, k):
    return [-x * abs(y) for x, y in zip(xi, k, strict=True)]


def test_it_is_proved_from_the_chain_rule(proved):
    proved("filippov", axioms=("chain rule",))


@pytest.mark.parametrize("xi", [Q(-1), Q(-1, 2), Q(0), Q(1)])
def test_at_zero_every_velocity_gives_the_same_rates(xi):
    """g = (0, 3/2), k = (1, 1): dL/dt = −3/2 and, without damping, dH/dt = 0."""
    g, k = [Q(0), Q(3, 2)], [Q(1), Q(1)]
    w_dot = velocity([xi, Q(1)], k)
    assert dot(g, w_dot) == -Q(3, 2)
    assert dot(g, w_dot) + dot(k, g) == 0


def test_a_solution_slides_with_a_velocity_from_inside():
    """L = w₁² + w₁w₂ + w₂², at g = (0, 3/2), k = (1, 1): only ξ₁ = −1/2 keeps g₁ at 0, sign(0) = 0 does not."""

    def rate_of_g1(xi):
        w_dot = velocity([xi, Q(1)], [Q(1), Q(1)])
        return 2 * w_dot[0] + w_dot[1]

    assert rate_of_g1(Q(-1, 2)) == 0
    assert rate_of_g1(Q(0)) != 0
    assert rate_of_g1(Q(1)) < 0 < rate_of_g1(Q(-1))  # from both sides the flow leads to g₁ = 0


def test_where_the_gradient_is_not_zero_the_sign_matters():
    """g = k = 1 with ξ = −1 in place of sign(g) = 1: L rises, and so does H."""
    [w_dot] = velocity([Q(-1)], [Q(1)])
    assert w_dot * 1 == 1
    assert w_dot * 1 + 1 * 1 == 2


def test_a_planted_fault_one_percent_more_descent_is_caught():
    def margin(q):
        return {"dL/dt": -1.01 * inner(abs(q.g), abs(q.k)) - inner(q.g, q.phi) - q.rate_L("grams")}

    _, found = hunt(replace(by_id("filippov"), margin=margin), Budget.parse(2000))
    assert found is not None


def test_a_planted_fault_any_sign_in_between_is_not_proved():
    """|ξ| ≤ 1 alone, without ξg = |g|."""

    def argument(p):
        g, k, phi, xi = reals("g k φ ξ")
        p.implies("a term", [abs(xi) <= 1], g * (-xi * abs(k) - phi) <= -g * phi)

    attempt = prove(replace(by_id("filippov"), prove=argument))
    assert str(attempt.failure).startswith("a term: the implication is false")
