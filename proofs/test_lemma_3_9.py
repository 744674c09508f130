"""Descent of the cautious step, a = u∘1[u∘g ≥ 0] and A = ⟨u∘g, 1[u∘g ≥ 0]⟩ = ⟨g, a⟩.

    f L-smooth  ⇒  −ηA − (Lη²/2)‖a‖² ≤ ΔL_C ≤ −ηA + (Lη²/2)‖a‖²;     η ≤ 2A/(L‖a‖²)  ⇒  ΔL_C ≤ 0

Lemma 3.9 of the paper. True as printed. Both bounds are attained, so the step size is the largest that L and
the gradient alone allow. (The released code rescales the mask; the lemma is about the mask of Definition
3.7.)
"""

from dataclasses import replace
from fractions import Fraction as Q

from grams_theory.claims import by_id
from grams_theory.core.algebra import dot as inner
from grams_theory.core.algebra import norm2
from grams_theory.engine.budget import Budget
from grams_theory.engine.hunt import hunt
from proofs.by_hand import CALCULUS, cautious, dot, quadratic, scaled_identity, times

L, g, u = Q(3), [Q(2), Q(-1)], [Q(1), Q(5)]
a = cautious(u, g)
A = dot(g, a)


def test_it_is_proved_from_the_descent_lemma(proved):
    proved("lemma-3.9", axioms=CALCULUS, uses=("descent-lemma",))


def test_both_bounds_are_attained():
    """By f(w + x) = ⟨g, x⟩ ± (L/2)‖x‖²."""
    eta = Q(1, 5)
    for curvature in (L, -L):
        change = quadratic(g, scaled_identity(curvature, 2))(times(-eta, a))
        assert change == -eta * A + curvature * eta**2 / 2 * dot(a, a)


def test_one_percent_above_the_step_size_the_loss_can_rise():
    largest = 2 * A / (L * dot(a, a))
    change = quadratic(g, scaled_identity(L, 2))
    assert change(times(-largest, a)) == 0 < change(times(-largest * Q(101, 100), a))


def test_without_smoothness_it_is_false():
    """f(x) = x⁴ − x at x = 0: its curvature there is 0, and with L = 1 the condition allows η = 2."""

    def f(x):
        return x**4 - x

    g, u, L = Q(-1), Q(-1), 1
    eta = 2 * g * u / (L * u**2)
    assert f(0 - eta * u) == 14 > f(Q(0))


def test_a_planted_fault_one_percent_more_descent_is_caught():
    def margin(s):
        curved = s.smoothness * (s.eta * s.eta / 2) * norm2(s.a)
        return {"upper": curved - 1.01 * s.eta * inner(s.g, s.a) - s.change("CautiousAdam")}

    _, found = hunt(replace(by_id("lemma-3.9"), margin=margin), Budget.parse(2000))
    assert found is not None
