"""Adam in continuous time has a Hamiltonian: ṁ = a(g − m), v̇ = b(g² − v), u = m/(√v + ε), g = ∇L(w).

    ẇ = −u (Adam), −u∘1[u∘g ≥ 0] (cautious), −sign(g)∘|u| (Grams),   H = L(w) + (1/2a)⟨m, u⟩
    a ≥ b/4  ⇒  dH/dt ≤ 0 along all three, wherever v > 0

An example in Section 4 of the paper. True, and 1/4 is the smallest constant: below it H grows where g = 0 and
ε/√v is small: a part of the claim. In the discrete Adam, a = 1 − β₁ and b = 1 − β₂ up to the step: the default betas
have a = 100 b.
"""

from dataclasses import replace
from fractions import Fraction as Q

import pytest
import sympy as sp

from grams_theory.claims import by_id
from grams_theory.symbolic.proof import prove, reals
from proofs.by_hand import adam, cautious, grams

FLOWS = {"Adam": adam, "cautious": cautious, "Grams": grams}


def rate_H(flow, g, m, s, a, b, eps):
    """dH/dt in one coordinate at √v = s, with ∂H/∂m = u/a and ∂H/∂v = −u²/(4as)."""
    u = m / (s + eps)
    [direction] = FLOWS[flow]([u], [g])
    return -g * direction + u / a * a * (g - m) - u**2 / (4 * a * s) * b * (g**2 - s**2)


def test_it_is_proved_from_the_chain_rule(proved):
    proved("adam-hamiltonian", axioms=("chain rule",))


@pytest.mark.parametrize("flow", FLOWS)
def test_it_is_attained_without_eps(flow):
    """At a = b/4, ε = 0 and g = 0 the Hamiltonian stands still, though m ≠ 0."""
    assert rate_H(flow, g=Q(0), m=Q(3), s=Q(2), a=Q(1), b=Q(4), eps=Q(0)) == 0


@pytest.mark.parametrize("flow", FLOWS)
def test_one_percent_below_a_quarter_it_is_false(flow):
    assert rate_H(flow, g=Q(0), m=Q(3), s=Q(2), a=Q(99, 100), b=Q(4), eps=Q(1, 1000)) > 0


def test_a_large_eps_hides_the_failure():
    assert rate_H("Adam", g=Q(0), m=Q(3), s=Q(2), a=Q(99, 100), b=Q(4), eps=Q(1)) < 0


def test_a_planted_fault_one_percent_below_a_quarter_is_not_proved():
    def argument(p):
        g, m, a, b, eps, s = reals("g m a b ε √v")
        u = m / (s + eps)
        rate = -g * u + u * (g - m) - u**2 * b * (g**2 - s**2) / (4 * a * s)
        premise = [b > 0, s > 0, eps >= 0, sp.Ge(a, sp.Rational(99, 400) * b)]
        p.implies("a term of dH/dt", premise, sp.Le(rate, 0))

    attempt = prove(replace(by_id("adam-hamiltonian"), prove=argument))
    assert not attempt.complete
    assert str(attempt.failure).startswith("a term of dH/dt: the implication is false")
