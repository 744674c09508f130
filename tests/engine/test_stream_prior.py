"""Priors: what an a-priori bound promises holds exactly, and a bound that is too small is noticed."""

from fractions import Fraction

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from grams_theory.core.algebra import dot, norm2
from grams_theory.core.rounding import UNIT, Ball, calculating
from grams_theory.engine.production import Hyper, Rig
from grams_theory.engine.stream import definitions, prior
from grams_theory.engine.stream.definitions import define_adam
from grams_theory.engine.stream.prior import Prior
from grams_theory.engine.updates import UPDATES
from grams_theory.symbolic import twin

sizes = st.floats(1e-30, 1e30)
numbers = st.one_of(st.just(0.0), sizes, sizes.map(lambda x: -x), st.integers(-8, 8).map(float))
places = st.fractions(-1, 1, max_denominator=7)


def f64(values):
    return torch.tensor(values, dtype=torch.float64)


def promised(ball: Ball) -> Fraction:
    """The radius of a ball of shape (1,) or (), exactly."""
    if not isinstance(ball, Prior):
        return Fraction(ball.rad.item())
    rest = 0 if ball.rest is None else Fraction(ball.scale) * Fraction(ball.rest.item())
    return Fraction(ball.known) * abs(Fraction(ball.mid.item())) + rest


def encloses(ball: Ball, exact: Fraction) -> bool:
    if not (ball.mid.isfinite().all() and ball.rad.isfinite().all()):
        return True
    radius = promised(ball)
    return abs(exact - Fraction(ball.mid.item())) <= radius <= Fraction(ball.rad.item())


@st.composite
def operands(draw):
    """A prior of shape (1,) and an exact number inside it."""
    mid = draw(numbers)
    known = draw(st.sampled_from([0.0, UNIT, 1e-3, 0.9]))
    rest = draw(st.sampled_from([None, 0.0, 1e-16, 2.0]))
    ball = Prior(
        f64([mid]), None if rest is None else f64([rest * abs(mid)]), known, draw(st.sampled_from([1.0, 0.3]))
    )
    return ball, Fraction(mid) + draw(places) * promised(ball)


def vectors(n):
    def together(pairs):
        balls, exact = zip(*pairs, strict=True)
        rest = torch.cat([f64([0.0]) if b.rest is None else b.rest * b.scale * (1 + 2 * UNIT) for b in balls])
        return Prior(torch.cat([b.mid for b in balls]), rest, max(b.known for b in balls)), list(exact)

    return st.lists(operands(), min_size=n, max_size=n).map(together)


def over(x, y):
    return x / y if y else Fraction(0)


OPERATIONS = {
    "x + y": (lambda x, y: x + y, lambda x, y: x + y),
    "x - y": (lambda x, y: x - y, lambda x, y: x - y),
    "x * y": (lambda x, y: x * y, lambda x, y: x * y),
    "x / y": (lambda x, y: x / y, over),
    "-x": (lambda x, y: -x, lambda x, y: -x),
    "|x|": (lambda x, y: abs(x), lambda x, y: abs(x)),
    "x x": (lambda x, y: x**2, lambda x, y: x * x),
    "|x| + y y": (lambda x, y: abs(x) + y * y, lambda x, y: abs(x) + y * y),
    "|x| |y|": (lambda x, y: abs(x) * abs(y), lambda x, y: abs(x) * abs(y)),
    "x / 3": (lambda x, y: x / 3, lambda x, y: x / 3),
    "1 / x": (lambda x, y: 1 / x, lambda x, y: over(Fraction(1), x)),
    "0.1 x": (lambda x, y: 0.1 * x, lambda x, y: Fraction(0.1) * x),
    "-x / 4": (lambda x, y: x * -0.25, lambda x, y: x / -4),
    "2 - x": (lambda x, y: 2 - x, lambda x, y: 2 - x),
    "tensor x": (lambda x, y: f64([0.1]) * x, lambda x, y: Fraction(0.1) * x),
    "with a ball": (lambda x, y: x * Ball(y.mid, y.rad) + y, lambda x, y: x * y + y),
    "widen": (lambda x, y: x.widen(1e-3), lambda x, y: x + Fraction(1e-3)),
    "unsqueeze": (lambda x, y: x.unsqueeze(-1)[0], lambda x, y: x),
    "max": (lambda x, y: x.maximum(y), max),
}


@pytest.mark.parametrize("name", OPERATIONS)
@given(x=operands(), y=operands())
@settings(deadline=None, max_examples=60)
def test_an_operation_encloses_the_exact_result(name, x, y):
    operation, exact = OPERATIONS[name]
    with calculating(Prior):
        assert encloses(operation(x[0], y[0]), exact(x[1], y[1]))


@given(x=operands())
@settings(deadline=None, max_examples=100)
def test_a_square_root_is_enclosed(x):
    with calculating(Prior):
        root = abs(x[0]).sqrt()
    low, high = (Fraction(root.mid.item()) + side * promised(root) for side in (-1, 1))
    exact = abs(x[1])
    assert (low <= 0 or low * low <= exact) and high * high >= exact


@given(x=vectors(5), y=vectors(5))
@settings(deadline=None, max_examples=40)
def test_sums_and_inner_products_are_enclosed(x, y):
    with calculating(Prior):
        assert encloses(x[0].sum(-1), sum(x[1]))
        assert encloses(abs(x[0]).sum(-1), sum(map(abs, x[1])))
        assert encloses(norm2(x[0]), sum(a * a for a in x[1]))
        assert encloses(dot(x[0], y[0]), sum(a * b for a, b in zip(x[1], y[1], strict=True)))


PLANTED = {
    "sum": lambda x, y: (x + y, lambda a, b: a + b),
    "product": lambda x, y: (x * y, lambda a, b: a * b),
    "quotient": lambda x, y: (x / y, lambda a, b: a / b),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_bound_that_forgets_roundings_is_caught(name, monkeypatch):
    monkeypatch.setattr(prior, "UNIT", 2.0**-56)
    x, y = torch.rand(2, 200, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    result, exact = PLANTED[name](Prior.exact(x), Prior.exact(y))
    pairs = zip(map(Fraction, x.tolist()), map(Fraction, y.tolist()), strict=True)
    assert not all(encloses(result[i], exact(a, b)) for i, (a, b) in enumerate(pairs))


def test_what_is_known_beforehand_costs_no_operation():
    x = Prior.exact(torch.rand(8, dtype=torch.float64))
    assert (x * x / 3).sum().sqrt().rest is None
    assert (x - 0.5).rest is None


HYPERS = [Hyper(), Hyper((0.5, 0.5), 1e-3), Hyper((0.0, 0.999), 1.0), Hyper((0.01, 0.05), 1e-3)]


def histories():
    """Gradients of shape (6, 4): random, alternating, shrinking and growing ones."""
    gen = torch.Generator().manual_seed(1)
    noise = [torch.randn(6, 4, generator=gen, dtype=torch.float64) for _ in range(12)]
    return {
        "one": noise[:1],
        "random": noise,
        "cancelling": [noise[0] * (-1.0) ** k * (1 + 1e-3 * k) for k in range(12)],
        "shrinking": [g * 0.01**k for k, g in enumerate(noise)],
        "growing": [g * 10.0**k for k, g in enumerate(noise)],
        "sparse": [g * (g > 0.5) for g in noise],
    }


HISTORIES = histories()


def by_the_twin(gradients, row, hyper):
    """u in exact arithmetic, to 256 bits, as fractions."""
    state = twin.UPDATES["adam"](tuple(map(Fraction, hyper.betas)), Fraction(hyper.eps))
    with twin.ctx.workprec(256):
        u = [state.update([Fraction(x) for x in g[row].tolist()]) for g in gradients][-1]
        mids = [twin.arb(x).mid().man_exp() for x in u]
    return [Fraction(int(m)) * Fraction(2) ** int(e) for m, e in mids]


@pytest.mark.parametrize("hyper", HYPERS, ids=str)
@pytest.mark.parametrize("name", HISTORIES)
def test_adam_s_definition_encloses_the_exact_twin(name, hyper):
    u = define_adam(HISTORIES[name], hyper).u
    for row in range(6):
        for place, exact in enumerate(by_the_twin(HISTORIES[name], row, hyper)):
            assert encloses(u[row, place], exact)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("hyper", HYPERS, ids=str)
@pytest.mark.parametrize("name", HISTORIES)
def test_adam_is_allowed_no_less_rounding_than_by_the_running_bound(name, hyper, dtype):
    unit = Rig(dtype=dtype).unit
    running = UPDATES["adam"].define(HISTORIES[name], hyper, unit).rounding
    allowed = define_adam(HISTORIES[name], hyper, unit).rounding
    assert (allowed >= running * (1 - 1e-6)).all()


def test_an_allowance_that_is_too_small_is_caught(monkeypatch):
    monkeypatch.setattr(definitions, "SLACK", 0.9)
    running = UPDATES["adam"].define(HISTORIES["one"], Hyper(), UNIT).rounding
    assert (define_adam(HISTORIES["one"], Hyper()).rounding < running).any()


@pytest.mark.parametrize("name", HISTORIES)
@pytest.mark.parametrize("update", UPDATES)
def test_an_implementation_may_do_what_the_definition_does(update, name):
    """So `Sure` needs no more than `rounding`."""
    with calculating(Prior):
        found = definitions.DEFINITIONS.get(update, UPDATES[update].define)(
            HISTORIES[name], Hyper(), UNIT, 0.0
        )
    assert (found.rounding >= found.u.rad).all()
