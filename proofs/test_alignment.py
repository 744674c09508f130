"""The alignment fact.

    ⟨|g|, |u|⟩ ≥ ⟨u∘g, 1[u∘g ≥ 0]⟩

Fact 3.6 of the paper. True for all vectors, coordinate by coordinate; the difference is exactly the inner
product that Cautious drops, Σ |uᵢgᵢ| over uᵢgᵢ < 0. It orders two first-order terms, not two losses.
"""

from dataclasses import replace
from fractions import Fraction as Q

from grams_theory.claims import by_id
from grams_theory.core.algebra import dot as inner
from grams_theory.engine.budget import Budget
from grams_theory.engine.hunt import hunt
from proofs.by_hand import cautious, dot, grams


def test_it_is_proved_from_nothing(proved):
    proved("alignment")


def test_there_is_equality_where_nothing_is_misaligned():
    g, u = [Q(1), Q(-2), Q(0)], [Q(3), Q(-1, 2), Q(5)]
    assert dot(g, grams(u, g)) == dot(g, cautious(u, g)) == 4


def test_the_difference_is_what_cautious_drops():
    g, u = [Q(1), Q(-2), Q(3)], [Q(3), Q(1, 2), Q(-1, 3)]
    assert dot(g, grams(u, g)) - dot(g, cautious(u, g)) == abs(u[1] * g[1]) + abs(u[2] * g[2]) == 2


def test_a_planted_fault_one_percent_more_than_the_cautious_product_is_caught():
    def margin(s):
        return {"order": inner(abs(s.g), abs(s.u)) - 1.01 * inner(s.g, s.a)}

    _, found = hunt(replace(by_id("alignment"), margin=margin), Budget.parse(2000))
    assert found is not None
