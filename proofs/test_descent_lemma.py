"""The descent lemma.

    f L-smooth  ⇒  |f(y) − f(x) − ⟨∇f(x), y − x⟩| ≤ (L/2)‖y − x‖²

Stands behind every descent bound of the paper: the classical consequence of Definition 3.1. True, and L/2 is
the smallest constant. It needs L to bound the curvature everywhere: the curvature at x alone bounds nothing.
"""

from dataclasses import replace
from fractions import Fraction as Q

import pytest

from grams_theory.claims import by_id
from grams_theory.core.algebra import dot, norm2
from grams_theory.engine.budget import Budget
from grams_theory.engine.hunt import hunt
from proofs.by_hand import CALCULUS


def test_it_is_proved_from_two_facts_about_integrals(proved):
    proved("descent-lemma", axioms=CALCULUS)


@pytest.mark.parametrize("L", [Q(1), Q(7, 3)])
def test_a_parabola_attains_it(L):
    def f(x):
        return L / 2 * x**2

    x, y = Q(1), Q(4)
    assert f(y) - f(x) - L * x * (y - x) == L / 2 * (y - x) ** 2


@pytest.mark.parametrize("L", [Q(1), Q(10), Q(10**6)])
def test_without_smoothness_it_is_false(L):
    """f(x) = x³ has curvature 0 at x = 0, and whatever L is, y = L is far enough to break the bound."""
    x, y = Q(0), L
    remainder = y**3 - x**3 - 3 * x**2 * (y - x)
    assert remainder > L / 2 * (y - x) ** 2


def test_a_planted_fault_one_percent_below_half_of_L_is_caught():
    def margin(s):
        remainder = s.change("Grams") + s.eta * dot(s.g, s.r)
        return {"upper": 0.99 * s.smoothness * (s.eta * s.eta / 2) * norm2(s.r) - remainder}

    _, found = hunt(replace(by_id("descent-lemma"), margin=margin), Budget.parse(2000))
    assert found is not None
