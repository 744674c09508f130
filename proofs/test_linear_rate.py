"""Linear convergence of every optimizer between Adam and Grams under the PL condition.

    f L-smooth and μ-PL, exact gradients, η = δ(1 − β₁)ε/L with 0 < δ ≤ 1, G = √(2L(f(w₁) − f*))
    ⇒  f(w_{T+1}) − f* ≤ (1 − ρ)^T (f(w₁) − f*),    ρ = 2(1 − δ)ημ/(G + ε)

Ours, in place of Theorem 4.15: no gap, no bounded gradients assumed, and a better rate. True. No rate above
2ημ/(G + ε) is true (linear-rate-limit). One bound for Adam, Cautious and Grams together, which does not tell
them apart. It needs the PL condition.
"""

from fractions import Fraction as Q

import pytest
import sympy as sp

from grams_theory.claims import by_id, linear_rate
from grams_theory.symbolic.proof import prove
from proofs.by_hand import CALCULUS, adam, cautious, grams, loss, run

RULES = {"Adam": adam, "Cautious": cautious, "Grams": grams}


def test_it_is_proved_from_the_lyapunov_function(proved):
    proved("linear-rate", axioms=CALCULUS, uses=("ams-lyapunov", "descent-lemma"))


@pytest.mark.parametrize("delta", [Q(1, 10), Q(1, 2), Q(1)])
@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_it_holds_along_a_run_in_rationals(rule, delta):
    """f(w) = w²/2 from w = 1: L = μ = G = 1."""
    H, eps, theta = [[Q(1)]], Q(1), Q(1, 2)
    eta = delta * theta * eps
    rho = 2 * (1 - delta) * eta / (1 + eps)
    for T, w in enumerate(run(rule, H, [Q(1)], 6, eta, (1 - theta, Q(0)), eps)):
        assert loss(H, w) <= (1 - rho) ** T * loss(H, [Q(1)])


def test_it_implies_the_rate_of_theorem_4_15():
    """(1 − ρ)^{T−1} ≤ 1/(ρT)."""
    rho = Q(1, 10)
    assert all((1 - rho) ** (T - 1) <= 1 / (rho * T) for T in range(1, 200))


def test_without_the_pl_condition_it_is_false():
    """f(w) = w²/2 up to |w| = 1, |w| − 1/2 beyond: μ = 1 near 0; up the slope Grams moves by η/(1 + ε)."""
    eta, eps, mu, T, G = Q(1, 64), Q(1), Q(1), 64_000, Q(200)
    gap, delta = G**2 / 2, eta / eps  # L = 1 and β₁ = 0
    rho = 2 * (1 - delta) * eta * mu / (G + eps)
    assert gap - T * eta / (1 + eps) > (1 - rho) ** T * gap


def test_a_planted_fault_a_rate_one_percent_faster_is_not_proved(monkeypatch):
    monkeypatch.setattr(linear_rate, "CONTRACTION", sp.Rational(202, 100))
    attempt = prove(by_id("linear-rate"))
    assert not attempt.complete
    assert str(attempt.failure).startswith("f falls by ρF: the implication is false")
