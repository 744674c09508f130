"""Where the Grams flow goes: ẇ = −Sign(g)∘|k| − Φ(g), ṡ = g − Ψ(s), g = ∇L(w), k = ∇K(s), H = L + K.

    H radially unbounded  ⇒  ∇L(w(t)) → 0, if
        Φ is strict;  or Ψ is strict, ∇K(s) = 0 only at s = 0, and Ψ(0) = 0 (then ∇K → 0, too);
        or K is locally strongly convex, ∇K locally Lipschitz, Ψ(s) = 0 wherever ⟨k, Ψ(s)⟩ = 0

Corollary to Theorem 4.6. The paper asks both dampings to be strict; one is enough, and Φ = Ψ = 0 will do. What is
left of the hypotheses is needed: below, one counterexample for each. The momentum flow needs its damping.
"""

from dataclasses import replace
from fractions import Fraction as Q

import pytest
import sympy as sp
import torch

from grams_theory import families
from grams_theory.claims import by_id, lasalle
from grams_theory.core.random import generator
from grams_theory.flows import hamiltonian
from grams_theory.flows.integrate import integrate
from grams_theory.symbolic.proof import prove
from proofs.by_hand import dot

AXIOMS = ("LaSalle's invariance principle", "level sets", "chain rule")
CIRCLE = [(Q(1), Q(0)), (Q(3, 5), Q(4, 5)), (Q(-5, 13), Q(12, 13))]


def turned(x):
    return [-x[1], x[0]]


def test_it_is_proved_from_three_facts_of_analysis(proved):
    proved("lasalle", axioms=AXIOMS, uses=("filippov",))


@pytest.mark.parametrize(("flow", "settles"), [("grams", True), ("momentum", False)])
def test_without_damping_grams_settles_and_momentum_does_not(flow, settles):
    """Followed to t = 60: the largest gradient of the last tenth of the time."""
    f = families.by_name("dense_quadratic")(generator(0), 4, 2)
    w = f.start(generator(1))
    path = integrate(hamiltonian.System(f), flow, (w, torch.zeros_like(w)), 60.0, smoothing=1e-4)
    size = f.gradient(path.variables[0]).norm(dim=-1)
    last = size[-20:].amax(0) / size[0]
    assert (last < 1e-3).all() if settles else (last > 0.9).all()


def test_with_a_damping_of_the_momentum_that_only_turns_it_can_stop_anywhere():
    """L = ‖w‖²/2, K = ‖s‖²/2, Φ = 0, Ψ(s) = (s₂, −s₁): ⟨s, Ψ(s)⟩ = 0. At w = (1, 0), s = (0, 1) nothing moves."""
    g, s = [Q(1), Q(0)], [Q(0), Q(1)]
    psi = [s[1], -s[0]]
    assert dot(s, psi) == 0
    assert [a - b for a, b in zip(g, psi, strict=True)] == [0, 0]  # ṡ
    assert [abs(k) for k in s] == [0, 1]  # ẇ = −(1·0, ξ·1), and ξ = 0 is allowed, since g₂ = 0


@pytest.mark.parametrize("w", CIRCLE)
def test_with_a_flat_kinetic_energy_it_can_circle_for_ever(w):
    """L = ‖w‖²/2, Φ(g) turns g by 90°, and K is constant for ‖s‖ ≤ 1: Ψ is strict where it has to be, in k ≠ 0.

    w runs round the circle, ẇ = −Φ(w), and so does s = Φ(w): ṡ = Φ(ẇ) = −Φ(Φ(w)) = w = g.
    """
    g = list(w)
    w_dot = [-x for x in turned(g)]
    s = turned(g)
    assert dot(s, s) == 1  # k = 0 and Ψ = 0
    assert turned(w_dot) == g  # ṡ = g − Ψ(s)
    assert dot(g, turned(g)) == 0  # ⟨g, Φ(g)⟩
    assert dot(g, w_dot) == 0 != dot(g, g)


def test_without_a_radially_unbounded_loss_there_may_be_no_accumulation_point():
    """L = −w: g = −1 for ever, ẇ = |k| ≥ 0 and ṡ = −1, whatever Φ(−1) ≤ 0 adds to ẇ."""
    sign_g = -1
    assert all(-sign_g * abs(k) - phi >= 0 for k in (Q(0), Q(2)) for phi in (Q(0), Q(-1, 2)))


def test_the_momentum_flow_oscillates_without_damping():
    """L = w²/2, K = s²/2: ẇ = −s, ṡ = w is a rotation, with H constant."""
    for w, s in CIRCLE:
        assert w * -s + s * w == 0
        assert w * w + s * s == 1


@pytest.mark.parametrize("dropped", [0, 1], ids=["Ψ = 0 where it does no work", "strong convexity"])
def test_a_planted_fault_a_hypothesis_less_is_not_proved(monkeypatch, dropped):
    stated = lasalle.formal()
    hypotheses, conclusion = stated.conclusions[lasalle.NEITHER].args
    rest = [h for h in hypotheses.args if h != hypotheses.args[dropped]]
    weaker = replace(
        stated, conclusions={**stated.conclusions, lasalle.NEITHER: sp.Implies(sp.And(*rest), conclusion)}
    )
    monkeypatch.setattr(lasalle, "formal", lambda: weaker)
    attempt = prove(replace(by_id("lasalle"), formal=lambda: weaker))
    assert str(attempt.failure).startswith(f"{lasalle.NEITHER}: the implication is false")
