"""How far f can differ at two points near w, when L and the gradient g at w are all that is known.

    f L-smooth  ⇒  f(w+x₂) − f(w+x₁) ≤ ⟨g, x₂−x₁⟩ + (L/2)√((‖x₁‖² + ‖x₂‖²)² − 4 max(0, ⟨x₁, x₂⟩)²)

Ours: what a comparison of two steps needs. If ⟨x₁, x₂⟩ ≥ 0 the root is ‖x₂−x₁‖ ‖x₂+x₁‖. True and attained, on
both sides of ⟨x₁, x₂⟩ = 0. The descent lemma between the two points would give ‖x₂−x₁‖² instead, if g were
the gradient at one of them; it is the gradient at w, and with ‖x₂−x₁‖² the statement is false.
"""

from dataclasses import replace
from fractions import Fraction as Q

from grams_theory.claims import by_id
from grams_theory.core.algebra import dot as inner
from grams_theory.core.algebra import norm2
from grams_theory.engine.budget import Budget
from grams_theory.engine.hunt import hunt
from proofs.by_hand import CALCULUS, dot, minus, quadratic, reflection, root, times, within

L, g = Q(2), [Q(1), Q(1)]
x1, x2 = [Q(3), Q(0)], [Q(3), Q(8)]  # x₂ + x₁ = (6, 8), x₂ − x₁ = (0, 8)
T = reflection([Q(6), Q(8)], [Q(0), Q(8)], L)


def bound(x1, x2):
    acute = max(Q(0), dot(x1, x2))
    spread = (dot(x1, x1) + dot(x2, x2)) ** 2 - 4 * acute**2
    return dot(g, minus(x2, x1)) + L / 2 * root(spread)


def test_it_is_proved_by_interpolation(proved):
    proved(
        "two-point-comparison",
        axioms=CALCULUS,
        uses=("descent-lemma", "interpolation", "two-point-curvature"),
    )


def test_a_reflection_attains_it_for_points_on_one_side():
    f = quadratic(g, T)
    assert within(T, -L, L)
    assert f(x2) - f(x1) == bound(x1, x2)


def test_a_folded_parabola_attains_it_for_points_on_two_sides():
    """(L/2) t|t| has curvature −L, then L; from x₁ < 0 to x₂ > 0 it rises by (L/2)(x₁² + x₂²)."""

    def f(t):
        return g[0] * t + L / 2 * t * abs(t)

    assert f(Q(4)) - f(Q(-3)) == bound([Q(-3), Q(0)], [Q(4), Q(0)])


def test_with_one_percent_more_curvature_it_is_false():
    f = quadratic(g, [times(Q(101, 100), row) for row in T])
    assert f(x2) - f(x1) > bound(x1, x2)


def test_a_planted_fault_the_descent_lemma_between_the_points_is_caught():
    def margin(s):
        between = s.a - s.r
        bend = s.smoothness * (s.eta * s.eta / 2) * norm2(between)
        difference = s.change("Grams") - s.change("CautiousAdam")
        return {"Cautious to Grams": s.eta * inner(s.g, between) + bend - difference}

    _, found = hunt(replace(by_id("two-point-comparison"), margin=margin), Budget.parse(2000))
    assert found is not None
