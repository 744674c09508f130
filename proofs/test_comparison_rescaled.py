"""Grams against Cautious as it was released, at the step sizes of the exact comparison.

    η L ‖r−a‖ ‖r+a‖ ≤ 2⟨g, r−a⟩  ⇒  ΔL_G ≤ ΔL_C,  C with the step c = (d/#{uᵢgᵢ>0}) u∘1[u∘g>0]

Ours: the released code divides its mask by the mask's mean. False: to first order the longer step may descend
further, and no step size mends that.
"""

from fractions import Fraction as Q

import pytest

from proofs import production
from proofs.by_hand import cautious, dot, exactly, grams, is_adams, minus, quadratic, released, times, within


def premise(g, u, eta, L):
    """η > 0 and η L ‖r−a‖ ‖r+a‖ ≤ 2⟨g, r−a⟩, squared."""
    a, r = cautious(u, g), grams(u, g)
    m, q = minus(r, a), minus(r, times(-1, a))
    return eta > 0 <= dot(g, m) and (eta * L) ** 2 * dot(m, m) * dot(q, q) <= 4 * dot(g, m) ** 2


def test_the_witness_holds_by_hand(refuted):
    witness = refuted("comparison-rescaled")
    case = exactly(witness.data)
    H, g, u, eta, L = (case[name] for name in ("H", "g", "u", "eta", "smoothness"))
    f = quadratic(g, H)
    assert within(H, -L, L)
    assert premise(g, u, eta, L)
    assert f(times(-eta, released(u, g))) - f(times(-eta, grams(u, g))) == Q(witness.margin) < 0


def test_the_production_steps_show_the_witness(refuted):
    case = exactly(refuted("comparison-rescaled").data)
    if "run" not in case:
        pytest.skip("no rational history was found that leads Adam to this u")
    f, run = quadratic(case["g"], case["H"]), case["run"]
    assert is_adams(case["u"], **run)
    of_grams = f(production.displacement("Grams", eta=case["eta"], **run))
    of_cautious = f(production.displacement("CautiousAdam", eta=case["eta"], mask_rescale=True, **run))
    assert of_cautious < of_grams


def test_without_the_rescaling_the_step_is_no_longer():
    """At the same g and u the mask of Definition 3.7 descends less."""
    g, u = [Q(2), Q(1)], [Q(1), Q(-1)]
    assert dot(g, released(u, g)) == 4 > dot(g, grams(u, g)) == 3 > dot(g, cautious(u, g)) == 2


@pytest.mark.parametrize("eta", [Q(1), Q(1, 1000), Q(1, 10**9)])
def test_on_a_linear_function_it_fails_at_every_step_size(eta):
    g, u = [Q(2), Q(1)], [Q(1), Q(-1)]
    assert dot(g, times(-eta, released(u, g))) < dot(g, times(-eta, grams(u, g)))
