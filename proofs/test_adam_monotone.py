"""Adam decreases the loss in each small step.

    f L-smooth, η ≤ 2|⟨g, u⟩|/(L‖u‖²)  ⇒  ΔL_Adam ≤ 0

The step sizes of Lemma 4.2, asked of Adam. False where ⟨g, u⟩ < 0, and there for every smaller η too: the
descent lemma bounds ΔL_Adam from below by −η⟨g, u⟩ − (Lη²/2)‖u‖² > 0.
"""

from fractions import Fraction as Q

import pytest

from proofs import by_hand, production
from proofs.by_hand import adam, dot, exactly, is_adams, quadratic, scaled_identity, times, within

HALVES = [Q(1, 2), Q(1, 2)]


def premise(g, u, eta, L):
    return 0 < eta <= 2 * abs(dot(g, u)) / (L * dot(u, u))


def test_the_witness_holds_by_hand(refuted):
    witness = refuted("adam-monotone")
    case = exactly(witness.data)
    H, g, u, eta, L = (case[name] for name in ("H", "g", "u", "eta", "smoothness"))
    assert within(H, -L, L)
    assert premise(g, u, eta, L)
    assert -quadratic(g, H)(times(-eta, u)) == Q(witness.margin) < 0


def test_the_production_step_shows_the_witness(refuted):
    case = exactly(refuted("adam-monotone").data)
    assert case["run"]["gradients"][-1] == case["g"]
    assert is_adams(case["u"], **case["run"])
    moved = production.displacement("Adam", eta=case["eta"], **case["run"])
    assert quadratic(case["g"], case["H"])(moved) > 0


def test_on_a_parabola_the_second_step_leads_uphill():
    """f(w) = w²/2, η = 6: from −5 to 1 to 3. The gradients are −5 and 1, so u = −1/3."""
    u = [Q(-1, 3)]
    assert is_adams(u, [[Q(-5)], [Q(1)]], HALVES, Q(0))
    assert premise([Q(1)], u, Q(6), Q(1))
    assert Q(-5) - 6 * Q(-1) == 1
    assert Q(1) - 6 * u[0] == 3
    assert quadratic([Q(1)], [[Q(1)]])(times(-6, u)) == 4


@pytest.mark.parametrize("eta", [Q(6), Q(1), Q(1, 10**6)])
def test_no_smaller_step_helps(eta):
    """Of all f, f(w + x) = ⟨g, x⟩ − (L/2)x² rises least."""
    g, u, L = [Q(1)], [Q(-1, 3)], Q(1)
    change = quadratic(g, scaled_identity(-L, 1))(times(-eta, u))
    assert change == -eta * dot(g, u) - L / 2 * eta**2 * dot(u, u)
    assert (change > 0) == (eta < 2 * abs(dot(g, u)) / (L * dot(u, u)))


def test_where_u_agrees_with_the_gradient_it_is_lemma_4_2():
    iterates = by_hand.run(adam, [[Q(1)]], [Q(5)], 1, Q(5), [Q(1, 2), Q(0)], Q(0))
    assert premise([Q(5)], [Q(1)], Q(5), Q(1))
    assert iterates == [[5], [0]]
