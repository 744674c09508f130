"""Time of one optimizer step, side by side, on this machine.

    python benchmarks/optim_step.py [--threads N] [--repeats N] [--scale X]

Contenders take turns, so that a slow moment of the machine hits them all. The table shows the median and the best
time, the ratio of medians to torch.optim.AdamW's loop, and the fraction of the bandwidth ceiling that the best
reaches. A step must read w, g, m, v and write w, m, v (Lion: read w, g, m and write w, m); the ceiling is the
bandwidth of an in-place `mul_` (`copy_` also pays for fetching the lines that it overwrites, and understates it).
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import grams
import pytorch_optimizer
import torch

from grams_theory import optim

FLOAT_BYTES = 4
WORKLOADS = {"1 x 10M": (1, 10_000_000), "200 x 50k": (200, 50_000)}


@dataclass(frozen=True)
class Contender:
    name: str
    build: Callable
    passes: int = 7
    """Tensors read or written by an ideal step."""


CONTENDERS = (
    Contender("torch AdamW loop", lambda p: torch.optim.AdamW(p, foreach=False)),
    Contender("torch AdamW foreach", lambda p: torch.optim.AdamW(p, foreach=True)),
    Contender("our AdamW loop", lambda p: optim.AdamW(p, foreach=False)),
    Contender("our AdamW foreach", lambda p: optim.AdamW(p, foreach=True)),
    Contender("our Grams loop", lambda p: optim.Grams(p, foreach=False)),
    Contender("our Grams foreach", lambda p: optim.Grams(p, foreach=True)),
    Contender("our AMS(0) loop", lambda p: optim.AMS(p, lam=0.0, foreach=False)),
    Contender("grams-pytorch", lambda p: grams.Grams(p)),
    Contender("pytorch-optimizer Grams", lambda p: pytorch_optimizer.Grams(p, foreach=False)),
    Contender("pytorch-optimizer Grams foreach", lambda p: pytorch_optimizer.Grams(p, foreach=True)),
    Contender("our Lion loop", lambda p: optim.Lion(p, foreach=False), passes=5),
)


def parameters(count: int, size: int) -> list[torch.nn.Parameter]:
    params = [torch.nn.Parameter(torch.randn(size)) for _ in range(count)]
    for p in params:
        p.grad = torch.randn(size)
    return params


def milliseconds(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return 1e3 * (time.perf_counter() - start)


def measure(count: int, size: int, repeats: int) -> dict[str, list[float]]:
    """Milliseconds of each step of each contender, and of "mul_" on one tensor of the same total size."""
    flat = torch.randn(count * size)
    steps: dict[str, Callable[[], object]] = {"mul_": lambda: flat.mul_(1.0000001)}
    for contender in CONTENDERS:
        steps[contender.name] = contender.build(parameters(count, size)).step
    for step in steps.values():
        step()
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(repeats):
        for name, step in steps.items():
            times[name].append(milliseconds(step))
    return times


def report(workload: str, count: int, size: int, repeats: int) -> None:
    times = measure(count, size, repeats)
    median = {name: statistics.median(values) for name, values in times.items()}
    best = {name: min(values) for name, values in times.items()}
    print(f"\n{workload} float32: in-place mul_ {median['mul_']:.1f} ms, best {best['mul_']:.1f} ms", end="")
    print(f" = {2 * FLOAT_BYTES * count * size / best['mul_'] / 1e6:.1f} GB/s")
    print(f"{'contender':34}{'median ms':>10}{'best ms':>9}{'ratio':>8}{'of mul_ bandwidth':>20}")
    for contender in CONTENDERS:
        ms, low = median[contender.name], best[contender.name]
        ideal = contender.passes / 2 * best["mul_"]
        print(
            f"{contender.name:34}{ms:10.1f}{low:9.1f}{ms / median['torch AdamW loop']:8.2f}{ideal / low:20.0%}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--scale", type=float, default=1.0, help="multiplies the sizes of the tensors")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(f"torch {torch.__version__}, {options.threads} threads, median of {options.repeats}")
    for workload, (count, size) in WORKLOADS.items():
        report(workload, count, max(1, int(size * options.scale)), options.repeats)


if __name__ == "__main__":
    main()
