"""Time until each planted fault is found, on this machine.

    python benchmarks/detection.py [--seeds N] [--budget CASES] [--kind KIND] [--every]

A target is something false that the project must find: here an optimizer with a planted fault, looked for by the
claim or the check of conformance that must catch it. A claim is looked at with N seeds; the table shows the median
and the longest time, and the cases that were stepped until then. With --every each target is looked for by every
detector that applies to it, one row each, found or not.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from _shared import argument_parser

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.quality.broken import FAULTS
from tests.quality.broken.detection import CHECKS_BY_NAME, Detection, detect


@dataclass(frozen=True)
class Target:
    """Something false, and one way to look for it."""

    name: str
    kind: str
    detector: str
    look: Callable[[int], Detection]
    """Seed -> what looking for it came to."""


def planted_faults(budget: int, every: bool) -> Iterator[Target]:
    """The broken optimizers, each by the detector that it names, or by every one."""
    for cls in FAULTS:
        claim = "lion-descent" if cls.role.endswith("Lion") else "definitions"
        for detector in (claim, *CHECKS_BY_NAME) if every else (cls.caught_by,):

            def look(seed, cls=cls, detector=detector):
                return detect(cls, detector, budget=budget, seed=seed)

            yield Target(cls.__name__, cls.style, detector, look)


def seeds_for(target: Target, seeds: int) -> range:
    """A check of conformance draws nothing from the seed."""
    return range(1 if target.detector in CHECKS_BY_NAME else seeds)


def row(target: Target, found: list[Detection]) -> str:
    seconds = [detection.seconds for detection in found]
    cases = [detection.cases for detection in found if detection.cases is not None]
    missed = sum(not detection.caught for detection in found)
    verdict = f"missed {missed} of {len(found)}" if missed else "caught"
    stepped = f"{statistics.median(cases):10,.0f}{max(cases):10,}" if cases else f"{'':20}"
    times = f"{statistics.median(seconds):9.3f}{max(seconds):9.3f}"
    return f"{target.name:34}{target.kind:9}{target.detector:38}{times}{stepped}  {verdict}"


def main() -> None:
    parser = argument_parser(__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument(
        "--budget", type=int, default=60_000, help="one-step cases after which a claim gives up"
    )
    parser.add_argument("--kind", default="", help="only targets of this kind: loop, foreach, fused")
    parser.add_argument("--every", action="store_true", help="look by every detector")
    options = parser.parse_args()
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {options.seeds} seeds")
    print(f"{'target':34}{'kind':9}{'detector':38}{'median s':>9}{'worst s':>9}{'cases':>10}{'worst':>10}")
    began, caught, targets = time.perf_counter(), set(), set()
    for target in planted_faults(options.budget, options.every):
        if not target.kind.startswith(options.kind):
            continue
        found = [target.look(seed) for seed in seeds_for(target, options.seeds)]
        targets.add(target.name)
        caught |= {target.name} if all(detection.caught for detection in found) else set()
        print(row(target, found), flush=True)
    print(f"{len(caught)} of {len(targets)} caught, {time.perf_counter() - began:.1f} s in all")


if __name__ == "__main__":
    main()
