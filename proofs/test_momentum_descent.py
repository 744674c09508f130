"""Descent of a step with momentum, u ← μu + g.

    f L-smooth  ⇒  |ΔL + η⟨g, u⟩| ≤ (Lη²/2)‖u‖²;     η ≤ 2⟨g, u⟩/(L‖u‖²)  ⇒  ΔL ≤ 0

Ours. True, and both bounds are attained: of an update that is not the gradient the descent lemma says this and
no more. Where ⟨g, u⟩ < 0 no η > 0 satisfies the condition.
"""

from dataclasses import replace
from fractions import Fraction as Q

from grams_theory.claims import by_id
from grams_theory.core.algebra import dot as inner
from grams_theory.core.algebra import norm2
from grams_theory.engine.budget import Budget
from grams_theory.engine.hunt import hunt
from proofs.by_hand import dot, quadratic, scaled_identity, times

CLAIM = "momentum-descent"
L, g = Q(3), [Q(2), Q(-1)]
u = [a + b for a, b in zip(times(Q(9, 10), [Q(-1), Q(5)]), g, strict=True)]


def test_both_bounds_are_attained():
    """By f(w + x) = ⟨g, x⟩ ± (L/2)‖x‖²."""
    eta = Q(1, 5)
    for curvature in (L, -L):
        change = quadratic(g, scaled_identity(curvature, 2))(times(-eta, u))
        assert change == -eta * dot(g, u) + curvature * eta**2 / 2 * dot(u, u)


def test_one_percent_above_the_step_size_the_loss_can_rise():
    v = [Q(1), Q(5)]
    w = [-a for a in v] if dot(g, v) < 0 else v
    largest = 2 * dot(g, w) / (L * dot(w, w))
    change = quadratic(g, scaled_identity(L, 2))
    assert change(times(-largest, w)) == 0 < change(times(-largest * Q(101, 100), w))


def test_a_planted_fault_one_percent_less_curvature_is_caught():
    def margin(s):
        curved = s.smoothness * (s.eta * s.eta / 2) * norm2(s.u) * 0.99
        return {"upper": curved - s.eta * inner(s.g, s.u) - s.change("SGD")}

    _, found = hunt(replace(by_id(CLAIM), margin=margin), Budget.parse(2000))
    assert found is not None
