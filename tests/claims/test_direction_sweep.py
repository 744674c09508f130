"""The sweep of `rounding-direction`: production passes it, and planted faults do not."""

from dataclasses import replace

import pytest
import torch

from grams_theory.claims import _direction_evidence as practice
from grams_theory.claims import _direction_sweep as module
from grams_theory.claims._direction_sweep import (
    GRADIENTS,
    Case,
    Counts,
    Grid,
    Sweep,
    corner_pairs,
    every_pair,
    sweep,
)
from grams_theory.core.errors import UnknownNameError, UsageError
from grams_theory.core.formats import PATTERNS, count, precision
from grams_theory.engine.verdict import decide
from grams_theory.optim import Grams, rule
from grams_theory.optim._tensors import Tensors

BF16 = every_pair(torch.bfloat16)
FEW = range(4071, len(BF16.steps), 4081)
"""Of bfloat16: 8 steps of all sizes, up to the largest number."""


def places(grid: Grid, *values: float) -> range:
    """The index of a step as a range, or those of two and of all between."""
    first, *_, last = (int((grid.steps.double() == value).nonzero()) for value in (values * 2)[:2])
    return range(first, last + 1)


class Subtracting(Grams):
    """Grams' step computed apart from the rule; a planted fault says how it is subtracted."""

    def _move_(self, w, g, m, v, *, t, direction, group):
        lr, (beta1, beta2), m64, v64 = group["lr"], group["betas"], m.double(), v.double()
        m.copy_(beta1 * m64 + (1 - beta1) * g.double())
        v.copy_(beta2 * v64 + (1 - beta2) * g.double() ** 2)
        u = m.double() / (1 - beta1**t) / ((v.double() / (1 - beta2**t)).sqrt() + group["eps"])
        w.copy_(self.subtract(w, self.rate(lr * u.abs(), w.dtype), g, u))

    def rate(self, size, dtype):
        return size.clamp(max=torch.finfo(dtype).max).to(dtype)

    def subtract(self, w, rate, g, u):
        return (w.double() - g.sign().double() * rate.double()).to(w.dtype)


def exactly(w, rate, g):
    return w.double() - g.sign().double() * rate.double()


class AlwaysUp(Subtracting):
    """w − d rounded towards +∞."""

    def subtract(self, w, rate, g, u):
        exact = exactly(w, rate, g)
        nearest = exact.to(w.dtype)
        return torch.where(
            nearest.double() < exact, nearest.nextafter(torch.full_like(w, torch.inf)), nearest
        )


class AwayFromTies(Subtracting):
    """Ties go away from 0."""

    def subtract(self, w, rate, g, u):
        bits = exactly(w, rate, g).float().view(torch.int32)
        return ((bits + 2**15) & -(2**16)).view(torch.float32).to(w.dtype)


class Stochastic(Subtracting):
    """w − d rounded up or down by chance."""

    def subtract(self, w, rate, g, u):
        bits = exactly(w, rate, g).float().view(torch.int32)
        gen = torch.Generator().manual_seed(0)
        return (
            ((bits + torch.randint(2**16, bits.shape, generator=gen, dtype=torch.int32)) & -(2**16))
            .view(torch.float32)
            .to(w.dtype)
        )


class OneUpWhereLost(Subtracting):
    """A step that rounding would lose moves the weight to the next number above, whatever g."""

    def subtract(self, w, rate, g, u):
        w_next = super().subtract(w, rate, g, u)
        return torch.where((w_next == w) & (g != 0), w.nextafter(torch.full_like(w, torch.inf)), w_next)


class Multiplying(Subtracting):
    """w (1 − d/w), each operation rounded."""

    def subtract(self, w, rate, g, u):
        d = g.sign() * rate
        return torch.where(w == 0, -d, w * (1 - d / w))


class Rescaling(Subtracting):
    """49 (w/49 − d/49), each operation rounded."""

    def subtract(self, w, rate, g, u):
        return 49 * (w / 49 - g.sign() * rate / 49)


class ByMomentum(Subtracting):
    """Adam: in the direction of u."""

    def subtract(self, w, rate, g, u):
        return super().subtract(w, rate, u, u)


class SignBit(Subtracting):
    """The sign of g is read off its sign bit."""

    def subtract(self, w, rate, g, u):
        return super().subtract(w, rate, torch.where(g.signbit(), -1.0, 1.0), u)


class NegativeZero(Subtracting):
    """Only −0 is taken for a negative gradient."""

    def subtract(self, w, rate, g, u):
        return super().subtract(w, rate, torch.where(g.signbit(), -1.0, g.sign()), u)


class LateSign(Subtracting):
    """The sign is taken of a product that can underflow."""

    def subtract(self, w, rate, g, u):
        return super().subtract(w, rate, g * rate * 2.0**-60, u)


class Flushing(Subtracting):
    """Subnormal results become 0."""

    def subtract(self, w, rate, g, u):
        w_next = super().subtract(w, rate, g, u)
        return torch.where(w_next.abs() < torch.finfo(w.dtype).smallest_normal, 0, w_next)


class Saturating(Subtracting):
    """The largest number instead of ±∞."""

    def subtract(self, w, rate, g, u):
        largest = torch.finfo(w.dtype).max
        return super().subtract(w, rate, g, u).clamp(-largest, largest)


class InfinityTimesZero(Subtracting):
    """η|u| is rounded before it is multiplied by sign(g): where g = 0, u is large."""

    def rate(self, size, dtype):
        return size.to(dtype)


class NotANumber(Subtracting):
    """∞ − ∞ where the step is too long."""

    def subtract(self, w, rate, g, u):
        w_next = super().subtract(w, rate, g, u)
        return torch.where(w_next.isinf(), torch.nan, w_next)


def test_the_way_in_which_faults_are_planted_is_itself_right():
    right = sweep(BF16, FEW, optimizer=Subtracting)
    assert right == sweep(BF16, FEW)
    assert right.counts.wrong_way == right.counts.misrounded == 0


TURNED_AROUND = [
    OneUpWhereLost,
    Rescaling,
    ByMomentum,
    SignBit,
    NegativeZero,
    Flushing,
    NotANumber,
    InfinityTimesZero,
]
ROUNDED_OTHERWISE = [AlwaysUp, AwayFromTies, Multiplying, Stochastic, LateSign, Saturating]
"""These obey the claim, as any monotone rounding does, but they are not the subtraction that it is about."""


@pytest.mark.parametrize("fault", TURNED_AROUND, ids=lambda c: c.__name__)
def test_a_planted_fault_that_turns_steps_around_is_caught(fault):
    counts = sweep(BF16, FEW, optimizer=fault).counts
    assert counts.wrong_way > 0
    assert counts.first_wrong_way is not None


@pytest.mark.parametrize("fault", ROUNDED_OTHERWISE, ids=lambda c: c.__name__)
def test_a_planted_fault_of_rounding_is_caught_though_it_obeys_the_claim(fault):
    counts = sweep(BF16, FEW, optimizer=fault).counts
    assert counts.wrong_way == 0
    assert counts.misrounded > 0
    assert counts.first_misrounded is not None


def test_a_planted_fault_in_the_rule_is_caught_by_both_implementations(monkeypatch):
    monkeypatch.setattr(rule, "grams", rule.unchanged)
    for implementation in practice.IMPLEMENTATIONS:
        assert sweep(BF16, FEW, implementation=implementation).counts.wrong_way > 0


def test_a_planted_fault_of_foreach_is_caught_by_foreach_alone(monkeypatch):
    """The rates of a group are handed on without their signs."""
    addcdiv_ = Tensors.addcdiv_
    monkeypatch.setattr(
        Tensors, "addcdiv_", lambda w, n, d, value: addcdiv_(w, n, d, value=[abs(x) for x in value])
    )
    assert sweep(BF16, FEW, implementation="foreach").counts.wrong_way > 0
    assert sweep(BF16, FEW, implementation="loop").counts.wrong_way == 0


def test_only_a_zero_gradient_shows_a_misread_sign_bit():
    counts = sweep(BF16, FEW, optimizer=NegativeZero).counts
    assert counts.first_wrong_way.gradient == 0
    assert str(counts.first_wrong_way.gradient) == "-0.0"


class Needle(Subtracting):
    """Wrong for one weight and one step out of 2,130,739,200."""

    def subtract(self, w, rate, g, u):
        w_next = super().subtract(w, rate, g, u)
        hit = (w == -1.5) & (rate == 2.0**-20) & (g > 0)
        return torch.where(hit, w.nextafter(torch.zeros_like(w)), w_next)


def test_a_needle_is_found_and_named_in_bit_patterns():
    around = places(BF16, 2.0**-20, 2.0**-20 * (1 + 2.0**-6))
    assert len(around) == 3
    counts = sweep(BF16, around, optimizer=Needle).counts
    case = Case(weight="0xbfc0", step="0x3580", gradient=1.0, after="0xbfbf")
    assert counts.wrong_way == counts.misrounded == 1
    assert counts.first_wrong_way == counts.first_misrounded == case
    elsewhere = sweep(BF16, range(around.start + 1, around.stop), optimizer=Needle).counts
    assert elsewhere.wrong_way == 0


@pytest.mark.parametrize("grid", practice.grids(), ids=lambda g: f"{g.weights.dtype} minus {g.steps.dtype}")
def test_loop_and_foreach_do_the_same_and_both_obey(grid):
    by_loop, by_foreach = (
        sweep(grid, practice.spread(grid), implementation=name) for name in ("loop", "foreach")
    )
    assert by_loop.counts == by_foreach.counts
    assert by_loop.counts.wrong_way == by_loop.counts.misrounded == 0
    assert 0 < by_loop.counts.lost < by_loop.counts.moving


@pytest.mark.parametrize("grid", practice.grids(), ids=lambda g: f"{g.weights.dtype} minus {g.steps.dtype}")
def test_a_grid_reaches_from_both_zeros_beyond_every_number(grid):
    info = torch.finfo(grid.weights.dtype)
    weights, steps = grid.weights.double(), grid.steps.double()
    smallest = info.smallest_normal * info.eps
    assert weights.abs().max() == info.max <= steps.max()
    assert weights[weights > 0].min() == smallest >= steps[steps > 0].min()
    assert steps[0] == 0
    assert weights[weights == 0].signbit().unique().tolist() == [False, True]


def test_a_grid_of_every_pair_holds_every_pair():
    for dtype in (torch.bfloat16, torch.float16):
        grid = every_pair(dtype)
        assert grid.cases == 2 * count(dtype) ** 2 * len(GRADIENTS)


@pytest.mark.parametrize("dtype", PATTERNS, ids=str)
def test_which_steps_are_lost_is_a_law_of_the_format(dtype):
    """A step is lost up to half the gap to the next number: 2^-p |w| at most, and over 2^-(p+1) |w| at least."""
    grid = corner_pairs(dtype) if dtype is torch.float32 else every_pair(dtype)
    unit = 2.0 ** -precision(dtype)
    near = [float((grid.steps.double() - size).abs().argmin()) for size in (unit / 2, unit)]
    counts = sweep(
        grid, range(int(near[0]) - 1, int(near[1]) + 2, max(1, int(near[1] - near[0]) // 8))
    ).counts
    assert unit / 2 < counts.smallest_kept < counts.largest_lost <= unit


def test_weights_leave_the_format_along_the_direction():
    largest = places(BF16, torch.finfo(torch.bfloat16).max)
    counts = sweep(BF16, largest).counts
    assert counts.overflowed > 0
    assert counts.wrong_way == counts.misrounded == 0


def test_parts_of_the_steps_add_up_to_the_whole():
    whole = sweep(BF16, FEW)
    parts = [sweep(BF16, part) for part in (FEW[6:], FEW[:2], FEW[2:6])]
    together = parts[0].merge(parts[1]).merge(parts[2])
    assert together.counts == whole.counts
    assert (together.steps, together.cases) == (whole.steps, whole.cases)


def test_the_size_of_chunks_changes_nothing(monkeypatch):
    few = sweep(BF16, FEW)
    monkeypatch.setitem(module.CHUNK, "cpu", 7 * len(BF16.weights) * len(GRADIENTS))
    assert sweep(BF16, FEW) == few


def test_first_cases_are_those_of_the_earlier_steps():
    at = places(BF16, 2.0**-20)
    hit, clean = sweep(BF16, at, optimizer=Needle), sweep(BF16, range(3), optimizer=Needle)
    assert clean.merge(hit).counts.first_wrong_way == hit.merge(clean).counts.first_wrong_way is not None


def test_progress_ends_at_one():
    seen = []
    sweep(BF16, FEW[:3], progress=seen.append)
    assert seen == [1 / 3, 2 / 3, 1.0]


def test_sweeps_that_do_not_belong_together_are_not_merged():
    part = Sweep("bfloat16", "bfloat16", "loop", 65_280, (range(0, 40, 2),), Counts())
    with pytest.raises(UsageError, match=r"both sweeps cover step 4 \(2 in all\)"):
        part.merge(replace(part, covered=(range(4, 7, 2),)))
    for change in (
        {"format": "float16"},
        {"implementation": "foreach"},
        {"step_format": "float32"},
        {"weights": 2},
    ):
        with pytest.raises(UsageError, match="sweep the same grid"):
            part.merge(replace(part, covered=(range(1, 7, 2),), **change))


def test_bad_arguments_are_refused():
    with pytest.raises(UsageError, match=r"choose within range\(32640\)"):
        sweep(BF16, range(32_640, 32_641))
    with pytest.raises(UnknownNameError, match="no implementation named 'for each'; did you mean foreach"):
        sweep(BF16, FEW, implementation="for each")
    with pytest.raises(UsageError, match="too many to list"):
        every_pair(torch.float32)


def test_the_evidence_counts_what_was_tried():
    table, tally = practice.measured("cpu")
    cases = table.columns.index("cases")
    assert [row[:2] for row in table.rows] == [
        tuple(str(x.dtype).removeprefix("torch.") for x in (grid.weights, grid.steps))
        for grid in practice.grids()
    ]
    assert tally.cases == sum(int(row[cases]) for row in table.rows)
    assert tally.violations == 0
    assert all(sum(counts.values()) == tally.cases for counts in tally.explored.values())


def test_a_violation_reaches_the_verdict(monkeypatch):
    """A proof says what fl(w − d) does; production that does something else leaves the claim undecided."""
    grid = replace(BF16, steps=BF16.steps[:32])
    right, wrong = (sweep(grid, optimizer=optimizer) for optimizer in (Grams, SignBit))
    assert decide("rounding-direction", [practice.tally([right])]) == "survived"
    assert decide("rounding-direction", [practice.tally([right, wrong])]) == "undecided"


@pytest.mark.gpu
@pytest.mark.parametrize("grid", practice.grids(), ids=lambda g: f"{g.weights.dtype} minus {g.steps.dtype}")
@pytest.mark.parametrize("implementation", ["loop", "foreach"])
def test_a_gpu_does_the_same(grid, implementation):
    steps = practice.spread(grid)
    assert (
        sweep(grid, steps, implementation=implementation, device="cuda").counts == sweep(grid, steps).counts
    )
