"""Convergence of Grams under the PL condition.

    f L-smooth and μ-PL, exact gradients, η small   ⇒   f(w_T) − f* ≤ (4(G + ε)/(μηT)) (f(w₁) − f*) for Grams

Theorem 4.15 of the paper. A gap: its argument compares whole runs of Grams and Adam, and that comparison is
refuted (trajectory-comparison). The conclusion itself is true, and linear-rate proves more than it. It needs
the PL condition.
"""

from dataclasses import replace
from fractions import Fraction as Q

from grams_theory.claims import by_id
from grams_theory.core.evidence import ArgumentEvidence
from grams_theory.engine.budget import Budget
from grams_theory.engine.hunt import hunt
from proofs.by_hand import grams, loss, run


def test_the_argument_has_a_gap_where_it_compares_two_runs(examine):
    result = examine("theorem-4.15")
    assert result.verdict == "gap"
    assert [e.refuted for e in result.evidence if isinstance(e, ArgumentEvidence)] == [
        ("trajectory-comparison",)
    ]
    assert result.fuzz.violations == 0
    assert result.fuzz.cases > 0


def test_the_conclusion_holds_along_a_run_in_rationals():
    """f(w) = w²/2 from w = 1: L = μ = G = 1."""
    H, eps, theta = [[Q(1)]], Q(1), Q(1, 2)
    eta = theta * eps / 2
    for T, w in enumerate(run(grams, H, [Q(1)], 6, eta, (1 - theta, Q(0)), eps), start=1):
        assert loss(H, w) <= 4 * (1 + eps) / (eta * T) * loss(H, [Q(1)])


def test_without_the_pl_condition_it_is_false():
    """f(w) = w²/2 up to |w| = 1, |w| − 1/2 beyond: L = 1, and μ = 1 near the minimum, not up the slope.

    There u = 1/(1 + ε) at every step, so that Grams is at w₁ − (T − 1)η/(1 + ε).
    """
    eta, eps, mu, T, G = Q(1, 64), Q(1), Q(1), 64_000, Q(200)
    gap = G**2 / 2  # f(w₁) − f*
    now = gap - (T - 1) * eta / (1 + eps)
    assert 2 * eta <= eps  # L = 1 and β₁ = 0
    assert now > 1  # still on the slope
    assert Q(1, 2) < mu * now  # where ½‖∇f‖² ≥ μ(f − f*) fails
    assert now > 4 * (G + eps) / (mu * eta * T) * gap


def test_a_planted_fault_a_bound_without_its_constant_is_caught():
    def margin(r):
        return {"f(w_T) − f* ≤ (f(w₁) − f*)/T": r.initial_gap / 2 - r.gap("Grams")[1]}

    _, found = hunt(replace(by_id("theorem-4.15"), margin=margin), Budget.parse(500))
    assert found is not None
