"""Filippov's selections: where no gradient coordinate is 0 they are the flow, elsewhere they leave the rates alone."""

import pytest
import torch

from grams_theory.core.rounding import Ball
from grams_theory.flows import filippov, hamiltonian


@pytest.mark.parametrize("flow", filippov.FLOWS)
def test_where_no_gradient_coordinate_is_zero_it_is_the_flow(flow, valley, rng):
    state = filippov.sample(rng, valley(64, 3), zeros=0.0, phi="linear", psi="cubic")
    plain = hamiltonian.State(state.g, state.k, state.phi, state.psi)
    for ours, theirs in zip(state.velocity(flow), plain.velocity(flow), strict=True):
        assert torch.equal(ours.mid, theirs.mid)


def test_selections_are_sampled_inside_and_at_both_ends(valley, rng):
    state = filippov.sample(rng, valley(512, 3), zeros=0.5)
    free = state.xi.mid[state.g.mid == 0]
    assert all((free == end).any() for end in (-1, 1))
    assert (free.abs() < 1).any()
    assert all(not margin.surely_negative().any() for margin in state.premise().values())


@pytest.mark.parametrize("flow", filippov.FLOWS)
def test_no_selection_changes_the_rates(flow, valley, rng):
    """Up to the rounding of 8 operations on each of 3 coordinates."""
    state = filippov.sample(rng, valley(64, 3), zeros=0.5, phi="turning")
    other = filippov.State(
        state.g, state.k, state.phi, state.psi, -state.xi.where(state.g.mid == 0, 0.0) + state.g.sign()
    )
    assert not torch.equal(state.velocity("grams")[0].mid, other.velocity("grams")[0].mid)
    for rate in ("rate_L", "rate_H"):
        ours, theirs = getattr(state, rate)(flow), getattr(other, rate)(flow)
        assert ((ours - theirs).mid.abs() <= ours.rad + theirs.rad).all()


def test_a_selection_against_the_gradient_is_outside_the_premise(valley, rng):
    state = filippov.sample(rng, valley(64, 3), zeros=0.0)
    against = filippov.State(state.g, state.k, state.phi, state.psi, -state.xi)
    assert against.premise()["ξ*∇L - |∇L|"].surely_negative().all()
    assert (-1 * against.rate_L("grams")).surely_negative().all()


def test_a_selection_beyond_one_is_outside_the_premise():
    zero, one = (Ball.exact(torch.full((1, 1), x, dtype=torch.float64)) for x in (0.0, 1.0))
    assert filippov.State(zero, one, zero, zero, one * 2).premise()["1 - |ξ|"].surely_negative().all()
