"""A coordinate without a gradient stands still.

    gᵢ = 0   ⇒   (w⁺)ᵢ = wᵢ

True of Grams, since sign(0) = 0, and of the mask u∘g > 0 of the released Cautious code; false of Definition 3.7, whose
mask u∘g ≥ 0 lets uᵢ pass there. The two masks are different optimizers wherever a coordinate gets no gradient.
"""

from fractions import Fraction as Q

import pytest

from proofs import production
from proofs.by_hand import cautious, exactly, grams, is_adams, released, times

CLAIM = "zero-gradient"


def test_the_witness_holds_by_hand(refuted):
    witness = refuted(CLAIM)
    case = exactly(witness.data)
    g, u, eta = case["g"], case["u"], case["eta"]
    assert witness.part == "Cautious as defined"
    assert is_adams(u, **case["run"])
    assert case["run"]["gradients"][-1] == g
    moved = times(-eta, cautious(u, g))
    assert -sum(abs(d) for d, x in zip(moved, g, strict=True) if x == 0) == Q(witness.margin) < 0


def test_the_production_step_shows_the_witness(refuted):
    case = exactly(refuted(CLAIM).data)
    defined = production.displacement("CautiousAdam", eta=case["eta"], **case["run"])
    as_released = production.displacement("CautiousAdam", eta=case["eta"], **case["run"], mask_rescale=True)
    still = [i for i, x in enumerate(case["g"]) if x == 0]
    assert any(defined[i] != 0 for i in still)
    assert all(as_released[i] == 0 for i in still)


@pytest.mark.parametrize("rule", [grams, released])
@pytest.mark.parametrize("u", [Q(-1), Q(0), Q(2, 3)])
def test_grams_and_the_released_mask_stand_still(rule, u):
    assert rule([u, Q(1)], [Q(0), Q(1)])[0] == 0


@pytest.mark.parametrize("u", [Q(-1), Q(2, 3)])
def test_the_mask_of_the_definition_lets_u_pass(u):
    assert cautious([u], [Q(0)]) == [u]


def test_after_the_gradients_one_and_zero():
    """β₁ = 1/2, β₂ = 1/8, ε = 0: m̂ = 1/3 and v̂ = 1/9, so u = 1 though the gradient is 0."""
    run = {"gradients": [[Q(1)], [Q(0)]], "betas": [Q(1, 2), Q(1, 8)], "eps": Q(0)}
    assert is_adams([Q(1)], **run)
    assert production.displacement("CautiousAdam", eta=Q(1), **run) == [pytest.approx(-1, abs=1e-15)]
    assert production.displacement("Grams", eta=Q(1), **run) == [0]
