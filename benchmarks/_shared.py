"""What the benchmarks share: their options, the processor's name, clocks, turns, tables in Markdown."""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import torch

SEPARATORS = {"l": "---", "r": "--:"}


def argument_parser(description: str | None) -> argparse.ArgumentParser:
    """One that prints the description as it is written."""
    return argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )


def device_parser(description: str | None) -> argparse.ArgumentParser:
    """`argument_parser` with --device and --threads."""
    found = argument_parser(description)
    found.add_argument("--device", default="cpu")
    found.add_argument("--threads", type=int, default=torch.get_num_threads())
    return found


def processor(device: str) -> str:
    """The name of what computes there."""
    if device != "cpu":
        return torch.cuda.get_device_name(device)
    try:
        described = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":")[1].strip() for line in described if line.startswith("model name")), "a CPU")


def wait(device: str | torch.device) -> None:
    """Until a GPU has done what it was told."""
    if torch.device(device).type == "cuda":
        torch.cuda.synchronize()


def clock(device: str | torch.device) -> Callable[[], float]:
    """Seconds: of the processor, which other processes do not disturb, or by the wall, when a GPU has finished."""

    def wall() -> float:
        wait(device)
        return time.perf_counter()

    return time.process_time if torch.device(device).type == "cpu" else wall


def by_turns(
    runs: Mapping[str, Callable[[], object]], rounds: int, now: Callable[[], float], repeats: int = 1
) -> dict[str, list[float]]:
    """Milliseconds of a call of each in each round, by a clock, so that a slow moment of the machine hits them all."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            start = now()
            for _ in range(repeats):
                run()
            times[name].append(1e3 * (now() - start) / repeats)
    return times


def explanation(description: str | None) -> str:
    """The last paragraph of a benchmark's docstring, on one line."""
    return " ".join((description or "").split("\n\n")[-1].split("\n")).strip()


def line(cells: Iterable[str]) -> str:
    return "|" + "".join(f" {cell} |" if cell else " |" for cell in cells)


def table(head: Sequence[str], align: str, rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines of Markdown; `align` has an l or an r for each column."""
    separators = "".join(f"{SEPARATORS[side]}|" for side in align)
    return [line(head), f"|{separators}", *map(line, rows)]
