"""Every implementation is the loop, but for rounding: with every set of keywords, and in every dtype."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from grams_theory.testing.conformance.marks import once, skip
from grams_theory.testing.conformance.setup import (
    OPERATIONS,
    STEPS,
    WARM_UP,
    Setup,
    assert_same,
    feed,
    require,
    take_step,
    trained,
)

SHAPES = ((4, 3), (5, 2), (1, 17), (40, 33))


def check_equals_loop(s: Setup) -> None:
    """In float64 and float32, with every set of keywords, weights and state end where the loop's end."""
    if s.implementation == "loop":
        skip("it is the loop itself")
    for dtype in (torch.float64, torch.float32):
        for keywords in s.optimizer.keywords:
            _equals_loop(s, dtype, replace(s, dtype=dtype).roundings, dict(keywords))


def check_equals_loop_in_low_precision(s: Setup) -> None:
    """In bfloat16 and float16 weights from 0 end where the loop's end, within the roundings of a few operations.

    One implementation may round after each operation and another once: then they differ by as many roundings as there
    are operations on a value, OPERATIONS at most. No square underflows: gradients are 1/2 at least, and eps is 1/1024.
    """
    if s.implementation == "loop":
        skip("it is the loop itself")
    for dtype in (torch.bfloat16, torch.float16):
        for options in s.optimizer.of_moments if dtype in s.optimizer.dtypes else ():
            eps = {"eps": 2.0**-10} if s.offers("eps") else {}
            _equals_loop(s, dtype, OPERATIONS, {**options, **eps}, scale=0.0, least=0.5)


@once
def check_default_equals_loop(s: Setup) -> None:
    """What the constructor chooses without being told ends where the loop ends."""
    start = s.random(4, 3)
    gradients = s.gradients([start])
    (w,) = s.parameters([start])
    loop = s.by("loop")
    told = {name: value for name, value in loop.new(s.parameters([start])).defaults.items() if s.offers(name)}
    untold = {name: value for name, value in told.items() if name not in s.optimizer.flags("loop")}
    feed(s.optimizer.cls([w], **untold), [w], gradients)
    assert_same(s, w, trained(loop, start, gradients), start, "by its default implementation as by the loop")


def check_keyword_combinations(s: Setup) -> None:
    """With every set of keywords it goes downhill; and with `maximize` it ends above where it ends without."""
    start = s.random(4, 3)
    before = float((start**2).sum())

    def descended(keywords: dict[str, Any]) -> float:
        (w,) = s.parameters([start])
        optimizer = s.new([w], **keywords)
        for _ in range(WARM_UP):
            feed(optimizer, [w], [[2 * w.detach()]])
        return float((w.detach() ** 2).sum())

    for keywords in s.optimizer.keywords:
        down = {name: value for name, value in keywords.items() if name != "maximize"}
        low = descended(down)
        require(low < before, f"{s.name} must go downhill with {down}, but came from {before} to {low}")
        if keywords.get("maximize"):
            high = descended(dict(keywords))
            require(high > low, f"{s.name} must end above {low} with {dict(keywords)}, but ended at {high}")


def check_autograd_through_the_step(s: Setup) -> None:
    """Derivatives of the weights after two steps by start and gradients are those of finite differences."""
    if s.implementation != "differentiable":
        skip("it is not differentiable")
    start = s.random(2, 3).double()
    gradients = [step[0].double() for step in s.gradients([start], 2)]
    lifted = [g + g.sign() for g in gradients]  # no gradient near 0, where directions jump

    def end(w: Tensor, *history: Tensor) -> Tensor:
        w = w.clone()
        optimizer = s.new([w], weight_decay=0.1) if s.offers("weight_decay") else s.new([w])
        for g in history:
            w.grad = g
            take_step(optimizer)
        return w

    inputs = [x.clone().requires_grad_() for x in (start, *lifted)]
    try:
        torch.autograd.gradcheck(end, inputs)
    except RuntimeError as error:
        raise AssertionError(f"{s.name} must be differentiated through: {error}") from error


def check_capture(s: Setup) -> None:
    """A step captured in a CUDA graph is replayed as it is taken; and is refused if it is not capturable."""
    if s.device.type != "cuda":
        skip("CUDA graphs need a CUDA device")
    start = s.random(4, 3)
    gradients = s.gradients([start], 2 * STEPS)
    (w,) = s.parameters([start])
    optimizer, w.grad = s.new([w]), torch.zeros_like(w)
    side = torch.cuda.Stream()
    with torch.cuda.stream(side):
        for (g,) in gradients[:STEPS]:
            w.grad.copy_(g)
            take_step(optimizer)
    side.synchronize()
    graph = torch.cuda.CUDAGraph()
    try:
        with torch.cuda.graph(graph):
            optimizer.step()
    except Exception as error:
        captures = s.implementation == "capturable"
        require(not captures, f"{s.name} with capturable=True must be captured, but raised {error!r}")
        return
    if not s.offers("capturable"):
        skip("it has no capturable")
    for (g,) in gradients[STEPS:]:
        w.grad.copy_(g)
        graph.replay()
    assert_same(
        s, w, trained(s, start, gradients), start, "replayed from a CUDA graph as in steps of its own"
    )


def _equals_loop(
    s: Setup,
    dtype: torch.dtype,
    roundings: float,
    keywords: dict[str, Any],
    scale: float = 1.0,
    least: float = 0.0,
) -> None:
    """Weights and state of a few parameters by both implementations, from starts of that scale.

    Every gradient is in size that much more than drawn.
    """
    starts = [scale * s.random(*shape, seed=seed).to(dtype) for seed, shape in enumerate(SHAPES)]
    gradients = [[g + least * g.sign() for g in step] for step in s.gradients(starts)]
    runs = []
    for setup in (s, s.by("loop")):
        params = setup.parameters(starts)
        optimizer = setup.new(params, **keywords)
        feed(optimizer, params, gradients)
        runs.append((params, optimizer))
    (mine, own), (theirs, loop) = runs
    where = f"by {s.implementation} as by the loop, in {dtype} with {keywords}"
    for w, expected, origin in zip(mine, theirs, starts, strict=True):
        assert_same(s, w, expected, origin, where, roundings)
        kept, known = own.state[w], loop.state[expected]
        require(
            kept.keys() == known.keys(), f"{s.name} must remember {sorted(known)} {where}, not {sorted(kept)}"
        )
        for name, value in known.items():
            if isinstance(value, Tensor) and value.is_floating_point() and value.shape == w.shape:
                assert_same(s, kept[name], value, torch.zeros_like(value), f"{name} {where}", roundings)
