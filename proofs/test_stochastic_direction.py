"""Stochastic rounding too never moves a coordinate of a Grams step against −sign(g).

    w⁺ ∈ {⌊x⌋, ⌈x⌉}, x = fl(w − fl(η r)), r = sign(g)∘|u|:   g > 0 ⇒ w⁺ ≤ w,   g < 0 ⇒ w⁺ ≥ w,   g = 0 ⇒ w⁺ = w

Ours. Rounding down and rounding up are monotone and leave w alone, so both neighbours of x lie on its side of w: chance
has nothing to choose between. Production is tried on a spread of all pairs of a weight and a step of 16 bits here, on
all of them with `-m slow`.
"""

from dataclasses import replace

import pytest
import sympy as sp
import torch

from grams_theory import Grams
from grams_theory.claims import by_id
from grams_theory.claims._direction_sweep import GRADIENTS, corner_pairs, every_pair, sweep
from grams_theory.claims.stochastic_direction import formal
from grams_theory.core.formats import magnitudes, neighbours, precision
from grams_theory.optim import _fused
from grams_theory.symbolic.proof import prove, reals

SHORT = [torch.bfloat16, torch.float16]
short = pytest.mark.parametrize("dtype", SHORT, ids=str)
implementations = pytest.mark.parametrize("implementation", ["loop", "foreach", "fused"])


def tried(grid, steps, implementation, **options):
    if implementation == "fused" and (reason := _fused.refusal([grid.weights])):
        pytest.skip(reason)
    return sweep(grid, steps, implementation=implementation, rounding="stochastic", **options)


def check(found, dtype):
    """No step the wrong way, and none beyond a neighbour: none that is lost is as long as a gap."""
    assert found.cases == found.weights * found.steps * len(GRADIENTS)
    assert found.counts.wrong_way == 0, found.counts.first_wrong_way
    assert found.counts.misrounded == 0, found.counts.first_misrounded
    assert found.counts.largest_lost < 2 * 2.0 ** -precision(dtype)


def test_it_is_proved_from_monotone_rounding(proved):
    proved("stochastic-direction", axioms=("monotone rounding",))


@short
@implementations
def test_every_weight_obeys_it_at_steps_of_all_sizes(dtype, implementation):
    """Every 6,607th step up to the largest."""
    grid = every_pair(dtype)
    last = len(grid.steps) - 1
    check(tried(grid, range(last % 6607, last + 1, 6607), implementation), dtype)


@short
@implementations
def test_steps_between_the_numbers_of_16_bits_obey_it_too(dtype, implementation):
    grid = corner_pairs(dtype)
    check(tried(grid, range(0, len(grid.steps), 631), implementation), dtype)


@pytest.mark.slow
@short
@implementations
def test_every_weight_obeys_it_at_every_step(dtype, implementation):
    check(tried(every_pair(dtype), None, implementation), dtype)


@short
@implementations
def test_steps_that_rounding_to_nearest_would_lose_are_taken_in_their_mean(dtype, implementation):
    """10^5 weights of 1, a step of an eighth of the gap below: a share of 1/8 falls, to five standard deviations."""
    w = torch.nn.Parameter(torch.ones(100_000, dtype=dtype))
    gap = 2.0 ** -precision(dtype)
    if implementation == "fused" and (reason := _fused.refusal([w])):
        pytest.skip(reason)
    torch.manual_seed(0)
    w.grad = torch.ones_like(w)
    Grams(
        [w],
        lr=gap / 8,
        eps=0.0,
        foreach=implementation == "foreach",
        fused=implementation == "fused",
        state_dtype=torch.float32,
        stochastic_rounding=True,
    ).step()
    fallen = (w < 1).double().mean().item()
    assert set(w.tolist()) == {1.0, 1.0 - gap}
    assert abs(fallen - 1 / 8) <= 5 * (1 / 8 * 7 / 8 / 100_000) ** 0.5


@short
def test_neighbours_are_the_numbers_of_the_format_around_a_number(dtype):
    numbers = magnitudes(dtype).double()
    inside = (numbers[:-1] + numbers[1:]) / 2
    for sign in (1, -1):
        ends = [sign * numbers[:-1], sign * numbers[1:]]
        below, above = neighbours(sign * inside, dtype)
        assert torch.equal(below, ends[sign < 0])
        assert torch.equal(above, ends[sign > 0])
    assert all(map(torch.equal, neighbours(numbers, dtype), (numbers, numbers)))


class Adjusted(Grams):
    """What the step made of each weight is changed afterwards."""

    def step(self, closure=None):
        parameters = [p for group in self.param_groups for p in group["params"]]
        before = [p.detach().clone() for p in parameters]
        super().step()
        for p, w in zip(parameters, before, strict=True):
            p.data.copy_(self.adjusted(w, p.detach(), p.grad))

    def adjusted(self, w, after, g):
        raise NotImplementedError


class OneFurther(Adjusted):
    """A weight that fell falls to the next number too."""

    def adjusted(self, w, after, g):
        return torch.where(after < w, after.nextafter(torch.full_like(w, -torch.inf)), after)


class TurningAround(Adjusted):
    """A step that chance has lost becomes one against it."""

    def adjusted(self, w, after, g):
        return torch.where((after == w) & (g > 0), w.nextafter(torch.full_like(w, torch.inf)), after)


def test_planted_faults_are_caught():
    grid = every_pair(torch.bfloat16)
    steps = range(1000, len(grid.steps), 12_000)
    assert tried(grid, steps, "loop", optimizer=TurningAround).counts.wrong_way > 0
    further = tried(grid, steps, "loop", optimizer=OneFurther).counts
    assert further.wrong_way == 0
    assert further.misrounded > 0


def test_without_monotone_rounding_it_is_not_proved():
    def argument(p):
        p.conclude("g > 0", [*formal().premises, sp.Eq(reals("x")[0], reals("w")[0] - reals("d")[0])])

    attempt = prove(replace(by_id("stochastic-direction"), prove=argument))
    assert "the implication is false" in str(attempt.failure)


def test_a_weight_beyond_both_neighbours_is_not_covered():
    """Without the premise that w⁺ is one of them there is no proof."""

    def loose():
        statement = formal()
        return replace(statement, premises=statement.premises[:1])

    attempt = prove(replace(by_id("stochastic-direction"), formal=loose))
    assert attempt.failure is not None
