"""The average squared gradient.

    f L-smooth and bounded below, exact gradients, η small
    ⇒  (1/T) Σ_{t≤T} ‖∇f(w_t)‖² ≤ 8(G + ε)(f(w₁) − f*)/(ηT),    G = √(2L(f(w₁) − f*))

Lemma 4.14 of the paper, which cites it for Adam. True for Adam, Cautious and Grams alike, with "small" made
explicit: η ≤ (1 − β₁)ε/(2L). There 2 is enough for 8. False for large steps, and for Grams with stochastic
gradients (median-bias).
"""

from fractions import Fraction as Q

import pytest
import sympy as sp

from grams_theory.claims import by_id, lemma_4_14
from grams_theory.symbolic.proof import prove
from proofs.by_hand import CALCULUS, adam, apply, cautious, dot, grams, loss, run

RULES = {"Adam": adam, "Cautious": cautious, "Grams": grams}
every_rule = pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
H, START, BETAS, EPS = [[Q(1)]], [Q(1)], (Q(1, 2), Q(0)), Q(1)  # f(w) = w²/2 from w = 1: L = 1 and G = 1
G = Q(1)


def average_and_bound(rule, eta, T):
    gradients = [apply(H, w) for w in run(rule, H, START, T - 1, eta, BETAS, EPS)]
    average = sum(dot(g, g) for g in gradients) / T
    return average, 8 * (G + EPS) * loss(H, START) / (eta * T)


def test_it_is_proved_from_the_lyapunov_function(proved):
    proved("lemma-4.14", axioms=CALCULUS, uses=("ams-lyapunov",))


@every_rule
def test_it_holds_along_a_run_in_rationals(rule):
    eta = (1 - BETAS[0]) * EPS / 2
    for T in range(1, 7):
        average, bound = average_and_bound(rule, eta, T)
        assert average <= bound / 4


@every_rule
def test_with_a_large_step_it_is_false(rule):
    average, bound = average_and_bound(rule, Q(10), T=2)
    assert average == Q(1 + 4**2, 2) > bound == Q(2, 5)


def test_a_planted_fault_a_constant_one_percent_smaller_is_not_proved(monkeypatch):
    monkeypatch.setattr(lemma_4_14, "FACTOR", sp.Rational(198, 100))
    attempt = prove(by_id("lemma-4.14"))
    assert not attempt.complete
    assert str(attempt.failure).startswith(
        "half of the first-order decrease is left: the implication is false"
    )
