"""The claim `rounding-direction` on every pair of a weight and a step of bfloat16 and of float16, and its speed.

    python benchmarks/sixteen_bits.py [--device D] [--workers N] [--formats F ...] [--implementations I ...]
                                      [--steps A:B]

Complete, it is 8.5e9 cases for bfloat16 and 8.1e9 for float16, and as many again for the other implementation.
`--steps` takes a part of the steps, by index. Workers share the steps; each runs on one thread.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import reduce
from multiprocessing import get_context

import torch
from _shared import argument_parser

from grams_theory.claims._direction_sweep import Implementation, Sweep, every_pair, sweep

BLOCK = 1024
"""Steps that a worker takes at a time."""


def part(name: str, steps: range, implementation: Implementation, device: str) -> Sweep:
    torch.set_num_threads(1)
    return sweep(every_pair(getattr(torch, name)), steps, implementation=implementation, device=device)


def parts(
    pool: ProcessPoolExecutor, name: str, steps: range, implementation: Implementation, device: str
) -> Iterator[Sweep]:
    blocks = [steps[start : start + BLOCK] for start in range(0, len(steps), BLOCK)]
    tasks = [pool.submit(part, name, block, implementation, device) for block in blocks]
    for done, task in enumerate(tasks, 1):
        yield task.result()
        print(f"\r{name} {implementation}: {done / len(tasks):.0%}", end="", flush=True)


def report(whole: Sweep, of: int, seconds: float) -> None:
    counts = whole.counts
    print(
        f"\r{whole.format}, {whole.implementation}: {whole.weights:,} weights x {whole.steps:,} of {of:,} steps"
        f" x 4 signs = {whole.cases:,} cases in {seconds:.0f} s, {whole.cases / seconds / 1e6:.1f} M/s\n"
        f"    the wrong way {counts.wrong_way:,} {counts.first_wrong_way or ''}\n"
        f"    not w - d, rounded {counts.misrounded:,} {counts.first_misrounded or ''}\n"
        f"    lost {counts.lost:,} of {counts.moving:,} ({counts.lost_share:.2%}), to infinity {counts.overflowed:,}\n"
        f"    largest d/|w| lost {counts.largest_lost:.6g}, smallest kept {counts.smallest_kept:.6g}"
    )


def main() -> None:
    parser = argument_parser(__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--workers", type=int, help="processes; by default one per core, one on a GPU")
    parser.add_argument("--formats", nargs="+", default=["bfloat16", "float16"])
    parser.add_argument("--implementations", nargs="+", default=["loop", "foreach"])
    parser.add_argument("--steps", default=":", help="A:B, indices of steps; all by default")
    options = parser.parse_args()
    workers = options.workers or (os.cpu_count() if options.device == "cpu" else 1)
    first, last = (int(end) if end else None for end in options.steps.split(":"))
    print(f"torch {torch.__version__}, {options.device}, {workers} workers")
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for name in options.formats:
            everything = range(len(every_pair(getattr(torch, name)).steps))
            for implementation in options.implementations:
                began = time.perf_counter()
                found = parts(pool, name, everything[first:last], implementation, options.device)
                report(reduce(Sweep.merge, found), len(everything), time.perf_counter() - began)


if __name__ == "__main__":
    main()
