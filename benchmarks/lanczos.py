"""The largest Hessian eigenvalue, side by side with curvlinops, PyHessian and hessian-eigenthings, on this machine.

    python benchmarks/lanczos.py [--device cuda] [--threads N] [--rounds N] [--goal X] [--problems K] [--output FILE]

Contenders take turns, so that a slow moment of the machine hits them all. Times are medians over the rounds, of the
processor over all threads, or on a GPU of the wall clock. The residual is the true one, ‖Hv − λv‖ of the unit vector
that a contender returns, by a float64 Hessian; the contenders compute in float32. A contender that was told something
got the loosest setting (tolerance, or number of steps) that reaches the goal, else the tightest, found beforehand and
not timed: nobody has it. Doubling starts at 10 Lanczos steps and doubles them until hessian-eigenthings says that it
converged. On the same products, every solver multiplies by our Hessian product; as a tool, each multiplies by its own
and pays for its own setup; by default, each stops where it does if it is told nothing, right or wrong. All Hessians are
those of the mean loss of 500 handwritten digits, after 20 steps of Adam.
"""

from __future__ import annotations

import argparse
import bisect
import statistics
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Literal, cast

import hessian_eigenthings as eigenthings
import numpy as np
import pyhessian
import torch
from curvlinops import HessianLinearOperator
from pyhessian.utils import group_product
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh
from sklearn.datasets import load_digits
from torch import Tensor, nn

from grams_theory.core.summary import plural
from grams_theory.landscape.curvature import sharpness, spectrum
from grams_theory.landscape.objective import Objective

SAMPLES = 500
STEPS = 20
"""Of Adam, before anything is measured."""
MOST = 1000
"""Products after which a power iteration is stopped."""
Which = Literal["LM", "LA", "SA"]
Matvec = Callable[[Tensor], Tensor]
Pair = tuple[float, Tensor | None]
"""Ours tells no eigenvectors: they are what it multiplied last, to verify them."""


def perceptron(*widths: int) -> nn.Module:
    layers = [layer for pair in pairwise(widths) for layer in (nn.Linear(*pair), nn.Tanh())]
    return nn.Sequential(*layers[:-1])


def convolutions() -> nn.Module:
    return nn.Sequential(
        nn.Unflatten(1, (1, 8, 8)),
        *(nn.Conv2d(1, 8, 3, padding=1), nn.Tanh(), nn.AvgPool2d(2)),
        *(nn.Conv2d(8, 16, 3, padding=1), nn.Tanh(), nn.AvgPool2d(2)),
        *(nn.Flatten(), nn.Linear(64, 10)),
    )


@dataclass(frozen=True)
class Problem:
    name: str
    model: nn.Module
    batches: list[tuple[Tensor, Tensor]]
    chunk: int | None
    """So many samples go through the model at a time; None: all, and the graph may be kept."""

    @property
    def params(self) -> list[nn.Parameter]:
        return list(self.model.parameters())

    @property
    def dim(self) -> int:
        return sum(p.numel() for p in self.params)

    @property
    def loss(self) -> nn.Module:
        return nn.CrossEntropyLoss()

    def objective(self, dtype: torch.dtype | None = None) -> Objective:
        device = self.batches[0][0].device
        return Objective(self.model, self.loss, self.batches, device, dtype, chunk=self.chunk)


def problems(device: str) -> list[Problem]:
    pixels, digit = load_digits(return_X_y=True)
    x = (torch.tensor(pixels[:SAMPLES], dtype=torch.float32) / 16).to(device)
    y = torch.tensor(digit[:SAMPLES]).to(device)
    torch.manual_seed(0)
    models = {
        "perceptron": perceptron(64, 24, 10),
        "wider perceptron": perceptron(64, 128, 64, 10),
        "widest perceptron": perceptron(64, 512, 300, 10),
        "convolutions": convolutions(),
    }
    for model in models.values():
        model.to(device)
        adam = torch.optim.Adam(model.parameters(), lr=1e-2)
        for _ in range(STEPS):
            adam.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            adam.step()
        adam.zero_grad()
    found = [Problem(name, model, [(x, y)], None) for name, model in models.items()]
    cut = SAMPLES // 4
    pieces = list(zip(x.split(cut), y.split(cut), strict=True))
    return [
        *found,
        Problem(f"wider perceptron, {cut} samples at a time", models["wider perceptron"], pieces, cut),
    ]


# Products


def our_product(problem: Problem) -> Matvec:
    return problem.objective().hessian_product()


def curvlinops_product(problem: Problem) -> Matvec:
    operator = HessianLinearOperator(
        problem.model, problem.loss, problem.params, problem.batches, check_deterministic=False
    )
    return lambda v: cast(Tensor, operator @ v)


def pyhessian_product(problem: Problem) -> Matvec:
    cuda = problem.batches[0][0].is_cuda
    if problem.chunk is None:
        kept = pyhessian.hessian(problem.model, problem.loss, data=problem.batches[0], cuda=cuda)
    else:
        kept = pyhessian.hessian(problem.model, problem.loss, dataloader=problem.batches, cuda=cuda)
    for p in problem.params:
        p.grad = None  # else the graph is never freed

    def product(v: Tensor) -> Tensor:
        parts = cut(v, problem.params)
        if problem.chunk is None:
            return flat(pyhessian.utils.hessian_vector_product(kept.gradsH, kept.params, parts))
        return flat(kept.dataloader_hv_product(parts)[1])

    return product


def eigenthings_product(problem: Problem) -> Matvec:
    loss = eigenthings.supervised_loss(problem.loss)
    return eigenthings.HessianOperator(problem.model, problem.batches, loss).matvec


PRODUCTS = {
    "ours": our_product,
    "curvlinops": curvlinops_product,
    "PyHessian": pyhessian_product,
    "hessian-eigenthings": eigenthings_product,
}


def flat(parts: Iterable[Tensor]) -> Tensor:
    return torch.cat([part.reshape(-1) for part in parts])


def cut(v: Tensor, params: list[nn.Parameter]) -> list[Tensor]:
    return [part.view_as(p) for part, p in zip(v.split([p.numel() for p in params]), params, strict=True)]


# Solvers of an end of the spectrum, or of both: each multiplies by `product`, and returns eigenpairs.


def ours(product: Matvec, objective: Objective, tol: float) -> list[Pair]:
    return [(sharpness(objective, tol, product=product).value, None)]


def ours_both(product: Matvec, objective: Objective, tol: float) -> list[Pair]:
    found = spectrum(objective, tol, product=product)
    return [(found.smallest.value, None), (found.largest.value, None)]


def by_eigsh(product: Matvec, objective: Objective, tol: float, which: Which = "LM") -> list[Pair]:
    """As the documentation of curvlinops does it."""

    def matvec(v: np.ndarray) -> np.ndarray:
        found = product(torch.from_numpy(v.reshape(-1)).to(objective.device, objective.dtype))
        return found.cpu().numpy()

    shape = objective.dim, objective.dim
    operator = LinearOperator(dtype=np.dtype(np.float32), shape=shape, matvec=matvec)  # type: ignore[call-arg]
    v0 = torch.randn(objective.dim, generator=torch.Generator().manual_seed(1)).numpy()
    values, vectors = eigsh(operator, k=1, which=which, tol=tol, v0=v0, maxiter=MOST // 10)  # type: ignore[arg-type]
    return [(float(values[0]), torch.from_numpy(vectors[:, 0]).to(objective.device))]


class PowerIteration(pyhessian.hessian):
    """PyHessian's, on any product."""

    def __init__(self, product: Matvec, objective: Objective) -> None:
        self.product, self.params = product, objective.parameters
        self.model, self.device, self.full_dataset = nn.Identity(), objective.device, True

    def dataloader_hv_product(self, v: list[Tensor]) -> tuple[float, list[Tensor]]:
        Hv = cut(self.product(flat(v)), self.params)
        return cast(Tensor, group_product(Hv, v)).item(), Hv


def by_pyhessian(product: Matvec, objective: Objective, tol: float, most: int = MOST) -> list[Pair]:
    torch.manual_seed(1)
    values, vectors = PowerIteration(product, objective).eigenvalues(maxIter=most, tol=tol)
    return [(values[0], flat(vectors[0]))]


def by_eigenthings(product: Matvec, objective: Objective, steps: float, which: Which = "LM") -> list[Pair]:
    found = eigenthings.lanczos(
        operator(product, objective), k=1, max_iter=int(steps), which=which, seed=0, reorthogonalize=True
    )
    return [(found.eigenvalues[0].item(), found.eigenvectors[0])]


def by_doubling(product: Matvec, objective: Objective, tol: float, which: Which = "LM") -> list[Pair]:
    steps = 10
    while True:
        steps = min(steps, objective.dim)
        found = eigenthings.lanczos(
            operator(product, objective), k=1, max_iter=steps, tol=tol, which=which, seed=0
        )
        if bool(found.converged.all()) or steps >= MOST:
            return [(found.eigenvalues[0].item(), found.eigenvectors[0])]
        steps *= 2


def operator(product: Matvec, objective: Objective) -> eigenthings.LambdaOperator:
    return eigenthings.LambdaOperator(
        product, size=objective.dim, device=objective.device, dtype=objective.dtype
    )


def by_power(product: Matvec, objective: Objective, tol: float, most: int = MOST) -> list[Pair]:
    found = eigenthings.deflated_power_iteration(
        operator(product, objective), k=1, tol=tol, max_iter=most, seed=0
    )
    return [(found.eigenvalues[0].item(), found.eigenvectors[0])]


Solver = Callable[[Matvec, Objective, float], list[Pair]]
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

    def residual(self, value: float, v: Tensor) -> float:
        """‖Hv − value v‖/‖v‖, relative to |λ|."""
        v = v.double() / v.double().norm()
        return ((self.exact(v) - value * v).norm() / abs(self.value)).item()

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

    def turns(self, runs: dict[str, Callable[[], object]], repeats: int = 1) -> dict[str, float]:
        """Median milliseconds of each."""
        times: dict[str, list[float]] = {name: [] for name in runs}
        for run in runs.values():
            run()
        for _ in range(self.rounds):
            for name, run in runs.items():
                start = self.clock()
                for _ in range(repeats):
                    run()
                times[name].append(1e3 * (self.clock() - start) / repeats)
        return {name: statistics.median(values) for name, values in times.items()}

    def clock(self) -> float:
        """Seconds: of the processor, which other processes do not disturb, or by the wall, if it waits for a GPU."""
        if self.objective.device.type == "cpu":
            return time.process_time()
        torch.cuda.synchronize()
        return time.perf_counter()

    def products(self) -> list[str]:
        v = torch.randn(self.problem.dim, device=self.objective.device)
        made = {name: build(self.problem) for name, build in PRODUCTS.items()}
        times = self.turns({name: partial(product, v) for name, product in made.items()}, repeats=5)
        setup = self.turns({name: partial(build, self.problem) for name, build in PRODUCTS.items()})
        truth, fastest = self.exact(v.double()), min(times.values())
        lines = ["| product | median ms | ÷ fastest | relative error | setup, ms |", "|---|--:|--:|--:|--:|"]
        for name, product in made.items():
            error = ((product(v).double() - truth).norm() / truth.norm()).item()
            lines.append(
                f"| {name} | {times[name]:.2f} | {times[name] / fastest:.2f} | {error:.0e} | {setup[name]:.2f} |"
            )
        return lines

    def solvers(
        self, contenders: Iterable[Contender], goal: float, own: bool
    ) -> tuple[list[str], dict[str, float]]:
        """A table, and the ratio of our time to each other's."""
        runs, rows = {}, {}
        for contender in contenders:
            build = partial(PRODUCTS[contender.tool], self.problem) if own else lambda: self.product
            parts = self.told(contender, goal)
            seen = []
            try:
                for solver, setting in parts:
                    seen.append(self.examined(build(), solver, setting))
            except ArpackNoConvergence:
                rows[contender.name] = "no convergence | |"
                continue
            values = [value for found, _, _ in seen for value in found]
            rows[contender.name] = (
                f"{sum(calls for _, _, calls in seen)} | {max(r for _, r, _ in seen):.0e} | "
                f"{max(values, key=abs):.6g} |"
            )

            def run(build: Callable[[], Matvec] = build, parts: list = parts) -> None:
                product = build()
                for solver, setting in parts:
                    solver(product, self.objective, setting)

            runs[contender.name] = run
        times = self.turns(runs)
        fastest = min(times.values())
        lines = [
            "| | median ms | ÷ fastest | products | residual ÷ \\|λ\\| | λ |",
            "|---|--:|--:|--:|--:|--:|",
        ]
        for name, row in rows.items():
            timed = f"{times[name]:.1f} | {times[name] / fastest:.2f}" if name in times else "|"
            lines.append(f"| {name} | {timed} | {row}")
        us = next(iter(times.values()))
        return lines, {name: us / ms for name, ms in times.items()}


TARGET = 1.1


def summary(ratios: dict[tuple[str, str], dict[str, float]]) -> list[str]:
    """What was aimed at, and whether it was reached: our time, relative to the fastest other's.

    Once among those that anybody could run, and once among those that were told when to stop.
    """
    lines = ["| task | problem | told nothing | | told when to stop | |", "|---|---|--:|---|--:|---|"]
    for (task, problem), found in ratios.items():
        row = f"| {task} | {problem} |"
        for told in (False, True):
            ratio = max(value for name, value in list(found.items())[1:] if ("told" in name) == told)
            row += f" {ratio:.2f} | {'met' if ratio <= TARGET else '**not met**'} |"
        lines.append(row)
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--goal", type=float, default=1e-4, help="residual to be reached, relative to |λ|")
    parser.add_argument("--problems", type=int, default=5, help="only the first so many")
    parser.add_argument("--output", type=Path, help="write the tables there, as Markdown")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    warnings.filterwarnings("ignore", message="Using backward.. with create_graph=True")
    where = plural(options.threads, "thread") if options.device == "cpu" else torch.cuda.get_device_name()
    text = [
        "# The largest Hessian eigenvalue, side by side",
        "",
        f"Made by `python benchmarks/{Path(__file__).name}`: {where}, torch {torch.__version__}, {options.rounds} "
        f"rounds, goal: residual ≤ {options.goal:g} |λ|.",
        "",
        *" ".join((__doc__ or "").split("\n\n")[-1].split("\n")).strip().splitlines(),
    ]
    one_end, two_ends = largest(options.goal), both_ends(options.goal)
    ratios, shown = {}, 0
    for problem in problems(options.device)[: options.problems]:
        bench = Bench(problem, options.rounds)
        text += ["", f"## {problem.name}, {problem.dim:,} weights", "", "One product:", "", *bench.products()]
        for task, contenders, own in (
            ("largest, same products", one_end, False),
            ("both ends, same products", two_ends, False),
            ("largest, as a tool", one_end, True),
            ("largest, by default", DEFAULTS, True),
        ):
            lines, found = bench.solvers(contenders, options.goal, own)
            text += ["", f"{task.capitalize()}:", "", *lines]
            if contenders is not DEFAULTS:
                ratios[task, problem.name] = found
        print("\n".join(text[shown:]), flush=True)
        shown = len(text)
    end = ["", "## Our time, relative to the fastest other's", "", *summary(ratios)]
    print("\n".join(end))
    if options.output:
        options.output.write_text("\n".join([*text, *end, ""]))


if __name__ == "__main__":
    main()
