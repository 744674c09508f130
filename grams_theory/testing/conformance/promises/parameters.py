"""Parameters are stepped each for itself, and what is written into them stays."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from grams_theory.testing.conformance.description import RANDOM
from grams_theory.testing.conformance.marks import once, skip
from grams_theory.testing.conformance.setup import (
    WARM_UP,
    Setup,
    assert_as_if_alone,
    assert_same,
    feed,
    require,
    take_step,
    trained,
)

SHAPES = ((4, 3), (), (0, 3), (7,), (1,), (2, 3, 4), (3, 4))
LENGTHS = (1, 5, 1025, 2**17 + 3)
"""Elements of vectors: less than a block, a little more than one, and more than a 16-bit index reaches."""
MANY = 2 * 110 + 1
"""Parameters, more than one multi-tensor launch of torch takes."""


def check_parameters_apart(s: Setup) -> None:
    """Parameters of different shapes, scalar and empty ones among them, move as if each were alone."""
    shapes = [shape for shape in SHAPES if s.optimizer.takes_vectors or (len(shape) == 2 and 0 not in shape)]
    starts = [s.random(*shape, seed=seed) for seed, shape in enumerate(shapes)]
    gradients, together = s.gradients(starts), s.parameters(starts)
    feed(s.new(together), together, gradients[:1] * WARM_UP)
    for w, start in zip(together, starts, strict=True):
        moved = bool((w != start).all())
        require(moved, f"{s.name} must move a parameter of shape {tuple(w.shape)}, but it stayed")
    assert_as_if_alone(s, starts, gradients, f"among shapes {tuple(shapes)}")


def check_many_parameters(s: Setup) -> None:
    """Each of many parameters moves as if it were alone."""
    if s.optimizer.couples_parameters:
        skip("it couples its parameters")
    start = s.random(3, 2)
    gradients, many = s.gradients([start]), s.parameters([start] * MANY)
    feed(s.new(many), many, [step * MANY for step in gradients])
    expected = trained(s, start, gradients)
    for index, w in enumerate(many):
        assert_same(s, w, expected, start, f"parameter {index} of {MANY} as it moves alone")


def check_dtypes_apart(s: Setup) -> None:
    """Parameters of different dtypes in one optimizer move as if each were alone."""
    dtypes = [
        dtype for dtype in (torch.float32, torch.float64, torch.bfloat16) if dtype in s.optimizer.dtypes
    ] * 2
    starts = [s.random(4, 3, seed=seed).to(dtype) for seed, dtype in enumerate(dtypes)]
    assert_as_if_alone(s, starts, s.gradients(starts), f"among dtypes {dtypes}")


def check_devices_apart(s: Setup) -> None:
    """Parameters on different devices in one optimizer move as if each were alone."""
    if s.device.type == "cpu":
        skip("the CPU is one device; it is tried with another one")
    if s.implementation == "capturable":
        skip("parameters on the CPU cannot be captured")
    starts = [s.random(4, 3, seed=seed).to(place) for seed, place in enumerate((s.device, "cpu", s.device))]
    assert_as_if_alone(s, starts, s.gradients(starts), f"on {s.device}, cpu and {s.device}")


def check_instances_apart(s: Setup) -> None:
    """Two optimizers that are stepped by turns do not know of each other."""
    starts = [s.random(4, 3, seed=seed) for seed in range(2)]
    gradients, together = s.gradients(starts), s.parameters(starts)
    optimizers = [s.new([w]) for w in together]
    for step in gradients:
        for optimizer, w, g in zip(optimizers, together, step, strict=True):
            feed(optimizer, [w], [[g]])
    for index, (w, start) in enumerate(zip(together, starts, strict=True)):
        expected = trained(s, start, [[step[index]] for step in gradients])
        assert_same(s, w, expected, start, "beside another instance as alone")


def check_coordinates_alike(s: Setup) -> None:
    """No place in a vector is special, the ends of blocks among them: permuted, it comes to the permuted end."""
    for length in LENGTHS:
        start = s.random(length)
        order = torch.randperm(length, generator=torch.Generator().manual_seed(1)).to(s.device)
        gradients = s.gradients([start], 2)
        permuted = trained(s, start[order], [[g[order]] for (g,) in gradients])
        expected = trained(s, start, gradients)[order]
        assert_same(s, permuted, expected, start[order], f"a permuted vector of {length} as the vector")


def check_weights_overwritten(s: Setup) -> None:
    """What is written into a weight between steps stays: no copy comes back. lr is 0, so that nothing else moves."""
    (w,) = s.parameters([s.random(4, 3)])
    gradients, written = s.gradients([w]), s.random(4, 3, seed=9)
    optimizer = s.new([w])
    feed(optimizer, [w], gradients)
    with torch.no_grad():
        w.copy_(written)
    optimizer.param_groups[0]["lr"] = 0.0
    feed(optimizer, [w], gradients)
    require(torch.equal(w.detach(), written), f"{s.name} must keep what was written into a weight")


def check_weights_replaced(s: Setup) -> None:
    """Where `w.data` is another tensor before each step, as sharding wrappers have it, the step is taken on that."""
    start = s.random(4, 3)
    gradients = s.gradients([start])
    (w,) = s.parameters([start])
    optimizer = s.new([w])
    for step in gradients:
        w.data = w.data.clone()
        feed(optimizer, [w], [step])
    assert_same(s, w, trained(s, start, gradients), start, "in new memory at each step as in one place")


def check_conjugated(s: Setup) -> None:
    """A parameter that is a conjugate by a flag, as `conj()` returns it, moves or is refused: no step is lost."""
    w = s.parameter(torch.complex(s.random(4, 3), s.random(4, 3, seed=1)).conj())
    before = w.detach().clone()
    w.grad = torch.complex(s.random(4, 3, seed=2), s.random(4, 3, seed=3))
    try:
        optimizer = s.new([w])
        for _ in range(WARM_UP):
            optimizer.step()
    except Exception:
        return
    moved = not torch.equal(w.detach(), before)
    require(moved, f"{s.name} must move a conjugated parameter, or refuse it, but it stayed")


def check_stale_graph_refused(s: Setup) -> None:
    """`backward` through a graph that saved a weight before `step` fails: the weight's version counts the step."""
    s.leaves_needed()
    (w,) = s.parameters([s.random(4, 3)])
    optimizer = s.new([w])
    loss = (w**2).sum()
    feed(optimizer, [w], s.gradients([w], 1))
    w.grad = None
    try:
        loss.backward()
    except RuntimeError:
        return
    raise AssertionError(
        f"{s.name}.step must count up the version of a weight: backward through a graph from before the step "
        "passed, with gradients at the new weights"
    )


def check_step_repeats_bitwise(s: Setup) -> None:
    """The same run, on the same seed, comes to the same bits, where deterministic algorithms are demanded too.

    So does a run with a keyword that makes rounding random, in bfloat16.
    """
    _repeats(s, [s.random(4, 3), s.random(300, 7, seed=1)])
    for name in filter(s.offers, sorted(RANDOM)):
        _repeats(s, [s.random(300, 7).bfloat16()], **{name: True})


def _repeats(s: Setup, starts: list[Tensor], **keywords: Any) -> None:
    gradients = s.gradients(starts)
    before = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )
    ends = []
    for demanded in (False, True):
        params = s.parameters(starts)
        with torch.random.fork_rng([s.device] if s.device.type == "cuda" else []):
            torch.manual_seed(0)
            torch.use_deterministic_algorithms(demanded)
            try:
                feed(s.new(params, **keywords), params, gradients)
            finally:
                torch.use_deterministic_algorithms(before[0], warn_only=before[1])
        ends.append(params)
    for first, second in zip(*ends, strict=True):
        require(torch.equal(first, second), f"{s.name} must repeat a run to the last bit ({keywords})")


def check_nothing_to_do(s: Setup) -> None:
    """A step without any gradient, or on empty parameters alone, does nothing and does not fail."""
    full, empty = s.parameters([s.random(4, 3), s.random(0, 3)])
    before = full.detach().clone()
    feed(s.new([full]), [full], [[None]])
    require(torch.equal(full.detach(), before), f"{s.name} must not move without gradients")
    if s.optimizer.takes_vectors:
        feed(s.new([empty]), [empty], [[torch.zeros_like(empty)]])


@once
def check_tensors_of_no_module(s: Setup) -> None:
    """Plain tensors that require gradients are moved as `nn.Parameter`s are."""
    start = s.random(4, 3)
    gradients = s.gradients([start])
    w = start.clone().requires_grad_(s.implementation != "differentiable")
    optimizer = s.new([w])
    for (g,) in gradients:
        w.grad = g.clone()
        take_step(optimizer)
    assert_same(s, w, trained(s, start, gradients), start, "a plain tensor as a parameter")


@once
def check_low_precision_finite(s: Setup) -> None:
    """Ordinary gradients leave weights of each dtype finite and in it; eps is 1/1024, which every dtype represents."""
    for dtype in s.optimizer.dtypes:
        setup = replace(s, dtype=torch.float64)
        start = setup.random(4, 3).to(dtype)
        (w,) = s.parameters([start])
        feed(s.new([w], eps=2.0**-10) if s.offers("eps") else s.new([w]), [w], s.gradients([start], WARM_UP))
        right = w.dtype == dtype and bool(w.isfinite().all()) and not torch.equal(w.detach(), start)
        require(
            right, f"{s.name} must move weights in {dtype} and keep them finite, but they are {w.tolist()}"
        )
