"""What is set for a whole program, or for the lines around a step, does not reach into the step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode

from grams_theory.testing.conformance.marks import once
from grams_theory.testing.conformance.setup import (
    Setup,
    assert_same,
    copied_state,
    feed,
    require,
    take_step,
    trained,
)

COUNTED = 300
"""Steps, more than bfloat16 can count: 256 + 1 is 256 there."""


@once
def check_default_dtype(s: Setup) -> None:
    """`torch.set_default_dtype` does not matter: not even bfloat16, whose numbers count to 256 only."""
    start = s.random(4, 3)
    gradients = s.gradients([start], 1) * COUNTED
    expected = trained(s, start, gradients)
    for dtype in (torch.bfloat16, torch.float64):
        with _default_dtype(dtype):
            w = trained(s, start, gradients)
        where = f"under a default dtype of {dtype} as under {torch.get_default_dtype()}"
        assert_same(s, w, expected, start, where, s.roundings)


def check_autocast(s: Setup) -> None:
    """A step inside `torch.autocast` is the step outside."""
    single = replace(s, dtype=torch.float32)  # float64 is not cast
    start = single.random(4, 3)
    gradients = single.gradients([start])
    (w,) = single.parameters([start])
    with torch.autocast(s.device.type, torch.bfloat16):
        feed(single.new([w]), [w], gradients)
    assert_same(s, w, trained(single, start, gradients), start, "inside torch.autocast as outside")


def check_default_device(s: Setup) -> None:
    """Under `torch.set_default_device` nothing that a step makes goes to that device: all stays with its parameter."""
    start = s.random(4, 3)
    gradients, (w,) = s.gradients([start]), s.parameters([start])
    expected = trained(s, start, gradients)
    with torch.device("meta"):
        optimizer = s.new([w])
        feed(optimizer, [w], gradients)
    for name, value in copied_state(optimizer, w).items():
        right = not isinstance(value, Tensor) or value.device.type in ("cpu", s.device.type)
        require(right, f"{s.name} must not put {name!r} on the default device, but it is on {value}")
    assert_same(s, w, expected, start, "under a default device of meta as under none")


def check_fake_tensors(s: Setup) -> None:
    """Steps run on fake tensors, by which tools find out how much memory a program needs, and move nothing real."""
    with FakeTensorMode():
        (w,) = s.parameters([torch.ones(4, 3, dtype=s.dtype, device=s.device)])
        optimizer = s.new([w])
        for _ in range(2):
            w.grad = torch.ones(4, 3, dtype=s.dtype, device=s.device)
            take_step(optimizer)
    kept = [x for x in optimizer.state[w].values() if isinstance(x, Tensor) and x.shape == w.shape]
    fake = all(isinstance(x, FakeTensor) for x in kept)
    require(fake, f"{s.name} must remember fake tensors of fake parameters")


@contextmanager
def _default_dtype(dtype: torch.dtype) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)
