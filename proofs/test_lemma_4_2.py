"""Descent of the Grams step, r = sign(g)∘|u|.

    f L-smooth  ⇒  ΔL_G ≤ −η⟨|g|, |u|⟩ + (Lη²/2)‖u‖²;     η ≤ 2⟨|g|, |u|⟩/(L‖u‖²)  ⇒  ΔL_G ≤ 0

Lemma 4.2 of the paper. True as printed, and attained where no gᵢ is 0. A coordinate with gᵢ = 0 ≠ uᵢ does not
move, so there ‖u‖ may be replaced by the smaller ‖r‖.
"""

from dataclasses import replace
from fractions import Fraction as Q

import pytest

from grams_theory.claims import by_id
from grams_theory.core.algebra import dot as inner
from grams_theory.core.algebra import norm2
from grams_theory.engine.budget import Budget
from grams_theory.engine.hunt import hunt
from proofs.by_hand import CALCULUS, absolute, dot, grams, quadratic, scaled_identity, times

L, g, u = Q(3), [Q(2), Q(-1)], [Q(1), Q(5)]
r = grams(u, g)


def test_it_is_proved_from_the_descent_lemma(proved):
    proved("lemma-4.2", axioms=CALCULUS, uses=("descent-lemma",))


def test_the_bound_is_attained():
    """By f(w + x) = ⟨g, x⟩ + (L/2)‖x‖²."""
    eta = Q(1, 5)
    change = quadratic(g, scaled_identity(L, 2))(times(-eta, r))
    assert change == -eta * dot(absolute(g), absolute(u)) + L * eta**2 / 2 * dot(u, u)


def test_one_percent_above_the_step_size_the_loss_can_rise():
    largest = 2 * dot(absolute(g), absolute(u)) / (L * dot(u, u))
    change = quadratic(g, scaled_identity(L, 2))
    assert change(times(-largest, r)) == 0 < change(times(-largest * Q(101, 100), r))


def test_a_coordinate_without_gradient_makes_the_bound_strict():
    g, u, eta = [Q(2), Q(0)], [Q(1), Q(5)], Q(1, 5)
    change = quadratic(g, scaled_identity(L, 2))(times(-eta, grams(u, g)))
    assert change < -eta * dot(absolute(g), absolute(u)) + L * eta**2 / 2 * dot(u, u)


@pytest.mark.parametrize("L", [Q(1), Q(10), Q(10**6)])
def test_without_smoothness_it_is_false(L):
    """f(x) = |x| has curvature 0 off its kink; near the kink a step across it climbs, whatever L is."""
    w, g, u = 1 / (4 * L), Q(1), Q(1)
    eta = 1 / L
    assert eta <= 2 * abs(g * u) / (L * u**2)
    assert abs(w - eta * u) == 3 * abs(w)


def test_a_planted_fault_one_percent_below_half_of_L_is_caught():
    def margin(s):
        curved = 0.99 * s.smoothness * (s.eta * s.eta / 2) * norm2(s.u)
        return {"upper": curved - s.eta * inner(abs(s.g), abs(s.u)) - s.change("Grams")}

    _, found = hunt(replace(by_id("lemma-4.2"), margin=margin), Budget.parse(2000))
    assert found is not None
