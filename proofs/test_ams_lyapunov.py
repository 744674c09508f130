"""One Lyapunov function for every optimizer between Adam and Grams, along exact gradients.

    f L-smooth and bounded below, e_t = m̂_t − g_t, D_t = 1/(√v̂_t + ε), η = δ(1 − β₁)ε/L with 0 ≤ δ ≤ 1,
    V_t = f(w_t) − f* + ‖e_t‖²/(2L),    G = √(2L(f(w₁) − f*))
    ⇒  V_{t+1} ≤ V_t − (1 − δ)η(⟨g_t, D_t g_t⟩ + ‖e_t‖²/ε),   ‖g_t‖ ≤ G,   ‖g_t‖² ≤ (G + ε)⟨g_t, D_t g_t⟩

Ours: the deterministic part of Lemma 4.14, for Adam, Cautious, Grams and all AMS(λ), λ in [−1, 1]. True. The
condition on η is sharp as β₁ → 1: Adam raises V for δ = 1 + θ/2, θ = 1 − β₁ (linear-rate-limit, and below).
"""

from decimal import Decimal
from fractions import Fraction as Q

import pytest
import sympy as sp

from grams_theory.claims import _ams_run, by_id
from grams_theory.symbolic.proof import prove
from proofs.by_hand import CALCULUS, adam, apply, cautious, dot, grams, loss, minus, moments, run

RULES = {"Adam": adam, "Cautious": cautious, "Grams": grams}
H = [[Q(1), Q(1, 2)], [Q(1, 2), Q(1)]]
START = [Q(33, 25), Q(-16, 25)]  # where the gradient is (1, 1/50): its second coordinate soon changes sign
BETAS, EPS, G = (Q(1, 2), Q(0)), Q(1), Q(3, 2)
L = G**2 / (2 * loss(H, START))  # 1.72, above the curvatures 1/2 and 3/2, and such that G is rational
STEPS = 5


def iterates(rule):
    return run(rule, H, START, STEPS, Q(1, 25), BETAS, EPS)


def test_it_is_proved_from_the_descent_lemma(proved):
    proved("ams-lyapunov", axioms=CALCULUS, uses=("descent-lemma",))


def changes(H, path, L, eta, betas, eps):
    """V_{t+1} − V_t along the run, and ⟨g_t, D_t g_t⟩ + ‖e_t‖²/ε, where β₂ = 0."""
    gradients = [apply(H, w) for w in path]
    errors = [minus(moments(gradients[: t + 1], betas)[0], g) for t, g in enumerate(gradients)]
    V = [loss(H, w) + dot(e, e) / (2 * L) for w, e in zip(path, errors, strict=True)]
    drops = (
        sum(x * x / (abs(x) + eps) for x in g) + dot(e, e) / eps
        for g, e in zip(gradients, errors, strict=True)
    )
    return [(after - now, drop) for now, after, drop in zip(V, V[1:], drops, strict=False)]


def test_the_example_tells_the_optimizers_apart():
    assert len({tuple(iterates(rule)[-1]) for rule in RULES.values()}) == 3


@pytest.mark.parametrize("delta", [Q(1, 10), Q(1, 2), Q(1)])
@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_it_holds_along_a_run_in_rationals(rule, delta):
    """β₂ = 0 makes √v̂ = |g|, so that the run is rational."""
    eta = delta * (1 - BETAS[0]) * EPS / L
    path = run(rule, H, START, STEPS, eta, BETAS, EPS)
    for change, drop in changes(H, path, L, eta, BETAS, EPS):
        assert change <= -(1 - delta) * eta * drop
    for w in path:
        g = apply(H, w)
        assert dot(g, g) <= G**2


@pytest.mark.parametrize(("delta", "rises"), [("1", False), ("1.1", True)])
def test_a_step_a_tenth_too_long_raises_it(delta, rises):
    """f(w) = w²/2 and θ = 1/10: Adam passes through g = 0 several times."""
    theta, one = Decimal("0.1"), Decimal(1)
    eta, betas = Decimal(delta) * theta, (1 - theta, 0 * one)
    path = run(adam, [[one]], [Decimal("1e-6")], 60, eta, betas, one, Decimal.sqrt)
    assert any(change > 0 for change, _ in changes([[one]], path, one, eta, betas, one)) is rises


def test_a_planted_fault_a_step_one_percent_longer_is_not_proved(monkeypatch):
    monkeypatch.setattr(_ams_run, "LONGEST", sp.Rational(101, 100))
    attempt = prove(by_id("ams-lyapunov"))
    assert not attempt.complete
    assert str(attempt.failure).startswith("V does not increase: the implication is false")
