"""The laws of one step, coordinate by coordinate.

    |r| = |u| where g ≠ 0, r = 0 where g = 0, g r ≥ 0, r = u where u g > 0;  a ≠ 0 only where u g ≥ 0
    (−u, −g) gives −r and −a;  for ε = 0 the scale of the loss leaves u unchanged

Ours; they follow from Definitions 3.5, 3.7 and 4.1. What the production optimizers make of them is tested with them.
"""

from dataclasses import replace
from fractions import Fraction as Q
from itertools import product

import pytest
import sympy as sp

from grams_theory.claims import by_id
from grams_theory.claims.step_laws import formal
from grams_theory.core.claim import Formal
from grams_theory.symbolic.proof import prove, reals
from proofs.by_hand import cautious, grams, sign

VALUES = [Q(-2), Q(-1, 3), Q(0), Q(1, 2), Q(5)]
pairs = pytest.mark.parametrize(("u", "g"), product(VALUES, VALUES))


def test_they_are_proved_from_nothing(proved):
    proved("step-laws")


@pairs
def test_they_hold_in_numbers(u, g):
    (r,), (a,) = grams([u], [g]), cautious([u], [g])
    assert abs(r) == (abs(u) if g else 0)
    assert g * r >= 0
    assert r == u or u * g <= 0
    assert a in (0, u)
    assert a == 0 or u * g >= 0
    assert grams([-u], [-g]) == [-r]
    assert cautious([-u], [-g]) == [-a]


def test_grams_and_adam_part_where_the_gradient_is_zero():
    """|r| = |u| needs g ≠ 0: there Adam moves and Grams does not."""
    assert grams([Q(1)], [Q(0)]) == [0]
    assert sign(Q(0)) == 0


def test_a_planted_fault_the_same_length_everywhere_is_not_proved():
    u, g = reals("u g")
    law = "Grams moves as far as Adam"
    careless = {**formal().conclusions, law: sp.Eq(abs(sp.sign(g) * abs(u)), abs(u))}
    attempt = prove(replace(by_id("step-laws"), formal=lambda: Formal(careless)))
    assert not attempt.complete
    assert "g = 0" in str(attempt.failure)
