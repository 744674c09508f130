"""Which member of AMS(λ) the descent lemma prefers.

    ΔL_λ ≤ −η(⟨g, a⟩ − λβ) + (Lη²/2)(‖a‖² + λ²‖b‖²),  smallest at λ* = −β/(ηL‖b‖²)

Ours. To first order smaller λ is better without end; the curvature term ends it. Grams' λ = −1 is the best for one step
size alone, and for larger ones the bound prefers λ nearer to Cautious' 0.
"""

from dataclasses import replace
from fractions import Fraction as Q

from grams_theory.claims import by_id
from grams_theory.core.algebra import dot as inner
from grams_theory.core.algebra import norm2
from grams_theory.engine.budget import Budget
from grams_theory.engine.hunt import hunt
from proofs.by_hand import CALCULUS, cautious, dot, grams, minus, times

g, u = [Q(1), Q(-2), Q(3)], [Q(2), Q(1), Q(-1)]
a = cautious(u, g)
b = minus(grams(u, g), a)


def ams(lam):
    """a − λb: u where it agrees with g, λu where it does not."""
    return minus(a, times(lam, b))


def test_it_is_proved_from_the_descent_lemma(proved):
    proved("family-bound", axioms=CALCULUS, uses=("descent-lemma",))


def test_to_first_order_smaller_is_better():
    products = [dot(g, ams(lam)) for lam in (Q(1), Q(0), Q(-1))]
    assert products == [-3, 2, 7]


def test_the_bound_of_the_descent_lemma_has_its_own_favourite():
    L, beta = Q(2), dot(g, b)

    def bound(lam, eta):
        return -eta * (dot(g, a) - lam * beta) + L * eta**2 / 2 * (dot(a, a) + lam**2 * dot(b, b))

    for eta in (Q(1, 10), beta / (L * dot(b, b)), Q(3)):
        best = -beta / (eta * L * dot(b, b))
        assert all(bound(best, eta) < bound(best + d, eta) for d in (Q(-1, 100), Q(1, 100)))
    assert -beta / (beta / (L * dot(b, b)) * L * dot(b, b)) == -1, "Grams, at η = β/(L‖b‖²)"


def test_a_planted_fault_one_percent_less_curvature_is_caught():
    def margin(s):
        bound = 0.99 * s.smoothness * (s.eta * s.eta / 2) * norm2(s.u) - s.eta * inner(s.g, s.u)
        return {"Adam": bound - s.change("Adam")}

    _, found = hunt(replace(by_id("family-bound"), margin=margin), Budget.parse(2000))
    assert found is not None
