"""Grams descends at least as far as Cautious on separable functions, with the sign-repaired bound alone.

    f L-smooth and separable, η ≤ 2β/(L‖r−a‖²)  ⇒  ΔL_G ≤ ΔL_C

with a = u∘1[u∘g≥0], r = sign(g)∘|u| and β = Σ |uᵢgᵢ| over uᵢgᵢ < 0. Ours. True: what refutes the sign-
repaired comparison is curvature that couples coordinates. Attained by f(w + x) = ⟨g, x⟩ + (L/2)‖x‖².
"""

from dataclasses import replace
from fractions import Fraction as Q

from grams_theory.claims import by_id
from grams_theory.core.definitions import SMOOTH
from grams_theory.engine.budget import Budget
from grams_theory.engine.hunt import hunt
from proofs.by_hand import CALCULUS, cautious, dot, grams, minus, quadratic, scaled_identity, times, within

L, g, u = Q(2), [Q(1), Q(1)], [Q(3), Q(-8)]
a, r = cautious(u, g), grams(u, g)
b = minus(r, a)
threshold = 2 * dot(g, b) / (L * dot(b, b))


def change_between(H, eta):
    """ΔL_G − ΔL_C."""
    f = quadratic(g, H)
    return f(times(-eta, r)) - f(times(-eta, a))


def test_it_is_proved_from_the_descent_lemma(proved):
    proved("comparison-separable", axioms=CALCULUS, uses=("descent-lemma",))


def test_a_round_bowl_attains_it():
    bowl = scaled_identity(L, 2)
    assert change_between(bowl, threshold) == 0 < change_between(bowl, threshold * Q(101, 100))


def test_without_separability_it_is_false():
    """L times the projection on (1, 3), convex and L-smooth."""
    H = [[L / 10, 3 * L / 10], [3 * L / 10, 9 * L / 10]]
    assert within(H, 0, L)
    assert change_between(H, threshold) > 0


def test_a_planted_fault_without_the_assumption_is_caught():
    _, found = hunt(replace(by_id("comparison-separable"), assumptions=(SMOOTH,)), Budget.parse(5000))
    assert found is not None
