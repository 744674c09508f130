"""In floating point too, a Grams step never moves a coordinate against −sign(g).

    w⁺ = fl(w − fl(η r)), r = sign(g)∘|u|:   g > 0 ⇒ w⁺ ≤ w,   g < 0 ⇒ w⁺ ≥ w,   g = 0 ⇒ w⁺ = w

Ours. True in every IEEE format, since rounding is monotone and leaves w alone. It is a law of the order of operations:
an implementation that does not round w − d itself, but something that equals it on paper, can break it.
"""

from dataclasses import replace

import pytest
import sympy as sp
import torch

from grams_theory import Grams
from grams_theory.claims import by_id
from grams_theory.claims.rounding_direction import formal
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


def every_bfloat16():
    bits = torch.arange(-(2**15), 2**15, dtype=torch.int32).to(torch.int16)
    values = bits.view(torch.bfloat16)
    return values[values.isfinite()]


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("lr", [2.0**-130, 2.0**-20, 2.0**-9, 0.3, 1.0, 3.0, 2.0**100])
def test_every_bfloat16_weight_obeys_it(lr, sign):
    """All 65,280 finite weights, from the smallest denormal to the largest number."""
    w = every_bfloat16()
    g = torch.full_like(w, sign)
    assert len(w) == 65_280
    assert along(*stepped(w, g, lr), g)


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
