"""Turns of contenders on one problem, and how right they are by its Hessian in float64."""

from __future__ import annotations

import bisect
import statistics
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from _shared import by_turns, clock
from scipy.sparse.linalg import ArpackNoConvergence
from torch import Tensor

from grams_theory.landscape.curvature import sharpness

from .contenders import Contender
from .problems import Problem
from .products import PRODUCTS, Matvec
from .solvers import Solver


@dataclass(frozen=True)
class ProductResult:
    milliseconds: float
    error: float
    """Of a product, relative to its norm."""
    setup: float
    """Milliseconds."""


@dataclass(frozen=True)
class Found:
    """What a contender comes to."""

    value: float
    """The eigenvalue of largest magnitude."""
    residual: float
    """The largest, relative to |λ|."""
    products: int


@dataclass(frozen=True)
class SolverResult:
    """None: the contender did not converge."""

    found: Found | None
    milliseconds: float | None


class Memory:
    """A product that counts, and remembers the last two vectors that it multiplied."""

    def __init__(self, product: Matvec) -> None:
        self.product, self.calls = product, 0
        self.recent: deque[Tensor] = deque(maxlen=2)

    def __call__(self, v: Tensor) -> Tensor:
        self.calls += 1
        self.recent.append(v)
        return self.product(v)


class Bench:
    """One problem: its objective, the truth about its Hessian in float64, and turns of contenders."""

    def __init__(self, problem: Problem, rounds: int) -> None:
        self.problem, self.rounds = problem, rounds
        self.settings: dict[int, list[tuple[Solver, float]]] = {}
        self.objective = problem.objective()
        self.product = self.objective.hessian_product()
        exact = problem.objective(torch.float64)
        self.exact = exact.hessian_product()
        self.value = sharpness(exact, 1e-10, product=self.exact).value

    def products(self) -> dict[str, ProductResult]:
        v = torch.randn(self.problem.dim, device=self.objective.device)
        made = {name: build(self.problem) for name, build in PRODUCTS.items()}
        times = self.turns({name: partial(product, v) for name, product in made.items()}, repeats=5)
        setup = self.turns({name: partial(build, self.problem) for name, build in PRODUCTS.items()})
        truth = self.exact(v.double())
        errors = {
            name: ((product(v).double() - truth).norm() / truth.norm()).item()
            for name, product in made.items()
        }
        return {name: ProductResult(times[name], errors[name], setup[name]) for name in made}

    def solvers(self, contenders: Iterable[Contender], goal: float, own: bool) -> dict[str, SolverResult]:
        """By name of the contender; with `own`, each multiplies by its tool's product."""
        runs, seen = {}, {}
        for contender in contenders:
            build = partial(PRODUCTS[contender.tool], self.problem) if own else lambda: self.product
            parts = self.told(contender, goal)
            seen[contender.name] = self.found(build, parts)
            if seen[contender.name] is not None:
                runs[contender.name] = partial(self.run, build, parts)
        times = self.turns(runs)
        return {name: SolverResult(found, times.get(name)) for name, found in seen.items()}

    def run(self, build: Callable[[], Matvec], parts: Iterable[tuple[Solver, float]]) -> None:
        product = build()
        for solver, setting in parts:
            solver(product, self.objective, setting)

    def found(self, build: Callable[[], Matvec], parts: Iterable[tuple[Solver, float]]) -> Found | None:
        try:
            seen = [self.examined(build(), solver, setting) for solver, setting in parts]
        except ArpackNoConvergence:
            return None
        values = [value for found, _, _ in seen for value in found]
        return Found(max(values, key=abs), max(r for _, r, _ in seen), sum(calls for _, _, calls in seen))

    def told(self, contender: Contender, goal: float) -> list[tuple[Solver, float]]:
        """Each part with the loosest setting that reaches the goal, or with the tightest."""
        if id(contender) not in self.settings:
            self.settings[id(contender)] = [
                (solver, self.loosest(solver, settings, goal)) for solver, settings in contender.parts
            ]
        return self.settings[id(contender)]

    def loosest(self, solver: Solver, settings: Sequence[float], goal: float) -> float:
        def reached(setting: float) -> bool:
            try:
                return self.examined(self.product, solver, setting)[1] <= goal
            except ArpackNoConvergence:
                return True  # no tighter setting will do

        last = len(settings) - 1
        high = 0
        while high < last and not reached(settings[high]):
            high = min(2 * high + 1, last)
        return settings[bisect.bisect_left(settings, True, lo=high // 2, hi=high, key=reached)]

    def examined(self, product: Matvec, solver: Solver, setting: float) -> tuple[list[float], float, int]:
        """Eigenvalues, the largest residual, and how many products were spent."""
        memory = Memory(product)
        pairs = solver(memory, self.objective, setting)
        verified = list(memory.recent)[-len(pairs) :]
        residuals = [
            self.residual(value, ours if v is None else v)
            for (value, v), ours in zip(pairs, verified, strict=True)
        ]
        return [value for value, _ in pairs], max(residuals), memory.calls

    def residual(self, value: float, v: Tensor) -> float:
        """‖Hv − value v‖/‖v‖, relative to |λ|."""
        v = v.double() / v.double().norm()
        return ((self.exact(v) - value * v).norm() / abs(self.value)).item()

    def turns(self, runs: Mapping[str, Callable[[], object]], repeats: int = 1) -> dict[str, float]:
        """Median milliseconds of each."""
        for run in runs.values():
            run()
        times = by_turns(runs, self.rounds, clock(self.objective.device), repeats)
        return {name: statistics.median(values) for name, values in times.items()}
