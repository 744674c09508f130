"""Grams descends faster than Adam.

    f L-smooth, η ≤ 2⟨|g|, |u|⟩/(L‖u‖²)  ⇒  ΔL_G ≤ ΔL_Adam, from the same state

The abstract's "faster", with the step size of Lemma 4.2. False, even for a convex quadratic in two
dimensions: where Adam moves a coordinate against its gradient, it may do so to the advantage of another one.
"""

from fractions import Fraction as Q

import pytest

from proofs import production
from proofs.by_hand import absolute, dot, exactly, grams, is_adams, quadratic, times, within


def premise(g, u, eta, L):
    return 0 < eta <= 2 * dot(absolute(g), absolute(u)) / (L * dot(u, u))


def test_the_witness_holds_by_hand(refuted):
    witness = refuted("grams-vs-adam")
    case = exactly(witness.data)
    H, g, u, eta, L = (case[name] for name in ("H", "g", "u", "eta", "smoothness"))
    f = quadratic(g, H)
    assert within(H, -L, L)
    assert premise(g, u, eta, L)
    assert f(times(-eta, u)) - f(times(-eta, grams(u, g))) == Q(witness.margin) < 0


def production_changes(f, eta, run):
    """ΔL_Adam and ΔL_G of the production steps, as the floats that they are."""
    return tuple(f(production.displacement(name, eta=eta, **run)) for name in ("Adam", "Grams"))


def test_the_production_steps_show_the_witness(refuted):
    case = exactly(refuted("grams-vs-adam").data)
    if "run" not in case:
        pytest.skip("no rational history was found that leads Adam to this u")
    assert case["run"]["gradients"][-1] == case["g"]
    assert is_adams(case["u"], **case["run"])
    change_A, change_G = production_changes(quadratic(case["g"], case["H"]), case["eta"], case["run"])
    assert change_A < change_G


def test_a_convex_function_of_one_sum_refutes_it():
    """f = (5/12)s + s²/4 with s = x₁ + x₂: Adam moves to s = −2/3, Grams to −4/3, the minimum is at −5/6."""
    g, u, eta, L = [Q(5, 12), Q(5, 12)], [Q(1), Q(-1, 3)], Q(1), Q(1)
    run = {"gradients": [[Q(5, 12), Q(-25, 12)], g], "betas": [Q(1, 2), Q(1, 2)], "eps": Q(0)}
    H = [[Q(1, 2), Q(1, 2)], [Q(1, 2), Q(1, 2)]]
    f = quadratic(g, H)
    assert within(H, 0, L)
    assert premise(g, u, eta, L)
    assert (f(times(-eta, u)), f(times(-eta, grams(u, g)))) == (Q(-1, 6), Q(-1, 9))
    assert is_adams(u, **run)
    change_A, change_G = production_changes(f, eta, run)
    assert change_A < change_G
