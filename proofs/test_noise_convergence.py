"""Grams settles at the minimiser under bounded noise of mean zero.

    f strongly convex, E ξ = 0, |ξ| bounded, η small   ⇒   the mean weight of Grams rests within 1/8 of w*

False on f(w) = w²/2 with ξ = −1 (probability 3/4) or +3 (1/4). Four histories of two gradients show it by hand: with
β₁ = 1/2 the expected step near the minimiser is (5w − 1)/8, which vanishes at w = 1/5. `median-bias` proves that no
bound which vanishes with η can be promised.
"""

from fractions import Fraction as Q
from itertools import product

import pytest
import torch

from grams_theory.optim import Adam, Grams
from proofs.by_hand import exactly, sign

CLAIM = "noise-convergence"


def expected(step, w, law, beta, steps):
    """E step(m̂, g) over all histories of that length, with w held."""
    weights = [(1 - beta) * beta ** (steps - 1 - t) / (1 - beta**steps) for t in range(steps)]
    total = Q(0)
    for history in product(law.items(), repeat=steps):
        chance, m = Q(1), Q(0)
        for weight, (xi, probability) in zip(weights, history, strict=True):
            chance, m = chance * probability, m + weight * (w + xi)
        total += chance * step(m, w + history[-1][0])
    return total


def grams(m, g):
    return sign(g) * abs(m)


def adam(m, g):
    return m


@pytest.fixture
def found(refuted):
    """The law, β₁ and the length of the witness, with its margin."""
    witness = refuted(CLAIM)
    case = exactly(witness.data)
    law = dict(zip(case["noise"], case["probabilities"], strict=True))
    return law, case["beta"], int(case["gradients"]), Q(witness.margin)


def test_the_noise_of_the_witness_is_bounded_and_of_mean_zero(found):
    law, *_ = found
    assert sum(law.values()) == 1
    assert sum(xi * p for xi, p in law.items()) == 0


def test_the_witness_holds_by_hand(found):
    """Within 1/8 of the minimiser the expected step only leads away; the zero nearest to it is 1/8 − margin away."""
    law, beta, steps, margin = found
    rest = Q(1, 8) - margin
    assert margin < 0
    assert expected(grams, rest, law, beta, steps) == 0
    for w in (Q(k, 80) for k in range(-10, 11)):
        assert expected(grams, w, law, beta, steps) < 0


def test_near_the_minimiser_the_expected_step_is_affine():
    law = {Q(-1): Q(3, 4), Q(3): Q(1, 4)}
    for w in (Q(-1, 10), Q(0), Q(1, 10), Q(1, 5)):
        assert expected(grams, w, law, Q(1, 2), 2) == (5 * w - 1) / 8


def test_adams_expected_step_is_the_gradient(found):
    law, beta, steps, _ = found
    for w in (Q(-1), Q(0), Q(1, 3)):
        assert expected(adam, w, law, beta, steps) == w


def test_with_fair_noise_grams_stays():
    fair = {Q(-1): Q(1, 2), Q(1): Q(1, 2)}
    assert expected(grams, Q(0), fair, Q(1, 2), 3) == 0


@pytest.mark.parametrize(("cls", "near"), [(Grams, 1.0), (Adam, 0.0)])
def test_production_runs_settle_where_it_says(cls, near):
    """512 runs from the minimiser, nothing held, default betas and ε: Grams goes to the median 1, Adam stays."""
    gen = torch.Generator().manual_seed(0)
    w = torch.nn.Parameter(torch.zeros(512, dtype=torch.float64))
    optimizer, total = cls([w], lr=1e-2), 0.0
    for step in range(2000):
        w.grad = w.detach() + torch.where(torch.rand(512, generator=gen) < 0.75, -1.0, 3.0)
        optimizer.step()
        total += w.detach().mean().item() / 1000 if step >= 1000 else 0.0
    assert abs(total - near) < 0.1
