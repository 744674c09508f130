"""When Grams descends at least as far as Adam in one step, exactly.

    ΔL_G ≤ ΔL_Adam for every L-smooth f with ∇f(w) = g
    ⇔   η L √((‖u‖² + ‖r‖²)² − 4 max(0, ⟨u, r⟩)²) ≤ 4β

with r = sign(g)∘|u| and β = Σ |uᵢgᵢ| over uᵢgᵢ < 0. Ours, in place of the abstract's "faster". True in both
directions. If Adam mostly agrees with the gradient a reflection attains it; if it mostly disagrees, a
parabola that is folded upwards along −r.
"""

from fractions import Fraction as Q

import sympy as sp

from grams_theory.symbolic.proof import prove
from proofs.by_hand import CALCULUS, dot, grams, minus, quadratic, reflection, root, times, within
from proofs.planted import restated

L, g = Q(2), [Q(1), Q(1)]
AGREES, DISAGREES = [Q(2), Q(-1)], [Q(1), Q(-2)]


def threshold(u):
    r = grams(u, g)
    spread = (dot(u, u) + dot(r, r)) ** 2 - 4 * max(Q(0), dot(u, r)) ** 2
    return 2 * dot(g, minus(r, u)) / (L * root(spread))


def change_between(f, u, eta):
    """ΔL_G − ΔL_Adam."""
    return f(times(-eta, grams(u, g))) - f(times(-eta, u))


def test_it_is_proved_from_the_two_point_comparison(proved):
    proved("grams-vs-adam-sharp", axioms=CALCULUS, uses=("two-point-comparison", "two-point-attained"))


def test_a_reflection_attains_it_where_adam_mostly_agrees():
    """r + u = (4, 0), r − u = (0, 2): f(w + x) = ⟨g, x⟩ + L x₁x₂."""
    H = reflection([Q(4), Q(0)], [Q(0), Q(2)], L)
    f = quadratic(g, H)
    assert H == [[0, L], [L, 0]]
    assert within(H, -L, L)
    assert change_between(f, AGREES, threshold(AGREES)) == 0
    assert change_between(f, AGREES, threshold(AGREES) * Q(101, 100)) > 0


def test_a_folded_parabola_attains_it_where_adam_mostly_disagrees():
    """f(w + x) = ⟨g, x⟩ + (L/2)(2 max(0, ⟨x, e⟩)² − ‖x‖²) with e = −r/‖r‖."""
    r = grams(DISAGREES, g)

    def f(x):
        upwards = max(Q(0), -dot(x, r)) ** 2 / dot(r, r)
        return dot(g, x) + L / 2 * (2 * upwards - dot(x, x))

    assert dot(DISAGREES, r) < 0
    assert change_between(f, DISAGREES, threshold(DISAGREES)) == 0
    assert change_between(f, DISAGREES, threshold(DISAGREES) * Q(101, 100)) > 0


def test_without_smoothness_it_is_false():
    """One percent more curvature than L."""
    f = quadratic(g, reflection([Q(4), Q(0)], [Q(0), Q(2)], L * Q(101, 100)))
    assert change_between(f, AGREES, threshold(AGREES)) > 0


def test_a_planted_fault_a_condition_one_percent_weaker_is_not_proved():
    def edit(part):
        condition, conclusion = part.args
        return sp.Implies(sp.Le(condition.lhs, sp.Rational(101, 100) * condition.rhs), conclusion)

    attempt = prove(restated("grams-vs-adam-sharp", "if", edit))
    assert not attempt.complete
    assert str(attempt.failure).startswith("if: the implication is false")
