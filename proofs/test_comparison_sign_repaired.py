"""The loss-descent comparison, with |u∘g| in the third bound.

    η ≤ min{ 2⟨u∘g, 1[u∘g≥0]⟩/(L‖u∘1[u∘g≥0]‖²), 2⟨|g|, |u|⟩/(L‖u‖²), 2⟨|u∘g|, 1[u∘g<0]⟩/(L‖u∘1[u∘g<0]‖²) }
    ⇒  ΔL_G ≤ ΔL_C ≤ 0

The least change that gives the printed comparison sense. False, even for a convex quadratic in two
dimensions: an upper bound on ΔL_G that lies below an upper bound on ΔL_C does not order ΔL_G and ΔL_C. No
constant factor in the third bound mends it.
"""

from fractions import Fraction as Q

import pytest

from proofs import production
from proofs.by_hand import (
    cautious,
    dot,
    exactly,
    grams,
    is_adams,
    minus,
    quadratic,
    reflection,
    times,
    within,
)


def premise(g, u, eta, L):
    """Whether η satisfies the three conditions."""
    a = cautious(u, g)
    b = minus(a, u)  # −u on the misaligned coordinates
    bounds = [(dot(g, a), dot(a, a)), (dot(g, grams(u, g)), dot(u, u)), (dot(g, b), dot(b, b))]
    return all(0 < eta <= 2 * slope / (L * square) for slope, square in bounds)


def test_the_witness_holds_by_hand(refuted):
    witness = refuted("comparison-sign-repaired")
    case = exactly(witness.data)
    H, g, u, eta, L = (case[name] for name in ("H", "g", "u", "eta", "smoothness"))
    f = quadratic(g, H)
    assert within(H, -L, L)
    assert premise(g, u, eta, L)
    change_C, change_G = f(times(-eta, cautious(u, g))), f(times(-eta, grams(u, g)))
    slack = {"ΔL_G ≤ ΔL_C": change_C - change_G, "ΔL_C ≤ 0": -change_C}[witness.part]
    assert slack == Q(witness.margin) < 0


def production_changes(f, eta, run):
    """ΔL_C and ΔL_G of the production steps, as the floats that they are."""
    steps = (production.displacement(name, eta=eta, **run) for name in ("CautiousAdam", "Grams"))
    return tuple(map(f, steps))


def test_the_production_steps_show_the_witness(refuted):
    case = exactly(refuted("comparison-sign-repaired").data)
    if "run" not in case:
        pytest.skip("no rational history was found that leads Adam to this u")
    assert case["run"]["gradients"][-1] == case["g"]
    assert is_adams(case["u"], **case["run"])
    change_C, change_G = production_changes(quadratic(case["g"], case["H"]), case["eta"], case["run"])
    assert change_G > change_C or change_C > 0


def test_a_convex_function_of_one_sum_refutes_it():
    """f = s/2 + s²/4 with s = x₁ + x₂: Cautious stops in the minimum s = −1, Grams goes on to s = −4/3."""
    g, u, eta, L = [Q(1, 2), Q(1, 2)], [Q(1), Q(-1, 3)], Q(1), Q(1)
    run = {"gradients": [[Q(1, 2), Q(-5, 2)], g], "betas": [Q(1, 2), Q(1, 2)], "eps": Q(0)}
    H = [[Q(1, 2), Q(1, 2)], [Q(1, 2), Q(1, 2)]]
    f = quadratic(g, H)
    assert within(H, 0, L)
    assert premise(g, u, eta, L)
    assert (f(times(-eta, cautious(u, g))), f(times(-eta, grams(u, g)))) == (Q(-1, 4), Q(-2, 9))
    assert is_adams(u, **run)
    change_C, change_G = production_changes(f, eta, run)
    assert change_C < change_G


@pytest.mark.parametrize("n", [Q(100), Q(1000), Q(10**5)])
def test_no_constant_factor_in_the_third_bound_mends_it(n):
    """‖r + a‖ is about n/2 times ‖r − a‖, and 10/n of the third bound is too large a step."""
    g, u, L = [n**4, Q(1)], [(n**2 - 1) / 2, -2 * n], Q(1)
    a, r = cautious(u, g), grams(u, g)
    plus, b = minus(r, times(-1, a)), minus(r, a)  # (n² − 1, 2n), as long as n² + 1, and (0, 2n)
    H = reflection(plus, b, L)
    f, third = quadratic(g, H), 2 * dot(g, b) / (L * dot(b, b))
    eta = third * 10 / n
    assert within(H, -L, L)
    assert premise(g, u, eta, L)
    assert f(times(-eta, r)) > f(times(-eta, a))
