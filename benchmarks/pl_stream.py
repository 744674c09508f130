"""What `watch_pl` costs: time of a training run with it over that without, side by side, on this machine.

    python benchmarks/pl_stream.py [--device cuda] [--threads N] [--seconds S]

A step is forward, backward, `optimizer.step` and `zero_grad` on random data; a run is about S seconds of steps, the
making of the watch (which copies the model) and its last probe included. The contenders, alike but for the watch, take
turns of a tenth of a second, and each watch is given a clock that runs in its own turns only. The ratio is that of
the totals. "without, again" shows how much of a ratio is noise. On the CPU, CPU time is measured, so that other
processes do not count. A probe is four batches; "said" is the overhead that the watch reports of itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from _shared import device_parser, wait
from _workloads import perceptron, transformer
from torch import Tensor, nn

from grams_theory import optim
from grams_theory.landscape import watch_pl
from grams_theory.landscape.stream import pace
from grams_theory.landscape.stream import watch as stream

CONTENDERS = {
    "without": None,
    "without, again": None,
    "budget=0.05": {"budget": 0.05},
    "every=100": {"every": 100},
    "every=20": {"every": 20},
}
PROBE = 4
"""Batches in a probe."""
TURN = 0.1
"""Seconds."""


class OwnTime:
    """In place of the module `time`: seconds of the contender whose turn it is."""

    def __init__(self, cuda: bool) -> None:
        self.clock = time.perf_counter if cuda else time.process_time
        self.offset = 0.0

    def perf_counter(self) -> float:
        return self.clock() - self.offset


class Contender:
    def __init__(self, workload: Callable, device: str, options: dict | None, clock: OwnTime) -> None:
        torch.manual_seed(0)
        model, x, y = workload()
        self.model, self.x, self.y = model.to(device), x.to(device), y.to(device)
        self.optimizer = optim.by_name("Grams")(self.model.parameters())
        self.clock, self.seconds, self.watch = clock, 0.0, None
        if options is not None:
            probe = torch.cat([self.x] * PROBE), torch.cat([self.y] * PROBE)
            self.timed(lambda: self.start(probe, options))

    def timed(self, work: Callable[[], None]) -> None:
        """On the contender's own time."""
        begin = self.clock.clock()
        self.clock.offset = begin - self.seconds
        work()
        wait(self.x.device)
        self.seconds += self.clock.clock() - begin

    def start(self, probe: tuple[Tensor, Tensor], options: dict) -> None:
        self.watch = watch_pl(self.optimizer, self.model, loss_of, probe, **options)

    def steps(self, count: int) -> None:
        for _ in range(count):
            loss_of(self.model(self.x), self.y).backward()
            self.optimizer.step()
            self.optimizer.zero_grad()

    def end(self) -> None:
        if self.watch is not None:
            self.watch.detach()


def loss_of(output: Tensor, target: Tensor) -> Tensor:
    return nn.functional.cross_entropy(output, target)


def report(workload: Callable, device: str, seconds: float) -> None:
    clock = OwnTime(device.startswith("cuda"))
    pace.time = stream.time = clock  # pyright: ignore[reportAttributeAccessIssue]
    trial = Contender(workload, device, {"every": 5}, clock)
    trial.timed(lambda: trial.steps(10))
    before = trial.seconds
    trial.end()
    trial.timed(lambda: trial.steps(10))
    turn = max(1, round(10 * TURN / (trial.seconds - before)))
    turns = round(seconds / TURN)
    runs = {name: Contender(workload, device, options, clock) for name, options in CONTENDERS.items()}
    for _ in range(turns):
        for run in runs.values():
            run.timed(lambda run=run: run.steps(turn))
    base = runs["without"].seconds
    weights = sum(p.numel() for p in trial.model.parameters())
    print(f"\n{workload.__name__}, {weights:,} weights, {turn * turns} steps")
    print(f"{'watch':16}{'ms a step':>10}{'ratio':>8}{'said':>8}{'points':>8}")
    for name, run in runs.items():
        run.timed(run.end)
        said = "" if run.watch is None else f"{run.watch.overhead:8.3f}{len(run.watch.points):8}"
        print(
            f"{name:16}{1e3 * run.seconds / (turn * turns):10.2f}{run.seconds / base:8.3f}{said}", flush=True
        )


def main() -> None:
    parser = device_parser(__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(f"torch {torch.__version__}, {options.device}, {options.threads} threads")
    for workload in (perceptron, transformer):
        report(workload, options.device, options.seconds)


if __name__ == "__main__":
    main()
