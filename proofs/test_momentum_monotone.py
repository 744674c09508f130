"""Momentum decreases the loss in each step.

    f L-smooth, u ← μu + g from u = 0, η ≤ 1/L  ⇒  ΔL ≤ 0

What gradient descent does (μ = 0), asked of momentum. False on f(w) = w²/2 itself, for every μ > 0: the run
passes the minimum and climbs.
"""

from fractions import Fraction as Q

import pytest
import torch

from proofs.by_hand import dot, exactly, minus, quadratic, times, within


def heavy_ball(mu, eta, w, steps):
    """The iterates on f(w) = w²/2."""
    u, iterates = Q(0), [w]
    for _ in range(steps):
        u = mu * u + iterates[-1]
        iterates.append(iterates[-1] - eta * u)
    return iterates


def test_the_witness_holds_by_hand(refuted):
    witness = refuted("momentum-monotone")
    case = exactly(witness.data)
    H, g, u, eta, L = (case[name] for name in ("H", "g", "u", "eta", "smoothness"))
    assert within(H, -L, L)
    assert 0 < eta <= 1 / L
    assert -quadratic(g, H)(times(-eta, u)) == Q(witness.margin) < 0


def test_the_witness_is_a_run_on_its_own_function(refuted):
    case = exactly(refuted("momentum-monotone").data)
    (first, second), (mu, _) = case["run"]["gradients"], case["run"]["betas"]
    assert second == case["g"] == minus(first, times(case["eta"], [dot(row, first) for row in case["H"]]))
    assert case["u"] == minus(second, times(-mu, first))


def test_on_a_parabola_the_second_step_leads_uphill():
    assert heavy_ball(Q(1, 2), Q(3, 4), Q(1), 2) == [1, Q(1, 4), Q(-5, 16)]


@pytest.mark.parametrize("mu", [Q(1, 1000), Q(1, 2), Q(9, 10)])
def test_no_momentum_is_small_enough(mu):
    """At η = 1/L the first step ends in the minimum, and the second leaves it."""
    assert heavy_ball(mu, Q(1), Q(1), 2) == [1, 0, -mu]


def test_torch_s_sgd_takes_the_same_steps():
    w, seen = torch.nn.Parameter(torch.tensor([1.0], dtype=torch.float64)), []
    optimizer = torch.optim.SGD([w], lr=0.75, momentum=0.5)
    for _ in range(2):
        w.grad = w.detach().clone()
        optimizer.step()
        seen.append(Q(w.item()))
    assert seen == [Q(1, 4), Q(-5, 16)]


def test_without_momentum_it_is_true():
    assert heavy_ball(Q(0), Q(1), Q(1), 2) == [1, 0, 0]
