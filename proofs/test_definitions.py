"""The production optimizers compute the defined updates.

    Adam  w ← w − η u, u = m̂/(√v̂ + ε)    Cautious  w ← w − η u∘1[u∘g ≥ 0]    Grams  w ← w − η sign(g)∘|u|

Definitions 3.5, 3.7 and 4.1 of the paper. A claim about code, so no proof covers every input: it survives. It
ties all other chapters to the optimizers that users train with, and a wrong optimizer is caught.
"""

from fractions import Fraction as Q

import pytest
import torch

from grams_theory.claims import by_id
from grams_theory.engine.budget import Budget
from grams_theory.engine.hunt import hunt
from grams_theory.engine.production import Rig
from proofs import production
from proofs.by_hand import adam, cautious, grams, is_adams, moments, root, times

RULES = {"Adam": adam, "CautiousAdam": cautious, "Grams": grams}


def test_it_survives(examine):
    result = examine("definitions")
    assert result.verdict == "survived"
    assert result.fuzz.violations == 0
    assert set(result.fuzz.optimizers) == set(RULES)


@pytest.mark.parametrize("name", RULES)
def test_a_step_equals_its_definition_in_rationals(name):
    """β₂ = 0 makes √v̂ = |g|. The data are dyadic; a step makes at most 16 roundings of numbers below 4."""
    gradients = [[Q(1), Q(-3), Q(1, 4), Q(2)], [Q(1, 2), Q(1), Q(-1, 8), Q(0)]]
    betas, eps, eta = (Q(1, 2), Q(0)), Q(1, 4), Q(1, 8)
    m, v = moments(gradients, betas)
    u = [a / (root(b) + eps) for a, b in zip(m, v, strict=True)]
    defined = times(-eta, RULES[name](u, gradients[-1]))
    moved = production.displacement(name, gradients, betas, eps, eta)
    assert all(abs(a - b) <= 16 * 4 * Q(2) ** -53 for a, b in zip(moved, defined, strict=True))


def test_the_recheck_of_adams_update_can_fail():
    u, gradients, betas = [Q(1), Q(-1, 3)], [[Q(1), Q(-5)], [Q(1), Q(1)]], [Q(1, 2), Q(1, 2)]
    assert is_adams(u, gradients, betas, Q(0))
    assert not is_adams(times(Q(101, 100), u), gradients, betas, Q(0))
    assert not is_adams(times(-1, u), gradients, betas, Q(0))
    assert not is_adams([Q(0), u[1]], gradients, betas, Q(0))


def test_a_coordinate_without_gradient_stays_under_grams_alone():
    run = {"gradients": [[Q(1)], [Q(0)]], "betas": (Q(1, 2), Q(1, 2)), "eps": Q(1), "eta": Q(1)}
    moved = {name: production.displacement(name, **run) != [0] for name in RULES}
    assert moved == {"Adam": True, "CautiousAdam": True, "Grams": False}


class Unsigned(torch.optim.Adam):
    """Adam in the place of Grams: u, where sign(g)∘|u| is defined."""


@pytest.mark.parametrize(
    ("role", "player"),
    [("Grams", Unsigned), ("Adam", "grams_theory.optim:Grams"), ("CautiousAdam", Unsigned)],
)
def test_a_planted_optimizer_is_caught(role, player):
    _, found = hunt(by_id("definitions"), Budget.parse(2000), rig=Rig(cast={role: player}))
    assert found is not None
    assert found.part == role
