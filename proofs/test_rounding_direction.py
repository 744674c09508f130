"""In floating point too, a Grams step never moves a coordinate against −sign(g).

    w⁺ = fl(w − fl(η r)), r = sign(g)∘|u|:   g > 0 ⇒ w⁺ ≤ w,   g < 0 ⇒ w⁺ ≥ w,   g = 0 ⇒ w⁺ = w

Ours. True in every IEEE format, since rounding is monotone and leaves w alone. It is a law of the order of operations:
an implementation that does not round w − d itself, but something that equals it on paper, can break it.

The formats of 16 bits have so few numbers that production can be tried on every pair of a weight and a step: a spread
of the steps here, all of them with `-m slow` or by benchmarks/sixteen_bits.py.
"""

from dataclasses import replace

import pytest
import sympy as sp
import torch

from grams_theory import Grams
from grams_theory.claims import by_id
from grams_theory.claims._direction_sweep import GRADIENTS, corner_pairs, every_pair, sweep
from grams_theory.claims.rounding_direction import formal
from grams_theory.core.formats import magnitudes, precision
from grams_theory.symbolic.proof import prove, reals

FORMATS = [torch.float64, torch.float32, torch.bfloat16, torch.float16]
formats = pytest.mark.parametrize("dtype", FORMATS, ids=str)


EPS = 1e-4
"""Not 0 in float16, as the default 1e-8 is: with it a coordinate that never had a gradient would be 0/0."""


def stepped(w, g, lr=1.0, steps=1):
    parameter = torch.nn.Parameter(w.clone())
    optimizer = Grams([parameter], lr=lr, eps=EPS)
    for _ in range(steps):
        before = parameter.detach().clone()
        parameter.grad = g.clone()
        optimizer.step()
    return before, parameter.detach()


def along(before, after, g):
    """Whether every coordinate moved along −sign(g), or not at all."""
    up, down = after >= before, after <= before
    return bool(torch.where(g > 0, down, torch.where(g < 0, up, up & down)).all())


def test_it_is_proved_from_monotone_rounding(proved):
    proved("rounding-direction", axioms=("monotone rounding",))


@formats
def test_production_steps_obey_it(dtype):
    gen = torch.Generator().manual_seed(0)
    size, sign = torch.randn((2, 100_000), generator=gen)
    w = (10 ** (2 * size.clamp(-2, 2)) * sign.sign()).to(dtype)
    g = torch.randn(100_000, generator=gen).to(dtype)
    g[::7] = 0
    for lr in (1.0, 1e-3, 1e-6):
        assert along(*stepped(w, g, lr, steps=3), g)


@formats
def test_every_gradient_of_16_bits_obeys_it(dtype):
    """All finite g, so that g² and m under- and overflow: with weights of all sizes, at the first and a third step."""
    bits = torch.arange(-(2**15), 2**15).to(torch.int16)
    for source in (torch.bfloat16, torch.float16):
        g = bits.view(source).to(dtype)
        g = g[g.isfinite()]
        for weight in (
            0.0,
            -0.0,
            1.0,
            -1.0,
            2.0**-20,
            torch.finfo(dtype).max,
            -torch.finfo(dtype).smallest_normal,
        ):
            w = torch.full_like(g, weight)
            for steps in (1, 3):
                assert along(*stepped(w, g, 1e-3, steps), g)


SHORT = {torch.bfloat16: (65_280, 32_640), torch.float16: (63_488, 31_744)}
"""Their finite numbers, and those that are >= 0."""
short = pytest.mark.parametrize("dtype", SHORT, ids=str)
implementations = pytest.mark.parametrize("implementation", ["loop", "foreach"])


def check(found, dtype):
    """No step the wrong way, none misrounded, and those lost that are below half the gap to the next number."""
    assert found.cases == found.weights * found.steps * len(GRADIENTS)
    assert found.counts.wrong_way == 0, found.counts.first_wrong_way
    assert found.counts.misrounded == 0, found.counts.first_misrounded
    unit = 2.0 ** -precision(dtype)
    assert found.counts.largest_lost <= unit
    assert found.counts.smallest_kept > unit / 2


def counted_by_gaps(dtype, steps):
    """Cases that are lost and that overflow: d is at most half the gap to the next number, and to infinity at least.

    At just half of it the even pattern has it; beyond the largest number the next one would be a power of two.
    """
    numbers = magnitudes(dtype).double()
    beyond = 2 * numbers[-1] - numbers[-2]
    d = numbers[list(steps)]
    d, even = d[d > 0], torch.arange(len(numbers)) % 2 == 0
    outward = numbers.diff(append=beyond[None]) / 2
    inward = numbers.diff(prepend=-numbers[1:2]) / 2
    lost = 0
    for half in (outward, inward):
        below, up_to = (torch.searchsorted(d, half, right=right) for right in (False, True))
        lost += int(torch.where(even, up_to, below).sum())
    reach = (beyond + numbers[-1]) / 2 - numbers
    overflowed = int((len(d) - torch.searchsorted(d, reach)).sum())
    return 2 * lost, 2 * overflowed


def check_all_weights(dtype, steps, implementation):
    found = sweep(every_pair(dtype), steps, implementation=implementation)
    assert (found.weights, found.steps) == (SHORT[dtype][0], len(steps))
    check(found, dtype)
    assert (found.counts.lost, found.counts.overflowed) == counted_by_gaps(dtype, steps)


@short
@implementations
def test_every_weight_obeys_it_at_steps_of_all_sizes(dtype, implementation):
    """Every 331st step up to the largest: all exponents, and other last bits in each."""
    last = SHORT[dtype][1] - 1
    check_all_weights(dtype, range(last % 331, last + 1, 331), implementation)


@pytest.mark.slow
@short
@implementations
def test_every_weight_obeys_it_at_every_step(dtype, implementation):
    check_all_weights(dtype, range(SHORT[dtype][1]), implementation)


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [(torch.bfloat16, (1_990_986_496, 130_816)), (torch.float16, (801_009_664, 8_386_560))],
    ids=str,
)
def test_gaps_count_what_the_complete_runs_counted(dtype, expected):
    """The numbers of docs/sixteen_bits.md."""
    assert counted_by_gaps(dtype, range(SHORT[dtype][1])) == expected


@implementations
def test_float32_obeys_it_at_the_corners_of_all_pairs_of_binades(implementation):
    grid = corner_pairs(torch.float32)
    found = sweep(grid, range(0, len(grid.steps), 5), implementation=implementation)
    assert found.cases > 9_000_000
    check(found, torch.float32)


@short
@implementations
def test_steps_between_the_numbers_of_16_bits_obey_it_too(dtype, implementation):
    """Those of float32, which a 16-bit Grams subtracts before it rounds: a second rounding can be seen then."""
    grid = corner_pairs(dtype)
    found = sweep(grid, range(0, len(grid.steps), 37), implementation=implementation)
    assert found.counts.wrong_way == 0, found.counts.first_wrong_way
    assert found.counts.misrounded == 0, found.counts.first_misrounded


def rescaled(w, d):
    """w − d on paper, but through w/49: it rounds w on the way."""
    return 49 * (w / 49 - d / 49)


@formats
def test_a_planted_fault_another_order_of_operations_breaks_it(dtype):
    w = torch.linspace(1, 100, 1000).to(dtype)
    d = torch.full_like(w, torch.finfo(dtype).tiny)
    assert bool((w - d <= w).all())
    assert not bool((rescaled(w, d) <= w).all())


def test_without_monotone_rounding_it_is_not_proved():
    def argument(p):
        after, eta, step = reals("w⁺ η d")
        p.conclude("g > 0", [eta >= 0, sp.Eq(after, reals("w")[0] - step)])

    attempt = prove(replace(by_id("rounding-direction"), formal=formal, prove=argument))
    assert "the implication is false" in str(attempt.failure)
