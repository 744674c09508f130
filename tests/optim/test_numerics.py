"""Production steps against the arbitrary-precision twin: no rounding error beyond what is derived for it.

`Enclosure` is the derivation: a ball that holds whatever the roundings of an implementation may make of a step. The
twin's exact step must lie in it, and so must production's.
"""

import math
from functools import cache

import pytest
import torch
from flint import arb

from grams_theory import optim
from grams_theory.core.errors import UsageError
from grams_theory.optim import _fused
from grams_theory.testing.enclosure import Arithmetic, Enclosure
from grams_theory.testing.twin import Twin, definition, numbers

IMPLEMENTATIONS = {
    "loop": {"foreach": False},
    "foreach": {"foreach": True},
    "fused": {"fused": True},
    "on the device": {"foreach": False, "capturable": True},
}
"""The last has its step count and its bias corrections in float32."""
FORMATS = {
    "float64": (torch.float64, None),
    "float32": (torch.float32, None),
    "bfloat16": (torch.bfloat16, None),
    "float16": (torch.float16, None),
    "bfloat16, float32 moments": (torch.bfloat16, torch.float32),
    "float16, float32 moments": (torch.float16, torch.float32),
    "float32, bfloat16 moments": (torch.float32, torch.bfloat16),
}
BETAS = [(0.9, 0.999), (0.1, 0.5), (0.0, 0.95), (0.5, 0.0)]
COUNTS = (0, 1, 9, 999, 10**6 - 1)
"""Steps that an optimizer has made before."""
OPTIONS = ({}, {"weight_decay": 0.1, "maximize": True}, {"amsgrad": True, "lr": 30.0})
EPS = {torch.float16: 1e-4}
"""Not 0 in float16, as 1e-8 is."""

implementations = pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
formats = pytest.mark.parametrize("format", FORMATS)


@pytest.fixture
def built(make):
    """built(w, implementation, format, **keywords): the optimizer, with the eps of its format; what it does not know of
    the keywords is left out."""

    def build(w, implementation, format, **keywords):
        return prepared(make, w, implementation, format, **keywords)

    return build


def prepared(make, w, implementation, format, **keywords):
    if implementation == "fused" and (reason := _fused.refusal([w])):
        pytest.skip(reason)
    optimizer = make([w], **IMPLEMENTATIONS[implementation], state_dtype=FORMATS[format][1])
    group = optimizer.param_groups[0]
    keywords = {"eps": EPS.get(w.dtype, 1e-8), **keywords}
    group.update({name: value for name, value in keywords.items() if name in group})
    return optimizer


def spread(size, dtype, generator, share=1.0):
    """Zeros, and numbers of any sign and any size: from the smallest of the format to that power of the largest."""
    limits = torch.finfo(dtype)
    low, high = math.log2(limits.smallest_normal * limits.eps), share * math.log2(limits.max)
    exponent = low + (high - low) * torch.rand(size, generator=generator, dtype=torch.float64)
    x = torch.randn(size, generator=generator, dtype=torch.float64).sign() * 2**exponent
    x[torch.rand(size, generator=generator) < 0.1] = 0
    return x.to(dtype)


def chosen(generator, *options):
    """Each entry from one of the options."""
    pick = torch.randint(len(options), options[0].shape, generator=generator)
    return torch.stack([x.double() for x in options]).gather(0, pick.unsqueeze(0)).squeeze(0)


@cache
def adversary(dtype, moments, beta1, seed, size=20):
    """w, g, m, v, and the largest v: moments that cancel with the gradient up to their last bits, or have nothing to
    do with it, subnormal numbers, zeros, squares and steps that overflow."""
    generator, largest = torch.Generator().manual_seed(seed), torch.finfo(moments).max
    w, g, other = (spread(size, dtype, generator, share) for share in (1, 0.52, 0.7))
    cancelling = (-(1 - beta1) / max(beta1, 1e-3) * g.double()).to(moments)
    beside = torch.nextafter(cancelling.float(), other.float()).to(moments)
    m = chosen(generator, cancelling, beside, -g, 8 * g, other, torch.zeros_like(g)).to(moments)
    square = torch.maximum(g.double().abs(), m.double().abs()) ** 2
    v = chosen(generator, square, 1e-3 * square, other.double().abs(), torch.zeros(size)).clamp(max=largest)
    more = chosen(generator, v, 4 * v).clamp(max=largest)
    return w, g, m, v.to(moments), more.to(moments)


def at(optimizer, p, count, *moments):
    """Put the optimizer's state for p where it would be after so many steps."""
    p.grad = torch.zeros_like(p)
    optimizer.step()
    state = optimizer.state[p]
    state["step"].fill_(count)
    for name, value in zip(("exp_avg", "exp_avg_sq", "max_exp_avg_sq"), moments, strict=True):
        if name in state:
            state[name].copy_(value)


class Outcome:
    """One production step from the present state, its exact twin, and the ball of everything that rounding allows."""

    def __init__(self, optimizer, p):
        wanted, how, state = definition(optimizer), Arithmetic.of(optimizer, p), optimizer.state[p]
        twin, self.enclosure = Twin(wanted), Enclosure(wanted, how)
        if state:
            twin.load(state)
            self.enclosure.load(state)
        before, g = numbers(p), numbers(p.grad)
        self.exact, self.balls = twin.step(before, g), self.enclosure.step(before, g)
        optimizer.step()
        self.after = p.detach().double().flatten().tolist()

    @property
    def bounded(self):
        """(exact, ball, after) of each coordinate that has a bound."""
        ends = zip(self.exact, self.balls, self.after, strict=True)
        return [(x, ball, y) for x, ball, y in ends if ball.is_finite()]

    @property
    def held(self):
        """Whether no bounded coordinate leaves its ball, neither the exact one nor production's."""
        return all(
            math.isfinite(y) and ball.contains(x) and ball.contains(arb(y)) for x, ball, y in self.bounded
        )

    @property
    def worst(self):
        """The largest error over its bound."""
        pairs = [(abs(arb(y) - x).upper(), abs(ball - x).upper()) for x, ball, y in self.bounded]
        return max((float(error / bound) for error, bound in pairs if bound > 0), default=0.0)


@formats
@implementations
def test_no_step_from_any_state_leaves_its_enclosure(built, implementation, format):
    dtype, moments = FORMATS[format]
    bounded = 0
    for seed, count in enumerate(COUNTS):
        betas = BETAS[seed % len(BETAS)]
        w, g, *state = adversary(dtype, moments or dtype, betas[0], seed)
        p = torch.nn.Parameter(w.clone())
        optimizer = built(p, implementation, format, betas=betas, **OPTIONS[seed % len(OPTIONS)])
        at(optimizer, p, count, *state)
        p.data, p.grad = w.clone(), g
        outcome = Outcome(optimizer, p)
        assert outcome.held
        bounded += len(outcome.bounded)
    assert bounded > 10 * len(COUNTS)


def surely_bounded(optimizer, w, g, m, v):
    """Where nothing can overflow or be divided by 0: squares, moments, weights, |m_hat|/eps and lr times it are at most
    an eighth of the largest number, and eps is a normal number. Shape (D,)."""
    wanted, how = definition(optimizer), Arithmetic.of(optimizer, w)
    formats = (how.kernel, how.weights, how.moments, how.between)
    largest, smallest = (
        f(getattr(torch.finfo(x.dtype), y) for x in formats) / 8 for f, y in ((min, "max"), (max, "tiny"))
    )
    w, g, m, v = (x.double().abs() for x in (w.detach(), g, m, v))
    g = g + wanted.weight_decay * w * wanted.penalty
    sizes = [w, g, m, v]
    if wanted.adam:
        m_hat = (m + g) / (1 - wanted.betas[0])
        sizes += [m_hat / wanted.eps, max(wanted.lr, 1.0) * m_hat / wanted.eps]
        assert wanted.eps > smallest
    return (torch.stack(sizes) <= largest).all(0) & (g <= largest**0.5)


@formats
@implementations
def test_wherever_nothing_can_overflow_there_is_a_bound(built, implementation, format):
    dtype, moments = FORMATS[format]
    w, g, m, v, more = adversary(dtype, moments or dtype, 0.9, 17, size=60)
    p = torch.nn.Parameter(w.clone())
    optimizer = built(p, implementation, format, lr=30.0, weight_decay=0.01)
    at(optimizer, p, 9, m, v, more)
    p.data, p.grad = w.clone(), g
    tame = surely_bounded(optimizer, p, g, m, v)
    finite = torch.tensor([ball.is_finite() for ball in Outcome(optimizer, p).balls])
    assert finite[tame].all()
    assert tame.sum() > 10


@formats
@implementations
def test_no_run_leaves_its_enclosure(built, implementation, format, history):
    """30 steps from zero state; moments and weights carry the errors of all steps before."""
    dtype, _ = FORMATS[format]
    p = torch.nn.Parameter(torch.linspace(-2, 2, 8).to(dtype))
    optimizer = built(p, implementation, format, weight_decay=0.01)
    wanted = definition(optimizer)
    twin, enclosure = Twin(wanted), Enclosure(wanted, Arithmetic.of(optimizer, p))
    exact = balls = numbers(p)
    for g in history(30, 8, dtype=torch.float64).clamp(-30, 30).to(dtype):
        p.grad = g
        optimizer.step()
        exact, balls = twin.step(exact, numbers(g)), enclosure.step(balls, numbers(g))
        for x, ball, y in zip(exact, balls, numbers(p), strict=True):
            assert not ball.is_finite() or (ball.contains(x) and ball.contains(y))


HAND_COUNT = {
    ("float64", "loop"): 15.5,
    ("float64", "fused"): 15.5,
    ("float32", "loop"): 13,
    ("float32", "foreach"): 13,
    ("float32", "fused"): 11,
    ("float32", "on the device"): 18,
    ("bfloat16", "loop"): 5,
    ("bfloat16", "foreach"): 8.5,
    ("float16", "loop"): 5,
    ("float16", "foreach"): 8.5,
    ("bfloat16, float32 moments", "loop"): 13,
    ("bfloat16, float32 moments", "fused"): 11,
    ("float32, bfloat16 moments", "foreach"): 13,
}
"""Roundings of a step whose m and g agree in sign, without underflow: docs/numerics.md counts them one by one."""


@pytest.mark.parametrize("name", ["Adam", "AdamW", "Grams", "CautiousAdam"])
@pytest.mark.parametrize(("format", "implementation"), HAND_COUNT)
def test_a_step_without_cancellation_has_the_relative_error_that_the_hand_counts(
    name, format, implementation
):
    """Weights of 0 show the step by itself: of the bound the ball adds only what is second order in the roundoff, and
    in 16 bits the float32 roundings within an operation. At least 3/5 of it can be reached by the ball."""
    dtype, _ = FORMATS[format]
    generator = torch.Generator().manual_seed(0)
    p = torch.nn.Parameter(torch.zeros(200, dtype=dtype))
    optimizer = prepared(optim.by_name(name), p, implementation, format, eps=2.0**-20)
    g, m, v = torch.rand(3, 200, generator=generator).add(0.5)
    at(optimizer, p, 10**5, m, v, v)
    p.data.zero_()
    p.grad = g.to(dtype)
    outcome = Outcome(optimizer, p)
    step = outcome.enclosure.unrounded
    unit = Arithmetic.of(optimizer, p).between.unit
    ends = zip(step, outcome.exact, strict=True)
    roundings = [float(abs(ball - x).upper() / abs(x).lower()) / unit for ball, x in ends]
    count = HAND_COUNT[format, implementation]
    assert 0.6 * count < max(roundings) <= count * (1 + 20 * count * unit) + 2.0**-10


def spoil_rate(group, state):
    group["lr"] *= 1 + 40 * 2.0**-24


def spoil_beta(group, state):
    group["betas"] = (0.9, float(torch.tensor(0.999)))


def spoil_eps(group, state):
    group["eps"] *= (1 - 0.999**11) ** -0.5


def spoil_count(group, state):
    state["step"] -= 1


def spoil_sign(group, state):
    state["exp_avg"].neg_()


def spoil_nothing(group, state):
    pass


@pytest.mark.parametrize(
    ("fault", "caught"),
    [
        (spoil_rate, True),
        (spoil_beta, True),
        (spoil_eps, True),
        (spoil_count, True),
        (spoil_sign, True),
        (spoil_nothing, False),
    ],
)
@pytest.mark.parametrize("implementation", ["loop", "foreach", "fused"])
def test_a_fault_that_is_larger_than_rounding_leaves_the_enclosure(implementation, fault, caught):
    """A rate 40 roundings too large, beta2 rounded to float32, eps beside the uncorrected root, a step too few."""
    generator = torch.Generator().manual_seed(0)
    p = torch.nn.Parameter(torch.zeros(100))
    optimizer = prepared(optim.Adam, p, implementation, "float32", eps=1e-3)
    g, m, v = torch.rand(3, 100, generator=generator).mul(1e-3)
    at(optimizer, p, 10, m, v, v)
    p.data.zero_()
    p.grad = g
    wanted, state = definition(optimizer), optimizer.state[p]
    twin, enclosure = Twin(wanted), Enclosure(wanted, Arithmetic.of(optimizer, p))
    twin.load(state)
    enclosure.load(state)
    exact, balls = twin.step(numbers(p), numbers(g)), enclosure.step(numbers(p), numbers(g))
    fault(optimizer.param_groups[0], state)
    optimizer.step()
    assert all(ball.contains(x) for ball, x in zip(balls, exact, strict=True))
    assert all(ball.contains(x) for ball, x in zip(balls, numbers(p), strict=True)) is not caught


@pytest.mark.parametrize("name", ["Adam", "AdamW"])
def test_the_twin_is_torch_s_own_optimizer_with_every_keyword(name, history):
    """Held against torch.optim in float64, whose steps have less than 16 roundings each: 12 of them, on numbers < 2."""
    options = {"lr": 0.01, "weight_decay": 0.1, "amsgrad": True, "maximize": True}
    p, q = (torch.nn.Parameter(torch.linspace(-1, 1, 16, dtype=torch.float64)) for _ in range(2))
    twin, w = Twin(definition(optim.by_name(name)([p], **options))), numbers(p)
    theirs = getattr(torch.optim, name)([q], **options)
    for g in history(12, 16, dtype=torch.float64):
        q.grad = g
        theirs.step()
        w = twin.step(w, numbers(g))
    assert twin.base.largest != twin.base.v
    assert all(abs(x - y) < 12 * 16 * 2.0**-53 * 2 for x, y in zip(w, numbers(q), strict=True))


def test_only_optimizers_of_this_package_have_a_twin():
    with pytest.raises(UsageError, match="SGD is none of ours"):
        definition(torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))]))


@pytest.mark.parametrize(("format", "implementation"), HAND_COUNT)
def test_the_bounds_are_no_looser_than_eight_times_what_is_seen(format, implementation):
    """The largest error over its bound, of steps from 0 late in a run: a looser bound would let faults through."""
    dtype, _ = FORMATS[format]
    generator = torch.Generator().manual_seed(1)
    p = torch.nn.Parameter(torch.zeros(400, dtype=dtype))
    optimizer = prepared(optim.Grams, p, implementation, format)
    g, m, v = torch.randn(3, 400, generator=generator)
    at(optimizer, p, 10**5, m, v.abs(), v.abs())
    p.data.zero_()
    p.grad = g.to(dtype)
    assert 1 / 8 < Outcome(optimizer, p).worst <= 1
