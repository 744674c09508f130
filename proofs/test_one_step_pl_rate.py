"""One step of Grams under the PL condition.

    κ = ⟨|g|, |u|⟩/(‖g‖‖u‖),   η = φ⟨|g|, |u|⟩/(L‖u‖²),   0 ≤ φ ≤ 2
    ⇒   f(w⁺) − f* ≤ (1 − φ(2 − φ)κ²μ/L)(f(w) − f*)

Ours: Lemma 4.2 and the PL condition. True, and attained for every u by f(w) = (L/2)‖w‖², where μ = L. It needs
the PL condition.
"""

from dataclasses import replace
from fractions import Fraction as Q
from typing import Any

import pytest

from grams_theory.claims import by_id
from grams_theory.engine.budget import Budget
from grams_theory.engine.hunt import hunt
from proofs.by_hand import CALCULUS, absolute, apply, dot, grams, loss, minus, times


def test_it_is_proved_from_the_descent_lemma(proved):
    proved("one-step-pl-rate", axioms=CALCULUS, uses=("descent-lemma",))


def after(H, L, w, u, phi):
    """f − f* after the step, and φ(2 − φ)κ²."""
    g = apply(H, w)
    along = dot(absolute(g), absolute(u))
    eta = phi * along / (L * dot(u, u))
    kappa2 = along**2 / (dot(g, g) * dot(u, u))
    return loss(H, minus(w, times(eta, grams(u, g)))), phi * (2 - phi) * kappa2


@pytest.mark.parametrize("phi", [Q(1, 2), Q(1), Q(3, 2), Q(2)])
@pytest.mark.parametrize("u", [[Q(1), Q(-2)], [Q(-3), Q(1, 2)]])
def test_a_round_bowl_attains_it(u, phi):
    L, w = Q(3), [Q(2), Q(5)]
    H = [[L, Q(0)], [Q(0), L]]
    gap, share = after(H, L, w, u, phi)
    assert gap == (1 - share) * loss(H, w)


@pytest.mark.parametrize("u", [[Q(1), Q(-2)], [Q(-3), Q(1, 2)]])
def test_it_holds_on_a_long_bowl(u):
    L, mu, w = Q(3), Q(1), [Q(2), Q(5)]
    H = [[L, Q(0)], [Q(0), mu]]
    gap, share = after(H, L, w, u, Q(1))
    assert gap < (1 - share * mu / L) * loss(H, w)


def test_without_the_pl_condition_it_is_false():
    """f(w) = w²/2 up to |w| = 1, |w| − 1/2 beyond: κ = μ = L = 1 near 0, but far up the slope one step is short."""
    w = Q(100)
    gap, next_gap = w - Q(1, 2), w - 1 - Q(1, 2)  # g = 1, η = 1/|u|
    assert next_gap > (1 - Q(1)) * gap


def test_a_planted_fault_a_rate_one_percent_faster_is_caught():
    claim = by_id("one-step-pl-rate")
    read: Any = claim.margin

    def margin(s):
        (values,) = read.reading(s).values()
        share = values["φ"] * (2 - values["φ"]) * values["κ"] * values["κ"] * values["μ"] / values["L"]
        return {"rate": (1 - share * 1.01) * values["F"] - values["F⁺"]}

    _, found = hunt(replace(claim, margin=margin), Budget.parse(5000))
    assert found is not None
