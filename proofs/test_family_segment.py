"""AMS(λ) joins Adam (λ = 1), Cautious (0) and Grams (−1) by a straight line.

    s = u∘1[u∘g ≥ 0] + λ u∘1[u∘g < 0] = ((1 + λ)/2) u + ((1 − λ)/2) sign(g)∘|u|,  wherever gᵢ ≠ 0

Ours. So for convex f Cautious is never worse than Adam and Grams are on average: 2ΔL_C ≤ ΔL_Adam + ΔL_G.
"""

from dataclasses import replace
from fractions import Fraction as Q

import pytest

from grams_theory.claims import by_id
from grams_theory.engine.budget import Budget
from grams_theory.engine.hunt import hunt
from proofs.by_hand import adam, cautious, grams, minus, quadratic, times

g, u = [Q(1), Q(-2), Q(3)], [Q(2), Q(1), Q(-1)]
a = cautious(u, g)
b = minus(grams(u, g), a)


def ams(lam):
    """a − λb: u where it agrees with g, λu where it does not."""
    return minus(a, times(lam, b))


def changes(H, eta, u=u, g=g):
    f = quadratic(g, H)
    return [f(times(-eta, step(u, g))) for step in (adam, cautious, grams)]


BOWL = [[Q(3), Q(1), Q(0)], [Q(1), Q(2), Q(1)], [Q(0), Q(1), Q(2)]]
SADDLE = [[-x for x in row] for row in BOWL]


def test_it_is_proved_from_convexity(proved):
    proved("family-segment")


def test_the_members_are_adam_cautious_and_grams():
    assert (ams(1), ams(0), ams(-1)) == (u, a, grams(u, g))


@pytest.mark.parametrize("lam", [Q(-1), Q(-1, 3), Q(0), Q(1, 2), Q(1)])
def test_every_member_is_on_the_line_from_adam_to_grams(lam):
    line = [((1 + lam) * x + (1 - lam) * y) / 2 for x, y in zip(u, grams(u, g), strict=True)]
    assert ams(lam) == line


@pytest.mark.parametrize("eta", [Q(1, 10), Q(1), Q(7)])
def test_cautious_is_better_than_the_other_two_on_average_in_a_bowl(eta):
    adam_change, cautious_change, grams_change = changes(BOWL, eta)
    assert 2 * cautious_change < adam_change + grams_change


def test_without_convexity_it_is_false():
    adam_change, cautious_change, grams_change = changes(SADDLE, Q(1))
    assert 2 * cautious_change > adam_change + grams_change


def test_where_a_gradient_is_zero_it_is_false():
    """Cautious moves the coordinate as Adam does, Grams does not: Cautious is no midpoint there."""
    adam_change, cautious_change, grams_change = changes([[Q(1)]], Q(1), u=[Q(1)], g=[Q(0)])
    assert 2 * cautious_change > adam_change + grams_change


def test_a_planted_fault_one_percent_less_than_the_average_is_caught():
    def margin(s):
        average = (s.change("Adam") + s.change("Grams")) / 2
        return {"midpoint": average - 1.01 * abs(average) / 100 - s.change("CautiousAdam")}

    _, found = hunt(replace(by_id("family-segment"), margin=margin), Budget.parse(2000))
    assert found is not None
