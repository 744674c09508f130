"""The loss-descent comparison, as printed.

    η ≤ min{ 2⟨u∘g, 1[u∘g≥0]⟩/(L‖u∘1[u∘g≥0]‖²), 2⟨|g|, |u|⟩/(L‖u‖²), 2⟨u∘g, 1[u∘g<0]⟩/(L‖u∘1[u∘g<0]‖²) }
    ⇒  ΔL_G ≤ ΔL_C ≤ 0

After Lemma 4.2 in the paper. Vacuous: the third bound sums products that are all negative, so it is negative
as soon as one uᵢgᵢ < 0, and 0/0 if none is. No step size η > 0 satisfies the premise, and the claim says
nothing.
"""

from dataclasses import replace
from fractions import Fraction as Q

import pytest

from grams_theory.claims import by_id
from grams_theory.engine.budget import Budget
from grams_theory.engine.hunt import hunt


def third_bound(g, u, L):
    misaligned = [(a, b) for a, b in zip(g, u, strict=True) if a * b < 0]
    return 2 * sum(a * b for a, b in misaligned) / (L * sum(b * b for _, b in misaligned))


def test_its_premise_is_proved_empty(examine):
    result = examine("comparison-printed")
    assert result.verdict == "vacuous"
    assert result.proof.target == "vacuity"
    assert result.proof.complete, result.proof.failure
    assert result.proof.axioms == ()
    assert result.fuzz.cases == 0


def test_the_third_bound_is_negative_where_something_is_misaligned():
    assert third_bound(g=[Q(1), Q(1)], u=[Q(3), Q(-2)], L=Q(1)) == -1


def test_the_third_bound_is_no_number_where_nothing_is():
    with pytest.raises(ZeroDivisionError):
        third_bound(g=[Q(1), Q(1)], u=[Q(3), Q(2)], L=Q(1))


def test_a_planted_fault_an_absolute_value_in_the_third_bound_fills_the_premise():
    printed, repaired = by_id("comparison-printed"), by_id("comparison-sign-repaired")
    tally, _ = hunt(replace(printed, setting=repaired.setting), Budget.parse(2000))
    assert tally.cases > 0
