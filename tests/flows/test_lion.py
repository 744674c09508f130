"""Lion's Hamiltonian in exact arithmetic: on every sign pattern, at every zero, for every selection at the jumps."""

from itertools import product

import pytest
import torch
from flint import fmpq

from grams_theory.core.errors import UsageError
from grams_theory.core.rounding import Ball
from grams_theory.engine.exact import Exact
from grams_theory.flows import hamiltonian, lion

NUMBERS = [fmpq(p, q) for p, q in ((0, 1), (1, 1), (-1, 1), (1, 3), (-3, 1), (2, 1))]
A = fmpq(1, 5)
RATES = [fmpq(1, 3), fmpq(1, 2), fmpq(1)]
STATES = list(product(NUMBERS, NUMBERS, RATES))
"""g, m and e of one coordinate; e = 1/3 with (g, m) = (2, -1) and e = 1/2 with g = -m have c = 0."""


def exact(g, m, e):
    return lion.State(*(Exact([[x]]) for x in (g, m, A, e)))


def jumps(x):
    """The values that sign may take at x."""
    return [fmpq(-1), fmpq(-1, 2), fmpq(0), fmpq(1)] if x == 0 else [fmpq(1 if x > 0 else -1)]


@pytest.mark.parametrize("flow", lion.FLOWS)
def test_H_falls_and_L_is_ordered_exactly(flow):
    for g, m, e in STATES:
        state = exact(g, m, e)
        rates = [state.rate_L(name)[0].item() for name in ("grams", "cautious", "lion")]
        assert state.rate_H(flow)[0].item() <= 0
        assert rates == sorted(rates) and rates[0] <= 0


def test_every_zero_is_among_the_states():
    zeros = {(g == 0, m == 0, m + e * (g - m) == 0) for g, m, e in STATES}
    assert {(True, False, False), (False, True, False), (False, False, True), (True, True, True)} <= zeros


def test_the_rate_is_the_formula_in_c_for_every_selection():
    """-|c| - ((1 - e)/e) (c - m)(s - ξ) for s in sign(c), ξ in sign(m): at most 0, and the largest is the record's."""
    for g, m, e in STATES:
        c = m + e * (g - m)
        by_selection = {
            (s, xi): -abs(c) - (1 - e) / e * (c - m) * (s - xi) for s, xi in product(jumps(c), jumps(m))
        }
        assert max(by_selection.values()) <= 0
        assert all(-g * s + (1 - e) * xi * (g - m) == rate for (s, xi), rate in by_selection.items())
        at_the_formula = [rate for (s, _), rate in by_selection.items() if s == (c > 0) - (c < 0)]
        assert exact(g, m, e).rate_H("lion")[0].item() == max(at_the_formula)


def test_where_c_jumps_the_grams_and_the_cautious_flow_let_H_fall_for_every_selection():
    """There g = -(1/e - 1) m; w' is -s σ with |s| <= 1, σ the direction, and dH/dt = -g s σ - ((1 - e)/e) |m|."""
    for m, e, s in product(NUMBERS, RATES, jumps(0)):
        g = -(1 / e - 1) * m
        for w_dot in (-s, fmpq(0), -abs(s) * ((g > 0) - (g < 0))):
            assert g * w_dot + (1 - e) * (abs(g - m) if m == 0 else ((m > 0) - (m < 0)) * (g - m)) <= 0


@pytest.mark.parametrize("flow", lion.FLOWS)
def test_interpolation_beyond_the_gradient_lets_H_grow(flow):
    """e = 2, where the Hamiltonian counts |m| negatively."""
    state = exact(fmpq(-1), fmpq(-4), fmpq(2))
    assert state.premise()["1 - e"][0].item() < 0
    assert state.rate_H(flow)[0].item() > 0


@pytest.mark.parametrize("e", lion.PREMISES["1 - e"]["e"])
def test_a_dropped_premise_is_noticed_in_a_sample(e, valley, rng):
    state = lion.sample(rng, valley(256, 3), e=e)
    assert state.premise()["1 - e"].surely_negative().all()
    assert (-1 * state.rate_H("lion")).surely_negative().any()


def test_a_hamiltonian_without_its_weight_is_noticed(valley, rng):
    """L alone rises where momentum points uphill."""
    state = lion.sample(rng, valley(256, 3), e=0.125)
    assert (-1 * state.rate_L("lion")).surely_negative().any()


def test_zeros_of_g_m_and_c_are_sampled(valley, rng):
    state = lion.sample(rng, valley(256, 3), e=0.125, zeros=0.25)
    g, m, e = state.g.mid, state.m.mid, state.e.mid
    for x in (g, m, m + e * (g - m)):
        assert 0.1 < (x == 0).double().mean() < 0.5
    assert (state.u.rad > 0).any()
    assert ((state.u.rad == 0) | (state.u.mid == 0)).all()


@pytest.mark.parametrize("constants", [(0.0, 0.5), (1.0, 0.0), (1.0, 1.5)])
def test_constants_outside_the_premise_are_refused(constants, valley):
    with pytest.raises(UsageError, match="must be > 0"):
        lion.System(valley(2, 2), *constants)


def test_heavy_ball_momentum_is_the_quadratic_instance_of_hamiltonian_descent(valley, rng):
    """w'' = -∇L(w) - w'/2: w' = -s and s' = ∇L(w) - s/2, and H loses s^2/2."""
    f = valley(8, 3)
    w, s = (torch.randn(8, 3, generator=rng, dtype=torch.float64) for _ in range(2))
    state = hamiltonian.System(f, kinetic="quadratic", psi="linear").state(w, s)
    w_dot, s_dot = state.velocity("momentum")
    assert torch.equal(w_dot, -s)
    assert torch.equal(s_dot, f.gradient(w) - s / 2)
    rate = hamiltonian.State(*(Ball.exact(x) for x in (state.g, state.k, state.phi, state.psi))).rate_H(
        "momentum"
    )
    assert ((rate.mid + (s * s).sum(-1) / 2).abs() <= 2 * rate.rad).all()
