"""The fused kernels compute the rule, whatever the dtypes, layouts and sizes.

Everything here holds for each kernel: C++ on the CPU, Triton on CUDA, and Triton interpreted on the CPU, which
`test_fused_cuda.py` asks for by running this file again with TRITON_INTERPRET=1.
"""

import math
import os
from dataclasses import replace
from itertools import product

import pytest
import torch
from torch import Tensor

from grams_theory.optim import _fused, rule
from grams_theory.optim._fused import cuda
from tests.optim.fused_cases import (
    BF16,
    DTYPES,
    F16,
    F32,
    F64,
    LION,
    PLAIN,
    UPDATES,
    Problem,
    problem,
    same,
    tiny,
    worst,
)

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
BLOCK = 512
SIZES = (0, 1, BLOCK + 1) if INTERPRETED else (0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 5)
LR = 0.01

pytestmark = pytest.mark.filterwarnings(
    "ignore:invalid value:RuntimeWarning", "ignore:divide by:RuntimeWarning"
)


@pytest.fixture(autouse=True)
def kernel(monkeypatch):
    """CPU tensors go to Triton where it interprets its kernels."""
    if INTERPRETED:
        monkeypatch.setitem(_fused.KERNELS, "cpu", cuda)
        monkeypatch.setattr(cuda, "BLOCK", BLOCK)


@pytest.fixture(params=["cpu", *[pytest.param("cuda", marks=pytest.mark.gpu)] * torch.cuda.is_available()])
def device(request):
    return request.param


def each(table):
    return pytest.mark.parametrize("update", table.values(), ids=table.keys())


@pytest.mark.parametrize(
    "dtypes", DTYPES[::3] if INTERPRETED else DTYPES, ids=lambda each: "-".join(str(x)[6:] for x in each)
)
@each(UPDATES)
def test_a_step_is_the_rule_within_its_rounding(update, dtypes, device):
    before = problem(update, SIZES, dtypes, device)
    assert worst(update, before, before.stepped(_fused.step_, update, lr=LR), lr=LR) <= 1


@each(UPDATES if not INTERPRETED else {"rescaled": UPDATES["rescaled"], "lion": UPDATES["lion"]})
def test_a_long_tensor_is_stepped_to_its_end(update, device, monkeypatch):
    monkeypatch.setattr(cuda, "BLOCK", 8192)
    before = problem(update, (2**17 + 3, 7), device=device)
    assert worst(update, before, before.stepped(_fused.step_, update, lr=LR), lr=LR) <= 1


def test_many_tensors_are_stepped_each_with_its_own_count(device):
    before = problem(PLAIN, [1 + i % 7 for i in range(30 if INTERPRETED else 200)], device=device)
    assert worst(PLAIN, before, before.stepped(_fused.step_, PLAIN, lr=LR), lr=LR) <= 1


@each({name: UPDATES[name] for name in ("grams", "rescaled penalty", "amsgrad", "lion rescaled")})
def test_a_step_does_not_depend_on_where_an_element_stands(update, device):
    before = problem(update, (3 * BLOCK + 5,), device=device)
    order = torch.randperm(3 * BLOCK + 5, generator=torch.Generator().manual_seed(1)).to(device)
    moved = before.map(lambda x: x[order]).stepped(_fused.step_, update, lr=LR)
    assert same(moved, before.stepped(_fused.step_, update, lr=LR).map(lambda x: x[order]))


@each(UPDATES)
def test_a_gradient_of_which_even_the_square_vanishes_still_moves(update, device):
    """In float32: a mask that multiplied u by g would be 0."""
    before = tiny(update, (BLOCK + 1, 7), device)
    assert worst(update, before, before.stepped(_fused.step_, update, lr=LR), lr=LR) <= 1


@each(UPDATES)
def test_a_gradient_is_divided_by_its_scale(update, device):
    before = problem(update, (BLOCK + 1, 7), device=device)
    scale = torch.tensor([3.0], device=device)
    after = before.stepped(_fused.step_, update, lr=LR, grad_scale=scale)
    assert worst(update, before, after, lr=LR, grad_scale=3.0) <= 1


@pytest.mark.parametrize("update", [UPDATES["rescaled"], UPDATES["amsgrad"], LION])
def test_nothing_changes_where_a_gradient_was_infinite(update, device):
    before = problem(update, (BLOCK + 1, 7), device=device)
    steps = {
        found: before.stepped(_fused.step_, update, lr=LR, found_inf=torch.tensor([found], device=device))
        for found in (0.0, 1.0)
    }
    assert same(steps[1.0], before)
    assert same(steps[0.0], before.stepped(_fused.step_, update, lr=LR))


@pytest.mark.parametrize("lr", [torch.tensor(0.125), torch.tensor([0.125], dtype=F64)])
def test_a_tensor_lr_and_tensor_counts_are_their_numbers(lr, device):
    before = problem(PLAIN, (9, 4), device=device)
    as_numbers = before.stepped(_fused.step_, PLAIN, lr=0.125)
    before.t = [torch.tensor(float(t), device=device) for t in before.t]
    as_tensors = before.stepped(_fused.step_, PLAIN, lr=lr.to(device))
    # 1 - beta^t in float64 from either side differs by a few units of float64, the step by one of float32
    for x, y in zip(as_numbers.w, as_tensors.w, strict=True):
        assert ((x - y).abs() <= 2.0**-22 * x.abs().clamp(min=1)).all()


# ---- layouts

LAYOUTS = {
    "plain": lambda x: x.clone(),
    "transposed": lambda x: x.transpose(0, 1).clone(memory_format=torch.contiguous_format).transpose(0, 1),
    "channels last": lambda x: x.clone(memory_format=torch.channels_last),
    "with gaps": lambda x: torch.stack([x, x], dim=-1)[..., 0],
    "backwards": lambda x: (
        x.permute(3, 2, 1, 0).clone(memory_format=torch.contiguous_format).permute(3, 2, 1, 0)
    ),
    "offset": lambda x: torch.cat([x.new_zeros(1), x.flatten()])[1:].view_as(x),
}


@pytest.mark.parametrize("update", [UPDATES["rescaled penalty"], UPDATES["amsgrad"], LION])
@pytest.mark.parametrize(("parameter", "others"), [*product(LAYOUTS, LAYOUTS)][:: 5 if INTERPRETED else 1])
def test_the_layouts_do_not_matter(parameter, others, update, device):
    shape = (3, 4, 1, 5)
    before = problem(update, (math.prod(shape),), device=device).map(lambda x: x.view(shape))
    odd = before.map(LAYOUTS[others])
    odd.w = list(map(LAYOUTS[parameter], before.w))
    plain = before.stepped(_fused.step_, update, lr=LR)
    _fused.step_(update, odd.w, odd.g, odd.moments, t=odd.t, lr=LR)
    assert same(odd, plain)


@pytest.mark.parametrize("name", ["expanded", "negated"])
def test_a_gradient_is_read_through_its_view(name, device):
    before = problem(PLAIN, (4,), device=device)
    before.g = [torch.full((4,), -0.5, device=device)]
    plain = before.stepped(_fused.step_, PLAIN, lr=LR)
    before.g = [
        torch.tensor([-0.5], device=device).expand(4)
        if name == "expanded"
        else torch.full((4,), 0.5j, device=device).conj().imag
    ]
    g, twin = before.g[0], before.map(Tensor.clone)
    _fused.step_(PLAIN, twin.w, [g], twin.moments, t=twin.t, lr=LR)
    assert same(twin, plain)
    assert (g == -0.5).all()


def test_elements_that_share_memory_are_refused(device):
    shared = torch.ones(1, 2, device=device).expand(3, 2)
    dense = [torch.zeros(3, 2, device=device) for _ in range(3)]
    assert "share memory" in (_fused.refusal([dense[0], shared]) or "")
    with pytest.raises(RuntimeError, match="share memory"):
        _fused.step_(PLAIN, [shared], dense[:1], [[x] for x in dense[1:]], t=[1], lr=LR)
    with pytest.raises(RuntimeError, match="share memory"):
        _fused.step_(LION, dense[:1], dense[1:2], [[shared]], t=[1], lr=LR)
    assert not any(x.any() for x in dense)


def test_no_tensors_are_no_work():
    _fused.step_(PLAIN, [], [], [[], []], t=[], lr=LR)


# ---- what a step does to its tensors


def test_autograd_sees_that_parameters_and_moments_changed(device):
    after = problem(PLAIN, (3,), device=device)
    tensors = [*after.w, *after.g, *after.moments[0], *after.moments[1]]
    versions = [x._version for x in tensors]
    w = after.w[0].requires_grad_()
    loss = (w * w).sum()
    with torch.no_grad():
        _fused.step_(PLAIN, after.w, after.g, after.moments, t=after.t, lr=LR)
    assert [x._version > old for x, old in zip(tensors, versions, strict=True)] == [True, False, True, True]
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


MISFITS = {
    "gradients have other shapes": lambda x: (x.w, [x.g[0][1:]], x.moments),
    "moments have other shapes": lambda x: (x.w, x.g, [x.moments[0], [x.moments[1][0].view(2, 2)]]),
    "the update has 2 moments, got 1": lambda x: (x.w, x.g, x.moments[:1]),
    "bfloat16 gradients": lambda x: (x.w, [x.g[0].to(BF16)], x.moments),
    "float16 moments": lambda x: (x.w, x.g, [[m.to(F16) for m in kind] for kind in x.moments]),
    "moments are of .*float64": lambda x: (x.w, x.g, [x.moments[0], [x.moments[1][0].double()]]),
    "complex64 parameters": lambda x: ([x.w[0].to(torch.complex64)], x.g, x.moments),
    "gradients are of .*meta": lambda x: (x.w, [x.g[0].to("meta")], x.moments),
}


@pytest.mark.parametrize("message", MISFITS)
def test_tensors_that_do_not_fit_are_refused_before_anything_is_written(message):
    before = problem(PLAIN, (4,))
    w, g, moments = MISFITS[message](before)
    with pytest.raises(ValueError, match=message):
        _fused.step_(PLAIN, w, g, moments, t=[1], lr=LR)
    assert same(before, problem(PLAIN, (4,)))


@pytest.mark.parametrize("dtype", [torch.int32, torch.float8_e5m2, torch.complex64])
def test_other_dtypes_are_refused(dtype):
    text = _fused.refusal([torch.ones(1), torch.empty(1, dtype=dtype)])
    assert (text is None) == (dtype == torch.complex64)  # pairs of float32


def test_other_devices_are_refused():
    assert "got one on meta" in (_fused.refusal([torch.ones(1), torch.ones(1, device="meta")]) or "")


# ---- numbers that are none

SPECIAL = (0.0, -0.0, 1.0, -2.0, math.inf, -math.inf, math.nan)
SQUARES = (0.0, 1.0, math.inf, math.nan)


@pytest.mark.parametrize("eps", [0.0, 1.0])
@each({name: update for name, update in UPDATES.items() if not update.rescaled})
def test_infinities_zeros_and_nan_go_where_the_rule_sends_them(update, eps, device):
    grid = [
        torch.tensor(x, device=device) for x in zip(*product(SPECIAL, SPECIAL, SPECIAL, SQUARES), strict=True)
    ]
    w, g, m, v = grid
    update = replace(update, eps=eps if update.base == "adam" else 0.0)
    before = Problem([w], [g], [[m], [v], [v.flip(0)]][: update.moments], [3])
    after = before.stepped(_fused.step_, update, lr=0.5)
    by_rule = before.stepped(rule_, update, lr=0.5)
    for found, right in zip(after.written, by_rule.written, strict=True):
        assert torch.equal(found.isnan(), right.isnan())
        assert torch.equal(found.isinf() * found.sign(), right.isinf() * right.sign())
        finite = right.isfinite()
        assert torch.equal(found[finite].sign(), right[finite].sign())
        assert (
            (found - right)[finite].abs() <= 64 * 2.0**-24 * right[finite].abs()
        ).all()  # < 64 roundings, no cancellation


def rule_(update, w, g, moments, *, t, lr):
    """One step by `grams_theory.optim.rule`."""
    for x, gradient, count, *row in zip(w, g, t, *moments, strict=True):
        gradient = -gradient if update.maximize else gradient
        if update.l2_penalty:
            gradient = rule.penalise(x, gradient, update.weight_decay)
        else:
            rule.decay_(x, lr, update.weight_decay)

        def direction(u, g):
            return rule.ams(u, g, update.lam)

        if update.base == "lion":
            rule.lion_(x, gradient, *row, betas=update.betas, lr=lr, direction=direction)
        else:
            rate, root = rule.bias(count, lr, update.betas)
            numbers = {"betas": update.betas, "eps": update.eps, "rate": rate, "root": root}
            rule.adam_(x, gradient, *row, **numbers, direction=direction)


@each({name: update for name, update in UPDATES.items() if update.rescaled})
def test_a_mask_s_mean_counts_exactly(update, device, monkeypatch):
    """One coordinate of 2^12 agrees; in float16 a mean of few ones would round, and a sum of many overflow."""
    n = 2**12
    monkeypatch.setattr(cuda, "BLOCK", 8192)
    for aligned in (1, n - 1, n):
        g = torch.ones(n, dtype=F16, device=device)
        m = torch.where(torch.arange(n, device=device) < aligned, 1.0, -50.0).to(F16)
        if update.maximize:
            g = -g
        squares = [[torch.ones(n, dtype=F32, device=device)] for _ in range(update.moments - 1)]
        w = torch.zeros(n, dtype=F16, device=device)
        before = Problem([w], [g], [[m.float()], *squares], [1])
        after = before.stepped(_fused.step_, replace(update, weight_decay=0.0), lr=2.0**-10)
        assert worst(replace(update, weight_decay=0.0), before, after, lr=2.0**-10) <= 1
        assert (after.w[0] != 0).sum() == aligned


# ---- stochastic rounding

HALVES = {BF16: 2.0**-7, F16: 2.0**-10}
"""The distance of 1 to the next number."""
FAILURE = 1e-9
"""Probability that a test below fails though the rounding is right, by Hoeffding's inequality."""


def dithered(numbers: Tensor, dtype, copies: int, device: str) -> Tensor:
    """Numbers of float32, each rounded `copies` times: (copies, numbers). A gradient of the number moves w from 0."""
    update = replace(LION, stochastic_rounding=True)
    rows = []
    for x in numbers.tolist():  # w <- w - lr sign(g)
        w = torch.zeros(copies, dtype=dtype, device=device)
        g, m = torch.full_like(w, -math.copysign(1, x)), torch.zeros_like(w)
        _fused.step_(update, [w], [g], [[m]], t=[1], lr=abs(x))
        rows.append(w.cpu())
    return torch.stack(rows, dim=1)


@pytest.mark.parametrize("dtype", HALVES, ids=str)
def test_stochastic_rounding_lands_on_the_neighbours_with_the_number_as_mean(dtype, device, monkeypatch):
    """copies independent numbers within one distance d: the mean is off by more than d sqrt(log(2 / p) / 2 copies)
    with a probability below p."""
    monkeypatch.setattr(cuda, "BLOCK", 4096)
    copies = 4000 if INTERPRETED else 20000
    torch.manual_seed(3)
    spacing = HALVES[dtype]
    x = torch.tensor(
        [1 + 0.3 * spacing, -1 - 0.9 * spacing, 2.0**-9 * (1 + spacing / 7), -3.0, 1e-5 / 3, 3e-8, 250.3]
    )
    found = dithered(x, dtype, copies, device).double()
    x = x.double()
    down, up = neighbours(x, dtype)
    assert ((found == down) | (found == up)).all()
    bound = (up - down) * math.sqrt(math.log(2 * len(x) / FAILURE) / (2 * copies))
    assert ((found.mean(0) - x).abs() <= bound + 2.0**-24 * (up - down)).all()
    inside = (x != down) & (x != up)
    assert (found.std(0) > 0)[inside & ((x - down) / (up - down) - 0.5).abs().lt(0.49)].all()


def neighbours(x: Tensor, dtype) -> tuple[Tensor, Tensor]:
    """The largest number of the dtype <= x, and the smallest >= x."""
    nearest = x.to(dtype)
    below, above = (torch.nextafter(nearest, torch.full_like(nearest, s * math.inf)) for s in (-1, 1))
    return (
        torch.where(nearest.double() <= x, nearest, below).double(),
        torch.where(nearest.double() >= x, nearest, above).double(),
    )


@pytest.mark.parametrize(
    "dtypes",
    [
        (BF16, BF16, F32),
        (F16, F16, F32),
        (BF16, BF16, BF16),
        (F16, F16, F16),
        (F32, F32, BF16),
        (F64, F64, BF16),
    ],
    ids=str,
)
@each({name: UPDATES[name] for name in ("grams", "amsgrad", "rescaled penalty", "lion")})
def test_a_stochastic_step_is_the_rule_within_one_distance(update, dtypes, device):
    """And differs from the step rounded to nearest exactly in what is stored in 16 bits."""
    update = replace(update, stochastic_rounding=True)
    before = problem(update, SIZES, dtypes, device)
    after = before.stepped(_fused.step_, update, lr=LR)
    assert worst(update, before, after, lr=LR) <= 1
    nearest = before.stepped(_fused.step_, replace(update, stochastic_rounding=False), lr=LR)
    for kind, other in zip((after.w, *after.moments), (nearest.w, *nearest.moments), strict=True):
        assert all(map(torch.equal, kind, other)) == (kind[0].dtype not in HALVES)


@pytest.mark.parametrize("dtype", HALVES, ids=str)
def test_weights_and_moments_are_rounded_apart_each_with_its_number_as_mean(dtype, device, monkeypatch):
    """w, m, v and the largest v all become 1 + spacing / 4; the bounds of means are as above."""
    monkeypatch.setattr(cuda, "BLOCK", 4096)
    n, spacing = 4000 if INTERPRETED else 2**16, HALVES[dtype]
    torch.manual_seed(5)
    update = replace(PLAIN, betas=(0.75, 0.75), eps=0.0, amsgrad=True, lam=1.0, stochastic_rounding=True)
    w, m, v, largest = (torch.ones(n, dtype=dtype, device=device) for _ in range(4))
    g = torch.full((n,), 1 + spacing, dtype=dtype, device=device)
    # m <- 1 + spacing / 4, v <- 1 + spacing / 2 + spacing^2 / 4, w <- 1 + m_hat / sqrt(v_hat) lr
    rate = spacing / 4 / (1 + spacing / 4) * (1 + spacing / 2 + spacing**2 / 4) ** 0.5
    correction = (1 - 0.75) / (1 - 0.75) ** 0.5  # t = 1
    _fused.step_(update, [w], [g], [[m], [v], [largest]], t=[1], lr=-rate * correction)
    positions = [((x.double() - 1) / spacing) for x in (w, m, v, largest)]
    for position, expected in zip(positions, (0.25, 0.25, 0.5 + spacing / 4, 0.5 + spacing / 4), strict=True):
        assert ((position == 0) | (position == 1)).all()
        slack = 8 * 2.0**-24 / spacing  # 8 roundings of numbers near 1, in distances
        bound = math.sqrt(math.log(2 * 4 / FAILURE) / (2 * n)) + slack
        assert abs(position.mean().item() - expected) <= bound
    centred = [x - x.mean() for x in positions]
    for i, x in enumerate(centred):
        for y in centred[:i]:  # n products of independent numbers within [-1, 1]
            assert abs((x * y).mean().item()) <= math.sqrt(2 * math.log(2 * 6 / FAILURE) / n) + 2 / n


@pytest.mark.parametrize("dtype", [F32, F64], ids=str)
def test_wide_parameters_have_nothing_to_round(dtype, device):
    before = problem(PLAIN, SIZES, (dtype,) * 3, device)
    stochastic = before.stepped(_fused.step_, replace(PLAIN, stochastic_rounding=True), lr=LR)
    assert same(stochastic, before.stepped(_fused.step_, PLAIN, lr=LR))


def test_torch_s_seed_decides_the_random_bits_and_elements_have_their_own(device):
    def run(seed):
        torch.manual_seed(seed)
        w = [torch.ones(2 * BLOCK, dtype=BF16, device=device) for _ in range(2)]
        g = [torch.ones_like(x) for x in w]
        m = [torch.zeros_like(x) for x in w]
        _fused.step_(replace(LION, stochastic_rounding=True), w, g, [m], t=[1, 1], lr=2.0**-9)
        return torch.stack(w)

    first, second = run(0), run(0)
    assert torch.equal(first, second)
    assert not torch.equal(first, run(1))
    blocks = [*first.view(-1, BLOCK)]
    assert all(not torch.equal(x, y) for i, x in enumerate(blocks) for y in blocks[:i])


@pytest.mark.parametrize("dtype", HALVES, ids=str)
def test_stochastic_rounding_keeps_what_is_not_between_two_numbers(dtype, device):
    largest = torch.finfo(dtype).max
    update = replace(LION, stochastic_rounding=True)
    w = torch.tensor(
        [math.inf, -math.inf, math.nan, 0.0, -0.0, largest, -largest], dtype=dtype, device=device
    )
    before, zeros = w.clone(), torch.zeros_like(w)
    _fused.step_(update, [w], [zeros], [[zeros.clone()]], t=[1], lr=1.0)
    assert torch.equal(w.nan_to_num(7, 8, 9), before.nan_to_num(7, 8, 9))
