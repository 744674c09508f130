"""How much better the linear rate, and its condition on the step size, could be.

    f(w) = (L/2)w² in one dimension:   f(w₂) − f* = (1 − ημ/(G + ε))² (f(w₁) − f*) after the first step,
    hence ρ ≤ 2ημ/(G + ε) for every ρ with f(w_{T+1}) − f* ≤ (1 − ρ)^T (f(w₁) − f*);
    and with η = δθε/L, δ ≥ 1 + θ/2, Adam raises f − f* + ‖m̂ − g‖²/(2L) where g = v̂ = 0.

Ours: linear-rate has 2(1 − δ)ημ/(G + ε), for δ ≤ 1. True.
"""

from dataclasses import replace
from fractions import Fraction as Q

import pytest
import sympy as sp

from grams_theory.claims import by_id
from grams_theory.symbolic.proof import prove
from proofs.by_hand import adam, cautious, grams, loss, run

RULES = {"Adam": adam, "Cautious": cautious, "Grams": grams}


def test_it_is_proved_from_the_definitions_alone(examine):
    result = examine("linear-rate-limit")
    assert result.verdict == "proved"
    assert (result.proof.axioms, result.proof.uses) == ((), ())


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
@pytest.mark.parametrize("betas", [(Q(0), Q(0)), (Q(1, 2), Q(3, 4)), (Q(9, 10), Q(999, 1000))])
def test_the_first_step_in_rationals(rule, betas):
    L, w, eta, eps = Q(3), Q(2), Q(1, 10), Q(1)
    G = L * w  # √(2L · (L/2)w²)
    before, after = (loss([[L]], x) for x in run(rule, [[L]], [w], 1, eta, betas, eps))
    assert after == (1 - eta * L / (G + eps)) ** 2 * before


def test_the_guarantee_is_at_least_half_of_what_is_possible_for_short_steps():
    for delta in (Q(1, 100), Q(1, 4), Q(1, 2)):
        guaranteed, possible = 2 * (1 - delta), 2
        assert Q(1, 2) * possible <= guaranteed <= possible


def test_a_planted_fault_a_limit_one_percent_lower_is_not_proved():
    claim = by_id("linear-rate-limit")
    assert claim.formal is not None
    stated, part = claim.formal(), "no better rate"
    premise, limit = stated.conclusions[part].args
    lower = sp.Implies(premise, limit.lhs <= sp.Rational(99, 100) * limit.rhs)
    attempt = prove(
        replace(claim, formal=lambda: replace(stated, conclusions={**stated.conclusions, part: lower}))
    )
    assert not attempt.complete
    assert str(attempt.failure).startswith("no better rate: the implication is false")
