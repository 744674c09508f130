"""With stochastic gradients Grams follows the median of the gradient, and no step size cures it.

    f(w) = w²/2,  g = w + ξ,  ξ = −1 with probability 3/4, +3 with probability 1/4 (mean 0)

Ours: the limit of Theorem 4.15, which assumes exact gradients. Proved: with w held, β₁ in [9/10, 1) and
stationary momentum, Grams' expected step is negative for w < 1 and positive for w ≥ 1, the median, while
Adam's is w; with nothing held, β₁ = 9/10, ε ≥ 100 and η ≤ ε/5, the time average of E f(w_t) stays above
1/100, as T → ∞ and as η → 0. Memory and skewness are both needed: without either there is no bias.
"""

from fractions import Fraction as Q

import pytest
import sympy as sp

from grams_theory.claims import _median_setting as setting
from grams_theory.claims import by_id
from grams_theory.symbolic.proof import prove
from proofs.by_hand import sign

SKEWED = {-1: Q(3, 4), 3: Q(1, 4)}
SYMMETRIC = {-1: Q(1, 2), 1: Q(1, 2)}


def expected(step, w, noise=SKEWED, beta=Q(9, 10), t=10):
    """E step(m̂_t, g_t) over all noise histories of length t, with w held."""
    law = {Q(0): Q(1)}  # of the momentum m
    for _ in range(t - 1):
        after = {}
        for m, p in law.items():
            for xi, q in noise.items():
                key = beta * m + (1 - beta) * (w + xi)
                after[key] = after.get(key, 0) + p * q
        law = after
    return sum(
        p * q * step((beta * m + (1 - beta) * (w + xi)) / (1 - beta**t), w + xi)
        for m, p in law.items()
        for xi, q in noise.items()
    )


def grams(m, g):
    return sign(g) * abs(m)


def adam(m, g):
    return m


def test_it_is_proved_from_expectation(proved):
    proved("median-bias", axioms=("expectation",))


@pytest.mark.parametrize("w", [Q(-1), Q(0), Q(1, 2), Q(99, 100)])
def test_below_the_median_grams_climbs(w):
    """In the tenth step of every noise history, exactly; at w = 0, the minimiser, too."""
    assert expected(grams, w) < 0


@pytest.mark.parametrize("w", [Q(1), Q(3, 2)])
def test_from_the_median_on_it_descends(w):
    assert expected(grams, w) > 0


@pytest.mark.parametrize("w", [Q(-1), Q(0), Q(1, 2), Q(1)])
def test_adams_expected_step_is_w(w):
    assert expected(adam, w) == w


def test_without_skewness_there_is_no_bias():
    assert expected(grams, Q(0), noise=SYMMETRIC) == 0


@pytest.mark.parametrize("w", [Q(0), Q(1, 2)])
def test_without_memory_there_is_no_bias(w):
    """β₁ = 0: m = g, so that Grams is Adam. The claim starts at β₁ = 9/10."""
    assert expected(grams, w, beta=Q(0)) == w


@pytest.mark.parametrize(
    ("name", "value", "step"),
    [
        ("noise_law", lambda: {-1: sp.Rational(3, 4), 3: sp.Rational(101, 400)}, "(1 − β^1) E[M^1]"),
        ("FLOOR", "101/5000", "drift below the median, 0 ≤ x ≤ y"),
    ],
    ids=["noise with a mean", "a higher floor"],
)
def test_a_planted_fault_of_one_percent_is_not_proved(monkeypatch, name, value, step):
    monkeypatch.setattr(setting, name, value)
    attempt = prove(by_id("median-bias"))
    assert not attempt.complete
    assert str(attempt.failure).startswith(step)
