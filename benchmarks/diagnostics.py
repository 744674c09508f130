"""What `diagnostics.watch` costs: time of a training step with it over that without, side by side, on this machine.

    python benchmarks/diagnostics.py [--device cuda] [--threads N] [--rounds N]

A step is forward, backward, `optimizer.step` and `zero_grad` on random data. The contenders, alike but for the
diagnostic, take turns of 20 steps; the first turns warm up. The ratio is the median over rounds of the ratio within a
round. On the CPU, CPU time is measured, so that other processes do not count. "with loss" also evaluates the loss
before and after an observed step.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass

import torch
from _shared import by_turns, clock, device_parser, wait
from _workloads import perceptron, transformer
from torch import Tensor, nn

from grams_theory import optim
from grams_theory.optim import diagnostics

TURN = 20
WARM_UP = 3
CONTENDERS = {
    "without": None,
    "every=1": {"every": 1},
    "every=10": {"every": 10},
    "every=20": {"every": 20},
    "every=20, with loss": {"every": 20, "with_loss": True},
}


@dataclass(frozen=True)
class Run:
    model: nn.Module
    x: Tensor
    y: Tensor
    optimizer: torch.optim.Optimizer

    def loss(self) -> Tensor:
        return nn.functional.cross_entropy(self.model(self.x), self.y)

    def turn(self) -> None:
        for _ in range(TURN):
            self.loss().backward()
            self.optimizer.step()
            self.optimizer.zero_grad()
        wait(self.x.device)


def start(workload: Callable, device: str, every: int | None = None, with_loss: bool = False) -> Run:
    torch.manual_seed(0)
    model, x, y = workload()
    model, x, y = model.to(device), x.to(device), y.to(device)
    run = Run(model, x, y, optim.Grams(model.parameters()))
    if every is not None:
        diagnostics.watch(run.optimizer, every, loss=run.loss if with_loss else None)
    return run


def report(workload: Callable, device: str, rounds: int) -> None:
    runs = {name: start(workload, device, **(options or {})) for name, options in CONTENDERS.items()}
    times = by_turns({name: run.turn for name, run in runs.items()}, WARM_UP + rounds, clock(device))
    base = times["without"][WARM_UP:]
    weights = sum(p.numel() for p in runs["without"].model.parameters())
    print(f"\n{workload.__name__}, {weights:,} weights")
    print(f"{'watch':22}{'median ms':>10}{'ratio':>8}")
    for name, values in times.items():
        ratio = statistics.median(a / b for a, b in zip(values[WARM_UP:], base, strict=True))
        print(f"{name:22}{statistics.median(values[WARM_UP:]) / TURN:10.2f}{ratio:8.3f}")


def main() -> None:
    parser = device_parser(__doc__)
    parser.add_argument("--rounds", type=int, default=30)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(f"torch {torch.__version__}, {options.device}, {options.threads} threads, {options.rounds} rounds")
    for workload in (perceptron, transformer):
        report(workload, options.device, options.rounds)


if __name__ == "__main__":
    main()
