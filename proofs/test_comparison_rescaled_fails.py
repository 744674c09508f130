"""Where Cautious as released descends further than Grams.

    0 < η L(‖r‖² + ‖sa‖²) < 2((s−1)⟨g, a⟩ − β)  ⇒  ΔL_G > ΔL_C for every L-smooth f;  for linear f at every η > 0

with a = u∘1[u∘g>0], s = d/#{uᵢgᵢ>0}, β = Σ |uᵢgᵢ| over uᵢgᵢ < 0. Ours, in place of comparison-rescaled. True; where
(s−1)⟨g, a⟩ < β the order is the other one for small steps, so that the condition decides.
"""

from dataclasses import replace
from fractions import Fraction as Q

import sympy as sp

from grams_theory.claims import by_id
from grams_theory.core.claim import OneStep
from grams_theory.engine.budget import Budget
from grams_theory.engine.hunt import hunt
from grams_theory.symbolic.proof import prove
from proofs.by_hand import CALCULUS, dot, grams, quadratic, released, scaled_identity, times
from proofs.planted import restated

L, g, u = Q(2), [Q(2), Q(1)], [Q(1), Q(-1)]  # ⟨g, a⟩ = 2, β = 1, s = 2
excess = dot(g, released(u, g)) - dot(g, grams(u, g))
largest = 2 * excess / (L * (dot(grams(u, g), grams(u, g)) + dot(released(u, g), released(u, g))))


def test_it_is_proved_from_the_descent_lemma(proved):
    proved("comparison-rescaled-fails", axioms=CALCULUS, uses=("descent-lemma",))


def test_no_curvature_saves_grams():
    eta = Q(99, 100) * largest
    for curvature in (L, Q(0), -L):
        f = quadratic(g, scaled_identity(curvature, 2))
        assert f(times(-eta, released(u, g))) < f(times(-eta, grams(u, g)))


def test_where_more_is_dropped_than_rescaled_small_steps_of_grams_win():
    u = [Q(1), Q(-3)]  # β = 3 > (s − 1)⟨g, a⟩ = 2
    f = quadratic(g, scaled_identity(L, 2))
    assert f(times(-Q(1, 100), grams(u, g))) < f(times(-Q(1, 100), released(u, g)))


def test_a_planted_fault_a_hundred_times_the_step_is_caught():
    claim = by_id("comparison-rescaled-fails")
    assert isinstance(claim.setting, OneStep)
    assert claim.setting.step_size is not None
    bound = claim.setting.step_size
    longer = replace(claim.setting, step_size=lambda s: 100 * bound(s))
    _, found = hunt(replace(claim, setting=longer), Budget.parse(5000))
    assert found is not None


def test_a_planted_fault_without_beta_is_not_proved():
    def edit(part):
        return part.xreplace({sp.Symbol("β", real=True): sp.Integer(0)})

    attempt = prove(restated("comparison-rescaled-fails", "linear f", edit))
    assert not attempt.complete
    assert str(attempt.failure).startswith("linear f: the implication is false")
