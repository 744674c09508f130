"""How far a convex f can differ at two points near w, when L and the gradient g at w are all that is known.

    f convex and L-smooth, ⟨x₁, x₂⟩ ≥ 0  ⇒
    f(w+x₂) − f(w+x₁) ≤ ⟨g, x₂−x₁⟩ + (L/4)(‖x₂‖² − ‖x₁‖² + ‖x₂−x₁‖ ‖x₂+x₁‖)

Ours. True, and attained by a quadratic that curves in one direction only. Without convexity it is false.
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
x1, x2 = [Q(3), Q(0)], [Q(3), Q(8)]
plus, d = minus(x2, times(-1, x1)), minus(x2, x1)  # (6, 8) and (0, 8)
T = reflection(plus, d, L)
H = [[(T[i][j] + L * (i == j)) / 2 for j in range(2)] for i in range(2)]
bound = dot(g, d) + L / 4 * (dot(x2, x2) - dot(x1, x1) + root(dot(d, d)) * root(dot(plus, plus)))


def rise(H):
    f = quadratic(g, H)
    return f(x2) - f(x1)


def test_it_is_proved_by_interpolation(proved):
    proved(
        "two-point-comparison-convex",
        axioms=CALCULUS,
        uses=("descent-lemma", "interpolation", "two-point-curvature"),
    )


def test_a_projection_attains_it():
    assert within(H, 0, L)
    assert rise(H) == bound < rise([times(Q(101, 100), row) for row in H])


def test_without_convexity_it_is_false():
    assert within(T, -L, L)
    assert rise(T) > bound


def test_a_planted_fault_without_the_difference_of_the_squares_is_caught():
    """Between two steps of one length it is nothing; Grams' is the longer one."""

    def margin(s):
        first = -s.eta * inner(s.g, s.r - s.a)
        lengths = (norm2(s.r - s.a) * norm2(s.r + s.a)).sqrt()
        bend = s.smoothness * (s.eta * s.eta / 4) * lengths
        return {"bound": first + bend - (s.change("Grams") - s.change("CautiousAdam"))}

    _, found = hunt(replace(by_id("two-point-comparison-convex"), margin=margin), Budget.parse(2000))
    assert found is not None
