"""16-bit parameters and moments: float32 arithmetic, each number rounded once when it is stored."""

import pytest
import torch

from grams_theory import optim
from grams_theory.optim._low_precision import ROUNDINGS

HALVES = pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
PLAIN = pytest.mark.parametrize("foreach", [False, True])


def neighbours(dtype) -> tuple[torch.Tensor, torch.Tensor]:
    """Every two neighbours of a 16-bit format, the one nearer to 0 first, both signs, in float64."""
    bits = torch.arange(2**15, dtype=torch.int32).to(torch.int16).view(dtype).double()
    positive = bits[bits.isfinite()]
    low, high = positive[:-1], positive[1:]
    return torch.cat([low, -low]), torch.cat([high, -high])


def assert_unbiased(rounding, dtype, position: float) -> None:
    """On each interval of the format. Six standard deviations of the count: a good rounding fails by 2e-9."""
    torch.manual_seed(0)
    low, high = neighbours(dtype)
    x = low + position * (high - low)
    assert (x.float().double() == x).all()
    rounded = rounding(x.float()).double()
    up = rounded == high
    assert (up | (rounded == low)).all()
    expected, deviation = position * len(x), (position * (1 - position) * len(x)) ** 0.5
    assert abs(up.sum().item() - expected) <= 6 * deviation


@HALVES
@pytest.mark.parametrize("position", [0.0, 2.0**-8, 0.25, 0.5, 1 - 2.0**-8])
def test_stochastic_rounding_goes_to_a_neighbour_with_the_probability_of_its_position(dtype, position):
    assert_unbiased(ROUNDINGS[dtype], dtype, position)


@HALVES
def test_the_check_of_rounding_can_fail(dtype):
    def dithered(x):
        return (x + torch.finfo(dtype).eps * (torch.rand_like(x) - 0.5) * x.abs()).to(dtype)

    for wrong in (lambda x: x.to(dtype), dithered):
        with pytest.raises(AssertionError):
            assert_unbiased(wrong, dtype, 0.25)


@HALVES
def test_stochastic_rounding_keeps_what_is_no_number_and_the_sign_of_zero(dtype):
    x = torch.tensor([float("inf"), -float("inf"), float("nan"), 0.0, -0.0])
    rounded = ROUNDINGS[dtype](x)
    assert torch.equal(rounded[[0, 1, 3, 4]].float(), x[[0, 1, 3, 4]])
    assert rounded[2].isnan()
    assert torch.equal(rounded.signbit()[3:], x.signbit()[3:])


@PLAIN
@HALVES
@pytest.mark.parametrize("state_dtype", [torch.float32, torch.bfloat16], ids=str)
def test_the_step_is_that_of_float32_rounded_once(make, dtype, state_dtype, foreach, history, advance):
    """Against a float32 run whose weights, and moments, are rounded after each step."""
    start = torch.linspace(-2, 2, 60).to(dtype)
    p, q = torch.nn.Parameter(start.clone()), torch.nn.Parameter(start.float())
    options = {"lr": 0.01, "weight_decay": 0.1}
    narrow = make([p], state_dtype=state_dtype, foreach=foreach, **options)
    wide = make([q], foreach=foreach, **options)
    for g in history(8, 60, dtype=dtype):
        advance(narrow, [p], [[g]])
        advance(wide, [q], [[g.float()]])
        with torch.no_grad():
            q.copy_(q.to(dtype))
            for name in wide.moments:
                wide.state[q][name].copy_(wide.state[q][name].to(state_dtype))
        assert torch.equal(p.float(), q)
        for name in narrow.moments:
            assert narrow.state[p][name].dtype == state_dtype
            assert torch.equal(narrow.state[p][name].float(), wide.state[q][name])


def test_float32_parameters_may_have_bfloat16_moments(make, implementation, history, advance):
    p = torch.nn.Parameter(torch.ones(60))
    optimizer = make([p], state_dtype=torch.bfloat16, **implementation)
    advance(optimizer, [p], [[g] for g in history(3, 60)])
    assert p.isfinite().all()
    assert {optimizer.state[p][name].dtype for name in optimizer.moments} == {torch.bfloat16}


def test_moments_stay_as_they_are_where_the_model_becomes_bfloat16(make, implementation, history, advance):
    """`module.bfloat16()` after some steps: arithmetic goes on in float32, in every implementation."""
    p = torch.nn.Parameter(torch.ones(60))
    optimizer = make([p], **implementation)
    advance(optimizer, [p], [[g] for g in history(3, 60)])
    p.data = p.data.bfloat16()
    advance(optimizer, [p], [[g.bfloat16()] for g in history(2, 60)])
    assert p.isfinite().all()
    assert {optimizer.state[p][name].dtype for name in optimizer.moments} == {torch.float32}


def test_complex_parameters_have_complex_moments(make, implementation, history, advance):
    p, q = (torch.nn.Parameter(torch.ones(9, dtype=torch.complex64)) for _ in range(2))
    gradients = [[g] for g in history(3, 9, dtype=torch.complex64)]
    given = make([p], state_dtype=torch.float32, **implementation)
    advance(given, [p], gradients)
    advance(make([q], **implementation), [q], gradients)
    assert torch.equal(p, q)
    assert given.state[p]["exp_avg"].dtype == torch.complex64


@HALVES
def test_steps_that_are_too_short_for_the_format_add_up_on_average(make, implementation, dtype, advance):
    """Each step is an eighth of the spacing at 1.5; 8 of them move n coordinates by one spacing on average. A
    coordinate's variance per step is at most a quarter of spacing^2."""
    n, steps, spacing = 2**14, 8, torch.finfo(dtype).eps
    torch.manual_seed(1)
    options = {"lr": spacing / 8, "betas": (0.5, 0.5), "state_dtype": torch.float32, **implementation}
    if "Lion" not in make([torch.ones(1)]).__class__.__name__:
        options["eps"] = 0.0
    moved = {}
    for stochastic in (False, True):
        w = torch.nn.Parameter(torch.full((n,), 1.5, dtype=dtype))
        optimizer = make([w], stochastic_rounding=stochastic, **options)
        advance(optimizer, [w], [[torch.ones_like(w)]] * steps)
        moved[stochastic] = 1.5 - w.detach().double().mean().item()
    assert moved[False] == 0
    lr_error = steps * 8 * 2.0**-24 * spacing  # u = 1 up to a few roundings
    assert abs(moved[True] - spacing) <= 6 * spacing * (steps / 4 / n) ** 0.5 + lr_error


def test_the_seed_decides_what_is_rounded_where(make, implementation, history, advance):
    def run(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        w = torch.nn.Parameter(torch.ones(500, dtype=torch.bfloat16))
        options = {"stochastic_rounding": True, "state_dtype": torch.float32, **implementation}
        advance(make([w], lr=1e-3, **options), [w], [[g] for g in history(4, 500, dtype=torch.bfloat16)])
        return w.detach()

    assert torch.equal(run(0), run(0))
    assert not torch.equal(run(0), run(1))


def test_stochastic_rounding_changes_nothing_that_is_exact(make, implementation, history, advance):
    """float32 parameters have nothing to round, and a step of length 0 leaves 16-bit ones where they are."""
    p, q, still = (torch.nn.Parameter(torch.linspace(-1, 1, 50)) for _ in range(3))
    gradients = [[g] for g in history(4, 50)]
    options = {"state_dtype": torch.float32, **implementation}
    advance(make([p], stochastic_rounding=True, **options), [p], gradients)
    advance(make([q], **options), [q], gradients)
    assert torch.equal(p, q)
    half = torch.nn.Parameter(still.detach().bfloat16())
    advance(
        make([half], lr=0.0, stochastic_rounding=True, **options),
        [half],
        [[g.bfloat16()] for (g,) in gradients],
    )
    assert torch.equal(half, still.bfloat16())


@HALVES
def test_a_second_moment_rounded_stochastically_decays_on_average(dtype, implementation, advance):
    """Each of the 400 roundings of v adds a variance of at most spacing^2 / 4 to each of n coordinates, and decays."""
    n, steps = 2**12, 400
    torch.manual_seed(2)
    w = torch.nn.Parameter(torch.ones(n, dtype=dtype))
    options = {"lr": 0.0, "eps": 1e-4, "stochastic_rounding": True, **implementation}
    optimizer = optim.Grams([w], **options)
    large = torch.full_like(w, 4 * 1000**0.5)  # v starts with 16: far above the smallest float16
    advance(optimizer, [w], [[large]] + [[torch.zeros_like(w)]] * steps)
    v = optimizer.state[w]["exp_avg_sq"]
    assert v.dtype == dtype
    start = 0.001 * large[0].double().item() ** 2
    expected, spacing = start * 0.999**steps, 16 * torch.finfo(dtype).eps
    bound = 6 * spacing * (steps / 4 / n) ** 0.5 + 3 * steps * 2.0**-24 * start
    assert abs(v.double().mean().item() - expected) <= bound < (start - expected) / 10


@pytest.mark.parametrize("name", ["Adam", "AdamW", "AMS", "CautiousAdam", "Grams"])
def test_a_second_moment_in_float32_decays_where_one_in_bfloat16_does_not(name, advance):
    """0.999 v rounds to v in bfloat16: what v was at first stays in every later step."""
    left = {}
    for state_dtype in (None, torch.float32):
        w = torch.nn.Parameter(torch.ones(1, dtype=torch.bfloat16))
        optimizer = optim.by_name(name)([w], lr=0.0, state_dtype=state_dtype)
        advance(optimizer, [w], [[torch.ones_like(w)]] + [[torch.zeros_like(w)]] * 400)
        v = optimizer.state[w]["exp_avg_sq"]
        left[state_dtype] = v.item() / torch.tensor(0.001, dtype=v.dtype).item()
    assert left[None] == 1
    assert left[torch.float32] == pytest.approx(0.999**400, rel=400 * 2.0**-23)
