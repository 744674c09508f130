"""`torch.compile` of the step: one graph, kept from step to step."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch

from grams_theory.testing.conformance.marks import skip, slow
from grams_theory.testing.conformance.setup import Setup, assert_same, require, trained

TRACED = 6
TRACES = 3
"""Of so many steps: one that makes the state, one that finds it, and one to spare."""


@slow
def check_compiles(s: Setup) -> None:
    """Compiled, the step is one graph, traced for the first steps only, and differs only by rounding."""
    if s.implementation == "differentiable":
        skip("a compiled step is not differentiated through")
    start = s.random(4, 3)
    gradients = s.gradients([start], TRACED)
    graphs, counts = [], [0]

    def backend(module: Any, inputs: Any) -> Any:
        graphs.append(module)
        return module.forward

    (w,) = s.parameters([start])
    optimizer, w.grad = s.new([w]), torch.zeros_like(w)
    torch._dynamo.reset()
    step = torch.compile(optimizer.step, backend=backend)
    try:
        for (g,) in gradients:
            w.grad.copy_(g)
            step()
            counts.append(len(graphs))
    finally:
        torch._dynamo.reset()
    added = [after - before for before, after in pairwise(counts)]
    require(max(added) <= 1, f"{s.name}.step must be one graph, but is broken into {max(added)}")
    traces = sum(map(bool, added))
    require(
        traces <= TRACES,
        f"{s.name}.step must not be traced anew at each step, but was traced in {traces} of {TRACED} steps",
    )
    expected = trained(s.by("loop"), start, gradients)
    assert_same(s, w, expected, start, "compiled as eagerly", s.roundings_of_a_tensor_lr)
