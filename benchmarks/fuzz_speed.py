"""How many production steps of Grams a second are checked against Lemma 4.2, side by side, on this machine.

    python benchmarks/fuzz_speed.py [--device cuda] [--threads N] [--seconds X] [--figure PATH]

A problem-step is one production step of one problem of dimension D, with the claim's margins and their rounding
bounds. Three ways: (a) a Hypothesis test that draws one problem at a time, steps it with the published optimizer
(`grams.Grams`), once or 8 times, and checks the bound in plain floats, without a rounding bound; (b) the engine's eager
batches; (c) compiled streams. Drawing the problems is part of all three; compiling is not, and is told apart.

The floor is the memory traffic of a problem-step that keeps nothing in registers: it reads and writes w, m and v and
reads the diagonal h and the centre c, 6 D numbers of the weights' type and 2 D of float64, at the bandwidth of an
in-place `mul_` on a tensor far larger than the caches. Contenders and bandwidth take turns, so that a slow moment of
the machine hits them all; the table shows medians. The last column leaves out what other processes took: it compares
the time that the contender's own threads were running with the best bandwidth.

The figure shows the time of one kernel call against the number of problems and against the dimension, for diagonal and
for dense quadratics, beside lines of slope 1 and 2.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import grams
import torch
from _shared import device_parser, wait
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from grams_theory import claims, families
from grams_theory.core.random import generator
from grams_theory.engine.campaign import threads as threads_of_torch
from grams_theory.engine.cases.one_step import PLAIN
from grams_theory.engine.cases.step import State
from grams_theory.engine.cases.structure import Structure
from grams_theory.engine.evaluate import evaluate
from grams_theory.engine.production import Hyper, Rig
from grams_theory.engine.stream import Stream
from grams_theory.engine.stream.compilers import Compiled, compile_program
from grams_theory.engine.stream.program import Program, tensors

CLAIM = claims.by_id("lemma-4.2")
DIM = 8
STEPS = 8
CHUNK = Structure("diagonal_quadratic", DIM, seed=1, batch=4096)
STARTS = 64
PROBE = 1 << 26
"""Numbers of the tensor whose in-place `mul_` measures the bandwidth."""
FIGURE = Path(__file__).parent.parent / "docs" / "fuzz_speed.png"


@dataclass
class Contender:
    name: str
    run: Callable[[], int]
    """Does some work and returns its problem-steps."""
    weight_bytes: int
    threads: int = 1
    seconds: list[float] = field(default_factory=list)
    """Per problem-step, in each turn."""
    running: list[float] = field(default_factory=list)
    """The same, as time of the processor, over all threads."""

    def floor(self, bandwidth: float) -> float:
        """Seconds that the memory needs for a problem-step."""
        return (6 * self.weight_bytes + 2 * 8) * DIM / bandwidth


def vectors(low: float, high: float) -> st.SearchStrategy[list[float]]:
    return st.lists(st.floats(low, high), min_size=DIM, max_size=DIM)


def one_at_a_time(examples: int, steps: int) -> int:
    """(a): the published optimizer, one problem at a time, so many steps of each."""

    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(h=vectors(0.1, 10.0), centre=vectors(-1.0, 1.0), start=vectors(-2.0, 2.0))
    def descends(h, centre, start):
        curvature, c = torch.tensor(h, dtype=torch.float64), torch.tensor(centre, dtype=torch.float64)
        w, lr = torch.nn.Parameter(torch.tensor(start, dtype=torch.float64)), 0.05
        optimizer = grams.Grams([w], lr=lr)
        for _ in range(steps):
            before = w.detach().clone()
            g = curvature * (before - c)
            w.grad = g.clone()
            optimizer.step()
            d = w.detach() - before
            change = 0.5 * (curvature * (before + d - c) ** 2 - curvature * (before - c) ** 2).sum()
            bound = (g * d).sum() + 0.5 * curvature.max() * (d * d).sum()
            assert change <= bound + 1e-9 * (1 + bound.abs())

    with threads_of_torch(1):
        descends()
    return examples * steps


def eager_batch(rig: Rig) -> int:
    """(b): one batch as the engine evaluates it."""
    structure = Structure("diagonal_quadratic", DIM, seed=1, batch=256, knobs=PLAIN)
    with threads_of_torch(1):
        assert evaluate(CLAIM, structure, rig=rig) is not None
    return structure.batch


def contenders(device: str, threads: int) -> list[Contender]:
    found = [
        Contender("(a) Hypothesis, a problem and a step", lambda: one_at_a_time(20, 1), 8),
        Contender(f"    Hypothesis, a problem and {STEPS} steps", lambda: one_at_a_time(10, STEPS), 8),
        Contender("(b) the engine's eager batches", lambda: eager_batch(Rig(device)), 8),
    ]
    for dtype, size in (("float64", 8), ("float32", 4)):
        stream = Stream(CLAIM, CHUNK, Rig(device, dtype), STEPS, STARTS)
        began = time.perf_counter()
        _ = stream.kernel
        print(f"compiled the stream in {dtype} in {time.perf_counter() - began:.1f} s", flush=True)

        def run(stream: Stream = stream) -> int:
            chunks = threads
            swept = list(stream.measured(range(chunks), workers=threads))
            assert sum(found.violations for found in swept) == 0
            return chunks * STARTS * STEPS * CHUNK.batch

        found.append(Contender(f"(c) compiled stream, {dtype}", run, size, threads))
    return found


def timed(function: Callable[[], int], device: str) -> float:
    """Seconds per unit of what the function says it did."""
    began = time.perf_counter()
    done = function()
    wait(device)
    return (time.perf_counter() - began) / done


def take_turn(contender: Contender, device: str) -> None:
    began, before = time.perf_counter(), time.process_time()
    done = contender.run()
    wait(device)
    contender.seconds.append((time.perf_counter() - began) / done)
    contender.running.append((time.process_time() - before) / done)


def table(device: str, threads: int, seconds: float) -> None:
    probe = torch.ones(PROBE, dtype=torch.float64, device=device)

    def touch() -> int:
        probe.mul_(1.0000001)
        return 2 * probe.numel() * probe.element_size()

    found, per_byte = contenders(device, threads), []
    timed(touch, device)
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        for contender in found:
            per_byte.append(timed(touch, device))
            take_turn(contender, device)
    slowest, byte = statistics.median(found[0].seconds), statistics.median(per_byte)
    print(
        f"\n{CLAIM.id}, dimension {DIM}, {threads} threads, {len(found[0].seconds)} turns; in-place mul_ ",
        end="",
    )
    print(f"{1e-9 / byte:.1f} GB/s, best {1e-9 / min(per_byte):.1f} GB/s")
    print(f"{'':40}{'steps/s':>12}{'ns/step':>12}{'of the floor':>14}{'ratio to (a)':>14}{'alone':>9}")
    for contender in found:
        each, alone = statistics.median(contender.seconds), min(contender.running) / contender.threads
        share, ideal = contender.floor(1 / byte) / each, contender.floor(1 / min(per_byte)) / alone
        print(
            f"{contender.name:40}{1 / each:12,.0f}{1e9 * each:12,.1f}{share:14.2%}{slowest / each:14,.0f}",
            end="",
        )
        print(f"{ideal:9.1%}" if device == "cpu" else "")


def state_of(family: str, dim: int, rows: int, device: str) -> State:
    """So many problems of any dimension, at the start of a run."""
    gen = generator(0, family, dim, device=device)
    f = families.by_name(family).sample(gen, rows, dim)
    return State(f, f.start(gen), (), Hyper())


def kernel(family: str, dim: int, rows: int, device: str) -> Compiled:
    """One compiled step of the claim. On a CPU it takes any number of rows."""
    program = Program(CLAIM, Hyper(), Rig(device), lr=0.01, steps=1)
    traced = 3 if device == "cpu" else rows
    return compile_program(program, state_of(family, dim, traced, device), state_of(family, dim, 2, device))


def call_seconds(compiled: Compiled, state: State, device: str) -> float:
    held = tensors(state)

    def run() -> int:
        compiled(held)
        return 1

    run()
    return min(timed(run, device) for _ in range(7))


def figure(device: str, path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    torch.set_num_threads(1)
    dims = {"diagonal_quadratic": (4, 8, 16, 32, 64, 128, 256), "dense_quadratic": (4, 8, 16, 32, 64)}
    rows, batch = [2**k for k in range(8, 18)], 512
    plots, (left, right) = plt.subplots(1, 2, figsize=(10, 4.2), constrained_layout=True)
    for name, label, power in (("diagonal_quadratic", "diagonal", 1), ("dense_quadratic", "dense", 2)):
        one = kernel(name, DIM, batch, device) if device == "cpu" else None
        times = [
            call_seconds(one or kernel(name, DIM, n, device), state_of(name, DIM, n, device), device)
            for n in rows
        ]
        plot(left, rows, times, f"{label}, D = {DIM}", 1)
        times = [
            call_seconds(kernel(name, dim, batch, device), state_of(name, dim, batch, device), device)
            for dim in dims[name]
        ]
        plot(right, dims[name], times, label, power)
    left.set(xlabel="problems", ylabel="seconds per kernel call", title="cases: linear")
    right.set(xlabel="dimension D", title=f"dimension, {batch} problems")
    left.legend()
    right.legend()
    plots.savefig(path, dpi=120)
    print(f"wrote {path}")


def plot(axes, sizes, times: list[float], label: str, power: int) -> None:
    """Times against sizes, and the line of that slope through the last of them."""
    (line,) = axes.loglog(sizes, times, "o-", label=label)
    reference = [times[-1] * (size / sizes[-1]) ** power for size in sizes]
    axes.loglog(sizes, reference, ":", color=line.get_color(), label=f"slope {power}")


def main() -> None:
    parser = device_parser(__doc__)
    parser.add_argument("--seconds", type=float, default=45.0, help="for the table, all contenders together")
    parser.add_argument("--figure", type=Path, default=FIGURE)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    table(options.device, options.threads, options.seconds)
    figure(options.device, options.figure)


if __name__ == "__main__":
    main()
