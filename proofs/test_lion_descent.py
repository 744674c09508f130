"""Descent of Lion, u = sign(β₁m + (1 − β₁)g), and of cautious Lion, a = u∘1[u∘g ≥ 0].

    f L-smooth  ⇒  |ΔL + η⟨g, u⟩| ≤ (Lη²/2)‖u‖² along Lion,  |ΔL + η⟨g, a⟩| ≤ (Lη²/2)‖a‖² along C-Lion
    η ≤ 2⟨g, a⟩/(L‖a‖²)  ⇒  ΔL ≤ 0 along C-Lion;     ⟨|g|, |u|⟩ ≥ ⟨g, a⟩

Ours, as Lemma 3.9 for the update of Definition 3.6. ‖u‖² counts the coordinates that move: near a minimum the
second-order term does not shrink with the gradient, and Lion, unlike its cautious form, may climb at any η.
"""

from dataclasses import replace
from fractions import Fraction as Q

from grams_theory.claims import by_id
from grams_theory.core.algebra import dot as inner
from grams_theory.core.algebra import norm2
from grams_theory.engine.budget import Budget
from grams_theory.engine.hunt import hunt
from proofs.by_hand import absolute, cautious, dot, quadratic, scaled_identity, sign, times

CLAIM = "lion-descent"
L, g, m, beta1 = Q(3), [Q(2), Q(-1)], [Q(1), Q(5)], Q(9, 10)
u = [Q(sign(beta1 * a + (1 - beta1) * b)) for a, b in zip(m, g, strict=True)]
a = cautious(u, g)


def test_lion_disagrees_with_the_gradient_here():
    assert (u, a) == ([1, 1], [1, 0])
    assert dot(absolute(g), absolute(u)) == 3 > dot(g, a) == 2 > dot(g, u) == 1


def test_both_bounds_are_attained_by_both():
    """By f(w + x) = ⟨g, x⟩ ± (L/2)‖x‖²."""
    eta = Q(1, 5)
    for step in (u, a):
        for curvature in (L, -L):
            change = quadratic(g, scaled_identity(curvature, 2))(times(-eta, step))
            assert change == -eta * dot(g, step) + curvature * eta**2 / 2 * dot(step, step)


def test_one_percent_above_the_step_size_the_loss_can_rise():
    largest = 2 * dot(g, a) / (L * dot(a, a))
    change = quadratic(g, scaled_identity(L, 2))
    assert change(times(-largest, a)) == 0 < change(times(-largest * Q(101, 100), a))


def test_lion_itself_can_climb_at_every_step_size():
    """f(w + x) = −x/10 where m = 1: the sign is that of m."""
    [step] = [Q(sign(beta1 * 1 + (1 - beta1) * Q(-1, 10)))]
    assert all(Q(-1, 10) * -eta * step > 0 for eta in (Q(1), Q(1, 10**9)))


def test_a_planted_fault_one_percent_less_curvature_is_caught():
    def margin(s):
        curved = s.smoothness * (s.eta * s.eta / 2) * norm2(s.a) * 0.99
        return {"upper": curved - s.eta * inner(s.g, s.a) - s.change("CautiousLion")}

    _, found = hunt(replace(by_id(CLAIM), margin=margin), Budget.parse(2000))
    assert found is not None
