"""What `diagnostics.watch` costs: time of a training step with it over that without, side by side, on this machine.

    python benchmarks/diagnostics.py [--device cuda] [--threads N] [--rounds N]

A step is forward, backward, `optimizer.step` and `zero_grad` on random data. The contenders, alike but for the
diagnostic, take turns of 20 steps; the first turns warm up. The ratio is the median over rounds of the ratio within a
round. On the CPU, CPU time is measured, so that other processes do not count. "with loss" also evaluates the loss
before and after an observed step.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
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


def perceptron() -> tuple[nn.Module, Tensor, Tensor]:
    """85 thousand weights in 6 tensors; a batch of 256."""
    model = nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 10))
    return model, torch.randn(256, 64), torch.randint(10, (256,))


class Classifier(nn.Module):
    """A transformer encoder that labels every token: 0.9 million weights in 53 tensors."""

    def __init__(self, vocabulary: int = 256, width: int = 128, layers: int = 4) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        layer = nn.TransformerEncoderLayer(width, 4, 4 * width, dropout=0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.head = nn.Linear(width, vocabulary)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.head(self.encoder(self.embedding(tokens))).flatten(0, 1)


def transformer() -> tuple[nn.Module, Tensor, Tensor]:
    tokens = torch.randint(256, (8, 64))
    return Classifier(), tokens, tokens.roll(-1, 1).flatten()


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
        if self.x.is_cuda:
            torch.cuda.synchronize()


def start(workload: Callable, device: str, every: int | None = None, with_loss: bool = False) -> Run:
    torch.manual_seed(0)
    model, x, y = workload()
    model, x, y = model.to(device), x.to(device), y.to(device)
    run = Run(model, x, y, optim.Grams(model.parameters()))
    if every is not None:
        diagnostics.watch(run.optimizer, every, loss=run.loss if with_loss else None)
    return run


def milliseconds(run: Run) -> float:
    clock = time.perf_counter if run.x.is_cuda else time.process_time
    begin = clock()
    run.turn()
    return 1e3 * (clock() - begin) / TURN


def report(workload: Callable, device: str, rounds: int) -> None:
    runs = {name: start(workload, device, **(options or {})) for name, options in CONTENDERS.items()}
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(WARM_UP + rounds):
        for name, run in runs.items():
            times[name].append(milliseconds(run))
    base = times["without"][WARM_UP:]
    weights = sum(p.numel() for p in runs["without"].model.parameters())
    print(f"\n{workload.__name__}, {weights:,} weights")
    print(f"{'watch':22}{'median ms':>10}{'ratio':>8}")
    for name, values in times.items():
        ratio = statistics.median(a / b for a, b in zip(values[WARM_UP:], base, strict=True))
        print(f"{name:22}{statistics.median(values[WARM_UP:]):10.2f}{ratio:8.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--rounds", type=int, default=30)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(f"torch {torch.__version__}, {options.device}, {options.threads} threads, {options.rounds} rounds")
    for workload in (perceptron, transformer):
        report(workload, options.device, options.rounds)


if __name__ == "__main__":
    main()
