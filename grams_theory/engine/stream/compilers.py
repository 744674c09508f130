"""From a program to one compiled function: C++ on a CPU, torch's inductor (Triton) on any other device."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from grams_theory.core.errors import UsageError
from grams_theory.core.rounding import calculating
from grams_theory.engine.cases.step import State
from grams_theory.engine.stream.lower import lower
from grams_theory.engine.stream.native import Compiled, load
from grams_theory.engine.stream.prior import Prior
from grams_theory.engine.stream.program import Program, filled, tensors
from grams_theory.engine.stream.record import record

DTYPES = ("float64", "float32")


def compile_program(program: Program, state: State, other: State) -> Compiled:
    """The program for states like these two, which differ in their number of rows.

    Raises:
        UsageError: it cannot be compiled.
    """
    if program.rig.dtype not in DTYPES:
        raise UsageError(f"streams are compiled for weights in {', '.join(DTYPES)}; use compiled=False")
    one, two = tensors(state), tensors(other)
    shared = {name: x for name, x in one.items() if x.shape == two[name].shape}
    for name, x in shared.items():
        if not torch.equal(x, two[name]):
            raise UsageError(
                f"{name} is not the same in all chunks and has no axis of rows; use compiled=False"
            )
    by_row = {name: x for name, x in one.items() if name not in shared}

    def run(
        held: Mapping[str, Tensor], program: Program = program
    ) -> Iterator[tuple[list[Tensor], list[Tensor]]]:
        for rows in program.rows(filled(state, {**shared, **held})):
            yield rows.counted, rows.minimised

    if state.w.device.type != "cpu":
        return inductor(run, by_row)
    with calculating(Prior):
        recorded = record(lambda held: run(held, replace(program, prior=True)), by_row)
    return load(lower(recorded), lambda held: reduced(run(held)))


def reduced(steps: Iterable[tuple[list[Tensor], list[Tensor]]]) -> tuple[Tensor, Tensor, Tensor]:
    """The counts, the minima, and the rows where these are, by torch."""
    counted, minimised = zip(*steps, strict=True)
    least = torch.stack([x for several in minimised for x in several]).min(1)
    return torch.stack([x for several in counted for x in several]).sum(1), least.values, least.indices


def inductor(
    run: Callable[[Mapping[str, Tensor]], Iterable[tuple[list[Tensor], list[Tensor]]]],
    like: Mapping[str, Tensor],
) -> Compiled:
    """The function by torch's inductor, for tensors of these shapes.

    Numbers that the claim divides by are arguments of the graph: as constants, inductor would multiply by their rounded
    reciprocals, which is one rounding more than a `Ball` counts.
    """
    from torch._inductor import compile as compile_graph
    from torch.fx.experimental.proxy_tensor import make_fx

    def whole(*held: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return reduced(run(dict(zip(like, held, strict=True))))

    given = list(like.values())
    graph = make_fx(whole)(*given)
    constants = _constants_as_arguments(graph, given[0].device)
    with torch.no_grad():
        function: Any = compile_graph(graph, [*given, *constants])
    return lambda held: function(*(held[name] for name in like), *constants)


def _constants_as_arguments(graph: torch.fx.GraphModule, device: torch.device) -> list[Tensor]:
    """Turn the tensors that the graph holds into its last arguments."""
    held = [node for node in graph.graph.nodes if node.op == "get_attr"]
    first = next(node for node in graph.graph.nodes if node.op != "placeholder")
    constants = []
    for number, node in enumerate(held):
        constants.append(getattr(graph, node.target).detach().to(device))
        with graph.graph.inserting_before(first):
            node.replace_all_uses_with(graph.graph.placeholder(f"constant_{number}"))
        graph.graph.erase_node(node)
        first = next(node for node in graph.graph.nodes if node.op != "placeholder")
    graph.recompile()
    return constants
