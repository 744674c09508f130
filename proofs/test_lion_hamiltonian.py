"""Lion in continuous time has a Hamiltonian: c = m + e(g − m), ṁ = a(g − m), g = ∇L(w), 0 < e ≤ 1.

    ẇ = −sign(c) (Lion), −sign(c)∘1[sign(c)∘g ≥ 0] (cautious), −sign(g)∘|sign(c)| (Grams)
    H = L(w) + ((1 − e)/a)‖m‖₁  ⇒  dH/dt ≤ 0 along all three, and dL/dt(Grams) ≤ dL/dt(cautious) ≤ dL/dt(Lion)

Ours in this form, after L. Chen, B. Liu, K. Liang and Q. Liu (2023). In the discrete Lion e = 1 − β₁, and a is
1 − β₂ per step. For e > 1, beyond the gradient, it is false.
"""

from dataclasses import replace
from fractions import Fraction as Q

import pytest

from grams_theory.claims import by_id
from grams_theory.core.claim import Flow
from grams_theory.engine.budget import Budget
from grams_theory.engine.certify import certify
from grams_theory.engine.hunt import hunt
from proofs.by_hand import adam, cautious, grams, sign

CLAIM = "lion-hamiltonian"
FLOWS = {"Lion": adam, "cautious": cautious, "Grams": grams}


def rate_H(flow, g, m, e, a=Q(1)):
    """dH/dt in one coordinate where m ≠ 0, with ∂H/∂m = ((1 − e)/a) sign(m)."""
    u = Q(sign(m + e * (g - m)))
    [direction] = FLOWS[flow]([u], [g])
    return -g * direction + (1 - e) / a * sign(m) * a * (g - m)


@pytest.mark.parametrize(("g", "m", "e"), [(-2, 3, Q(1, 2)), (2, 3, Q(1, 3)), (-1, 3, Q(9, 10))])
def test_along_lion_it_is_the_formula_in_c(g, m, e):
    """−|c| − ((1 − e)/e)(c − m)(sign(c) − sign(m))."""
    c = m + e * (g - m)
    formula = -abs(c) - (1 - e) / e * (c - m) * (sign(c) - sign(m))
    assert rate_H("Lion", Q(g), Q(m), e) == formula < 0


def test_at_e_1_it_is_sign_descent():
    assert rate_H("Lion", g=Q(-2), m=Q(3), e=Q(1)) == -2


@pytest.mark.parametrize("flow", FLOWS)
def test_beyond_the_gradient_it_is_false(flow):
    assert rate_H(flow, g=Q(-1), m=Q(-4), e=Q(2)) > 0


def test_without_the_momentum_s_share_it_is_false():
    """L alone rises where the sign is momentum's: dL/dt = 2 at g = −2, m = 3."""
    g, m, e = Q(-2), Q(3), Q(1, 2)
    assert -g * sign(m + e * (g - m)) == 2


def test_a_planted_fault_beyond_the_gradient_is_caught_exactly():
    claim = replace(by_id(CLAIM), setting=Flow("lion", dropped=("1 - e",)))
    _, found = hunt(claim, Budget.parse(4000))
    assert found is not None
    witness = certify(claim, found)
    assert witness is not None
    assert Q(witness.margin) < 0
