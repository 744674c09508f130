"""Who takes part in each task, and what each may be told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from .solvers import (
    Pair,
    Solver,
    by_doubling,
    by_eigenthings,
    by_eigsh,
    by_power,
    by_pyhessian,
    ours,
    ours_both,
)

TOLERANCES = [10.0**-k for k in range(13)]
NUMBERS = range(2, 641)
"""Numbers of Lanczos steps, if they are told."""


@dataclass(frozen=True)
class Contender:
    """Solvers, one after the other, each with the settings that it may be told, the loosest first."""

    name: str
    tool: str
    """Whose product it is made for."""
    parts: tuple[tuple[Solver, Sequence[float]], ...]


def largest(goal: float) -> list[Contender]:
    return [
        Contender("ours: sharpness", "ours", ((ours, [goal]),)),
        Contender("curvlinops + eigsh", "curvlinops", ((by_eigsh, [goal]),)),
        Contender("PyHessian, told", "PyHessian", ((by_pyhessian, TOLERANCES),)),
        Contender("hessian-eigenthings, power iteration", "hessian-eigenthings", ((by_power, [goal]),)),
        Contender("hessian-eigenthings, Lanczos, doubling", "hessian-eigenthings", ((by_doubling, [goal]),)),
        Contender("hessian-eigenthings, Lanczos, told", "hessian-eigenthings", ((by_eigenthings, NUMBERS),)),
    ]


def both_ends(goal: float) -> list[Contender]:
    def twice(solver: Callable[..., list[Pair]], settings: Sequence[float]):
        return tuple((partial(solver, which=which), settings) for which in ("LA", "SA"))

    return [
        Contender("ours: spectrum", "ours", ((ours_both, [goal]),)),
        Contender("curvlinops + eigsh, told", "curvlinops", twice(by_eigsh, TOLERANCES)),
        Contender(
            "hessian-eigenthings, Lanczos, doubling", "hessian-eigenthings", twice(by_doubling, [goal])
        ),
        Contender(
            "hessian-eigenthings, Lanczos, told", "hessian-eigenthings", twice(by_eigenthings, NUMBERS)
        ),
    ]


DEFAULTS = [
    Contender("ours: sharpness", "ours", ((ours, [1e-8]),)),
    Contender("curvlinops + eigsh", "curvlinops", ((by_eigsh, [0.0]),)),
    Contender("PyHessian", "PyHessian", ((partial(by_pyhessian, most=100), [1e-3]),)),
    Contender("hessian-eigenthings, Lanczos, k = 1", "hessian-eigenthings", ((by_eigenthings, [2]),)),
    Contender("hessian-eigenthings, Lanczos, k = 10", "hessian-eigenthings", ((by_eigenthings, [20]),)),
    Contender(
        "hessian-eigenthings, power iteration",
        "hessian-eigenthings",
        ((partial(by_power, most=100), [1e-4]),),
    ),
]
"""As each tool does it if it is told nothing."""
