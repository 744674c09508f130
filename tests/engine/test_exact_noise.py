"""Where a step is 0 in the mean: exactly, and as the sampled runs say."""

from dataclasses import replace
from fractions import Fraction

import pytest
from flint import fmpq
from hypothesis import find

from grams_theory import claims
from grams_theory.core.random import generator
from grams_theory.engine import exact_noise, fuzz
from grams_theory.engine.cases import noise
from grams_theory.engine.exact import exactly
from grams_theory.engine.exact_noise import drift, margin_of, rests, violates
from grams_theory.families import by_name

PART = "Grams rests at the minimiser"
SKEWED = {"noise": ["-1", "3"], "probabilities": ["3/4", "1/4"]}
FAIR = {"noise": ["-1", "1"], "probabilities": ["1/2", "1/2"]}


def case(law=SKEWED, beta="1/2", gradients=2):
    return {**exactly(law), "beta": exactly(beta), "gradients": gradients, "curvature": fmpq(1)}


@pytest.fixture(scope="module")
def refuted():
    return fuzz("noise-convergence")


def test_the_engine_refutes_it_with_an_exact_witness(refuted):
    assert refuted.verdict == "refuted"
    assert refuted.witness.kind == "noise"
    assert refuted.witness.method == "rational arithmetic"
    assert Fraction(refuted.witness.margin) == Fraction(1, 8) - Fraction(1, 5)
    assert refuted.witness.data["expected step at the minimiser"] == {"Grams": "-1/8", "Adam": "0/1"}


def test_the_expected_step_is_the_sum_over_four_histories():
    """m̂ = (g₁ + 2g₂)/3 at g = ξ: (−1, −1), (3, −1), (−1, 3), (3, 3)."""
    terms = [(9, -1, -3), (3, -1, 1), (3, 1, 5), (1, 1, 9)]
    expected = sum(Fraction(p, 16) * s * Fraction(abs(m), 3) for p, s, m in terms)
    assert Fraction(str(drift("Grams", case(), fmpq(0)))) == expected == Fraction(-1, 8)


@pytest.mark.parametrize("w", ["-1/10", "0", "1/10", "1/7"])
def test_near_the_minimiser_grams_climbs_and_adam_stays_on_the_mean(w):
    assert drift("Grams", case(), exactly(w)) == (5 * exactly(w) - 1) / 8
    assert drift("Adam", case(), exactly(w)) == exactly(w)


def test_grams_rests_at_one_fifth_and_adam_at_the_minimiser():
    assert rests("Grams", case()) == [fmpq(1, 5)]
    assert rests("Adam", case()) == [0]


@pytest.mark.parametrize("gradients", [4, 5])
def test_a_longer_memory_rests_at_the_median(gradients):
    """With β₁ = 9/10 the expected step is negative up to the median of the gradient, as `median-bias` proves."""
    assert rests("Grams", case(beta="9/10", gradients=gradients)) == [fmpq(1)]


@pytest.mark.parametrize("name", ["Grams", "Adam", "CautiousAdam"])
def test_fair_noise_leaves_everybody_at_the_minimiser(name):
    assert min(rests(name, case(FAIR)), key=abs) == 0


def test_without_memory_grams_is_adam():
    assert rests("Grams", case(beta="0", gradients=1)) == [0]
    assert margin_of(claims.by_id("noise-convergence"), case(beta="0", gradients=1), PART) == fmpq(1, 8)


@pytest.mark.parametrize(
    "changes",
    [
        {"noise": exactly(["-1", "2"])},
        {"probabilities": exactly(["1/2", "1/4"])},
        {"beta": fmpq(1)},
        {"curvature": fmpq(-1)},
    ],
    ids=["noise with a mean", "no law", "no average", "not convex"],
)
def test_what_is_outside_the_premise_is_no_witness(changes):
    claim = claims.by_id("noise-convergence")
    assert violates(claim, case(), PART)
    assert margin_of(claim, {**case(), **changes}, PART) is None


def test_a_true_claim_on_noise_is_not_refuted():
    """Adam in the place of Grams: it rests at the minimiser, in the sampled runs and exactly."""
    claim = claims.by_id("noise-convergence")
    part = "Adam rests at the minimiser"
    of_adam = replace(claim, margin=lambda n: {part: 0.125 - abs(n.mean("Adam"))})
    assert margin_of(of_adam, case(), part) == fmpq(1, 8)
    plainest = find(noise.strategy(claim, noise.pool(claim)[0]), lambda _: True)
    assert exact_noise.certify(of_adam, {}, part, plainest) is None


def test_the_law_is_what_is_drawn():
    f = by_name("two_point_noise")(generator(0, "family"), 2, 1)
    drawn = f.noise(generator(0, "noise"), (100_000,))
    assert sorted(drawn.unique().tolist()) == sorted(map(float, f.law))
    for value, probability in f.law.items():
        share = (drawn == float(value)).double().mean().item()
        assert abs(share - float(probability)) < 6 * (0.25 / 100_000) ** 0.5  # six standard errors
