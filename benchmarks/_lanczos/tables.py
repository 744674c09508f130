"""What was measured, in Markdown."""

from __future__ import annotations

from collections.abc import Mapping

from _shared import table

from .bench import ProductResult, SolverResult

TARGET = 1.1


def product_table(results: Mapping[str, ProductResult]) -> list[str]:
    fastest = min(result.milliseconds for result in results.values())
    return table(
        ("product", "median ms", "÷ fastest", "relative error", "setup, ms"),
        "lrrrr",
        [
            (
                name,
                f"{result.milliseconds:.2f}",
                f"{result.milliseconds / fastest:.2f}",
                f"{result.error:.0e}",
                f"{result.setup:.2f}",
            )
            for name, result in results.items()
        ],
    )


def solver_table(results: Mapping[str, SolverResult]) -> list[str]:
    fastest = min(ms for result in results.values() if (ms := result.milliseconds) is not None)
    head = ("", "median ms", "÷ fastest", "products", "residual ÷ \\|λ\\|", "λ")
    return table(head, "lrrrrr", [(name, *_cells(result, fastest)) for name, result in results.items()])


def _cells(result: SolverResult, fastest: float) -> tuple[str, ...]:
    found, ms = result.found, result.milliseconds
    if found is None or ms is None:
        return "", "", "no convergence", "", ""
    return (
        f"{ms:.1f}",
        f"{ms / fastest:.2f}",
        str(found.products),
        f"{found.residual:.0e}",
        f"{found.value:.6g}",
    )


def ratios(results: Mapping[str, SolverResult]) -> dict[str, float]:
    """Of the time of the first, which is ours, to that of each that converged."""
    times = {name: ms for name, result in results.items() if (ms := result.milliseconds) is not None}
    us = next(iter(times.values()))
    return {name: us / ms for name, ms in times.items()}


def summary(found: Mapping[tuple[str, str], Mapping[str, float]]) -> list[str]:
    """What was aimed at, and whether it was reached: our time, relative to the fastest other's, by task and problem.

    Once among those that anybody could run, and once among those that were told when to stop.
    """
    rows = []
    for (task, problem), times in found.items():
        row = [task, problem]
        for told in (False, True):
            ratio = max(value for name, value in list(times.items())[1:] if ("told" in name) == told)
            row += [f"{ratio:.2f}", "met" if ratio <= TARGET else "**not met**"]
        rows.append(row)
    return table(("task", "problem", "told nothing", "", "told when to stop", ""), "llrlrl", rows)
