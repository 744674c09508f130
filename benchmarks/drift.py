"""How far production is from the arbitrary-precision twin: after one step, and over 10^4 steps on the same gradients.

    python benchmarks/drift.py [--steps N] [--figure PATH] [--page PATH]

One step of Grams: from a weight of 0, which shows the step, with a momentum that has the gradient's sign, at the first
step and at the 10^5th; and from weights near 1, with any momentum. Errors are in units in the last place (ULPs) of the
weight that is stored, beside the largest bound of any coordinate, and the largest error over its own bound.

A run: 8 weights that begin between 1/2 and 9/4, gradients that are the same numbers in every format (they are numbers
of bfloat16) and shrink a hundredfold on the way, lr 10^-3. A weight is off by no more than the sum of what its steps
are off, which the enclosure bounds, as it carries the errors of the moments from step to step, and of half a ULP for
each weight that was stored. Where w is rounded at random it is a whole one; but these errors are unbiased, and their
sum exceeds ULP sqrt(T ln(2/p) / 2) after T steps with a probability of at most p (Azuma-Hoeffding): with p = 10^-6 this
takes the place of the sum in the second bound.

The tables are written into the page, the figure beside it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from _shared import argument_parser, table
from flint import arb
from torch import Tensor

from grams_theory import optim
from grams_theory.engine.production import IMPLEMENTATIONS
from grams_theory.testing.enclosure import Arithmetic, Enclosure
from grams_theory.testing.twin import Definition, Twin, definition, numbers

DOCS = Path(__file__).parent.parent / "docs"
COORDINATES = 8
UNLIKELY = 1e-6


@dataclass(frozen=True)
class Contender:
    """A format of weights and moments, and an implementation."""

    weights: str
    moments: str
    implementation: str
    stochastic: bool = False

    @property
    def name(self) -> str:
        return f"{self.weights} weights, {self.moments} moments" + (", stochastic" if self.stochastic else "")

    @property
    def dtype(self) -> torch.dtype:
        return getattr(torch, self.weights)

    @property
    def by_chance(self) -> bool:
        """Whether the weights are rounded at random."""
        return self.stochastic and self.dtype.itemsize == 2

    def build(self, p: Tensor) -> optim.RuleOptimizer:
        other = None if self.moments == self.weights else getattr(torch, self.moments)
        eps = 1e-4 if self.weights == "float16" else 1e-8
        return optim.by_name("Grams")(
            [p],
            eps=eps,
            state_dtype=other,
            stochastic_rounding=self.stochastic,
            **IMPLEMENTATIONS[self.implementation],
        )


CONTENDERS = [
    *(Contender(dtype, dtype, way) for dtype in ("float64", "float32") for way in IMPLEMENTATIONS),
    *(Contender(dtype, dtype, way) for dtype in ("bfloat16", "float16") for way in IMPLEMENTATIONS),
    *(Contender("bfloat16", "float32", way) for way in IMPLEMENTATIONS),
    *(Contender("bfloat16", "float32", way, stochastic=True) for way in ("loop", "fused")),
    *(Contender("bfloat16", "bfloat16", way, stochastic=True) for way in ("loop", "fused")),
    *(Contender("float32", "bfloat16", way) for way in ("loop", "fused")),
    *(Contender("float32", "bfloat16", way, stochastic=True) for way in ("loop", "fused")),
]


def ulp(x: Tensor) -> Tensor:
    """The gap to the next number beyond x, of x's own format, in float64."""
    limits, size = torch.finfo(x.dtype), x.detach().double().abs()
    exponent = torch.frexp(size.clamp(min=limits.smallest_normal)).exponent
    return torch.ldexp(torch.full_like(size, limits.eps), exponent - 1)


@dataclass
class Errors:
    """Of the coordinates of a step, in ULPs of the stored weight."""

    seen: float = 0.0
    bound: float = 0.0
    share: float = 0.0
    """Largest error over its bound."""

    def add(self, exact: arb, ball: arb, after: arb, unit: float) -> None:
        error, bound = float(abs(after - exact).upper()), float(abs(ball - exact).upper())
        self.seen, self.bound = max(self.seen, error / unit), max(self.bound, bound / unit)
        self.share = max(self.share, error / bound)


def one_step(contender: Contender, count: int, shift: float, size: int = 400) -> Errors:
    """After so many steps: from weights of 0 without cancellation, or with it from weights that are beyond `shift`."""
    generator = torch.Generator().manual_seed(0)
    g, m, w = torch.randn(3, size, generator=generator)
    v = torch.rand(size, generator=generator) + 0.1
    w, m = (shift + w.abs(), m) if shift else (torch.zeros(size), m.abs() * g.sign())
    p = torch.nn.Parameter(torch.zeros(size, dtype=contender.dtype))
    optimizer = contender.build(p)
    p.grad = torch.zeros_like(p)
    optimizer.step()
    state = optimizer.state[p]
    state["step"].fill_(count)
    if count:
        state["exp_avg"].copy_(m)
        state["exp_avg_sq"].copy_(v)
    p.data.copy_(w)
    p.grad = g.to(contender.dtype)
    wanted = definition(optimizer)
    ways = Twin(wanted), Enclosure(wanted, Arithmetic.of(optimizer, p))
    for way in ways:
        way.load(state)
    exact, balls = (way.step(numbers(p), numbers(p.grad)) for way in ways)
    optimizer.step()
    errors = Errors()
    for x, ball, y, unit in zip(exact, balls, numbers(p), ulp(p).tolist(), strict=True):
        errors.add(x, ball, y, unit)
    return errors


def gradients(steps: int) -> Iterator[Tensor]:
    """Numbers of bfloat16, of size 1 at first and 1/100 at last; their mean is half their deviation."""
    generator = torch.Generator().manual_seed(0)
    signs = torch.randn(COORDINATES, generator=generator).sign()
    for t in range(steps):
        noise = torch.randn(COORDINATES, generator=generator)
        yield (0.01 ** (t / steps) * (noise + signs / 2)).bfloat16()


def start() -> Tensor:
    return torch.linspace(0.5, 2.25, COORDINATES)


def told(steps: int) -> list[int]:
    """The steps after which distances are told: about 24, and the last."""
    return sorted({round(steps ** (k / 24)) for k in range(25)})


Weights = dict[int, list[arb]]
"""Steps that are told -> the weights after them."""


def exact_weights(wanted: Definition, steps: int) -> Weights:
    twin, w, found = Twin(wanted), numbers(start()), {}
    for t, g in enumerate(gradients(steps), 1):
        w = twin.step(w, numbers(g))
        if t in told(steps):
            found[t] = w
    return found


def enclosed_moves(wanted: Definition, how: Arithmetic, steps: int) -> Weights:
    """Balls of the sum of all steps, of which no rounding to the format of the weights is part."""
    enclosure, zeros, found = Enclosure(wanted, how), [arb(0)] * COORDINATES, {}
    total = zeros
    for t, g in enumerate(gradients(steps), 1):
        enclosure.step(zeros, numbers(g))
        total = [x + y for x, y in zip(total, enclosure.unrounded, strict=True)]
        if t in told(steps):
            found[t] = total
    return found


@dataclass
class Drift:
    """Distances from the twin after the steps that are told, largest over the coordinates, and their bounds."""

    way: list[float] = field(default_factory=list)
    """How far the twin itself has moved."""
    distance: list[float] = field(default_factory=list)
    bound: list[float] = field(default_factory=list)
    likely: list[float] = field(default_factory=list)
    """Exceeded with a probability below UNLIKELY for each coordinate."""


def drift(contender: Contender, steps: int, exact: Weights, moves: Weights) -> Drift:
    p = torch.nn.Parameter(start().to(contender.dtype))
    optimizer, found = contender.build(p), Drift()
    how = Arithmetic.of(optimizer, p)
    added, stored = torch.zeros(2, COORDINATES, dtype=torch.float64)
    largest = torch.zeros(COORDINATES, dtype=torch.float64)
    torch.manual_seed(0)
    for t, g in enumerate(gradients(steps), 1):
        p.grad = g.to(p.dtype)
        optimizer.step()
        unit = ulp(p)
        largest = torch.maximum(largest, unit)
        stored += unit if contender.by_chance else unit / 2
        if how.kernel != how.weights:  # the sum is rounded before it is stored
            added += how.kernel.unit * (p.detach().double().abs() + unit)
        if t in exact:
            random = largest * math.sqrt(t * math.log(2 / UNLIKELY) / 2)
            ends = list(zip(exact[t], moves[t], numbers(start()), numbers(p), strict=True))
            error = torch.tensor([_upper(x - (w + move)) for x, move, w, _ in ends], dtype=torch.float64)
            found.way.append(max(_upper(x - w) for x, _, w, _ in ends))
            found.distance.append(max(_upper(x - y) for x, _, _, y in ends))
            found.bound.append(float((error + added + stored).max()))
            found.likely.append(float((error + added + (random if contender.by_chance else stored)).max()))
    return found


def _upper(x: arb) -> float:
    return float(abs(x).upper()) if x.is_finite() else math.inf


def decayed(steps: int, size: int = 4096) -> list[tuple[str, float]]:
    """The mean of v after a gradient that makes it 1 and then so many of 0."""
    found = []
    for contender in (
        Contender("float32", "float32", "loop"),
        Contender("bfloat16", "float32", "loop"),
        Contender("bfloat16", "bfloat16", "loop"),
        Contender("bfloat16", "bfloat16", "loop", stochastic=True),
    ):
        torch.manual_seed(0)
        p = torch.nn.Parameter(torch.zeros(size, dtype=contender.dtype))
        optimizer = contender.build(p)
        p.grad = torch.zeros_like(p)
        optimizer.step()
        v = optimizer.state[p]["exp_avg_sq"].fill_(1)
        for _ in range(steps):
            optimizer.step()
        found.append((contender.name, v.double().mean().item()))
    return found


def columns(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A name and numbers in each row."""
    return "\n".join(table(head, "l" + "r" * (len(head) - 1), rows))


def shown(x: float) -> str:
    return "none" if math.isinf(x) else f"{x:.3g}"


def step_table() -> str:
    rows = []
    for contender in CONTENDERS:
        kinds = one_step(contender, 0, 0.0), one_step(contender, 10**5, 0.0), one_step(contender, 10**5, 1.0)
        cells = [f"{e.seen:.2f} / {e.bound:.2f} / {e.share:.2f}" for e in kinds]
        rows.append([f"{contender.name}, {contender.implementation}", *cells])
        print("  ".join(rows[-1]), flush=True)
    return columns(["", "first step, w = 0", "10⁵th step, w = 0", "10⁵th step, 1 < w < 5"], rows)


def runs(steps: int) -> dict[Contender, Drift]:
    found, exact, moves = {}, {}, {}
    for contender in CONTENDERS:
        began = time.perf_counter()
        p = torch.nn.Parameter(start().to(contender.dtype))
        optimizer = contender.build(p)
        wanted, how = definition(optimizer), Arithmetic.of(optimizer, p)
        if wanted not in exact:
            exact[wanted] = exact_weights(wanted, steps)
        if (wanted, how) not in moves:
            moves[wanted, how] = enclosed_moves(wanted, how, steps)
        found[contender] = drift(contender, steps, exact[wanted], moves[wanted, how])
        print(
            f"{contender.name}, {contender.implementation}: {time.perf_counter() - began:.0f} s", flush=True
        )
    return found


def drift_table(found: dict[Contender, Drift], steps: int) -> str:
    points = told(steps)
    chosen = [min(range(len(points)), key=lambda i, t=t: abs(points[i] - t)) for t in (10, 100, 1000, steps)]
    way = next(iter(found.values())).way
    rows = [["how far the weights move", *(shown(way[i]) for i in chosen)]]
    for contender, one in found.items():
        cells = [f"{shown(one.distance[i])} / {shown(one.bound[i])}" for i in chosen]
        if contender.by_chance:
            cells = [f"{cell} / {shown(one.likely[i])}" for cell, i in zip(cells, chosen, strict=True)]
        rows.append([f"{contender.name}, {contender.implementation}", *cells])
    return columns(["", *(f"{points[i]:,} steps" for i in chosen)], rows)


COLOURS = {
    "float64 weights, float64 moments": "#000000",
    "float32 weights, float32 moments": "#0072B2",
    "float32 weights, bfloat16 moments": "#56B4E9",
    "float32 weights, bfloat16 moments, stochastic": "#999999",
    "bfloat16 weights, bfloat16 moments": "#D55E00",
    "bfloat16 weights, bfloat16 moments, stochastic": "#F0E442",
    "bfloat16 weights, float32 moments": "#E69F00",
    "bfloat16 weights, float32 moments, stochastic": "#009E73",
    "float16 weights, float16 moments": "#CC79A7",
}
"""Okabe and Ito's, which the colour-blind tell apart; the labels and the markers say the same."""


def draw(found: dict[Contender, Drift], steps: int, path: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    points = told(steps)
    figure, axes = plt.subplots(figsize=(9, 6), layout="constrained")
    for (name, colour), marker in zip(COLOURS.items(), "os^v<>DPX", strict=True):
        contender = next(c for c in found if c.name == name)
        one = found[contender]
        axes.loglog(points, one.distance, marker, color=colour, ls="-", ms=4, label=name)
        axes.loglog(points, [b if b < 10 else math.nan for b in one.likely], color=colour, ls="--", lw=1)
    axes.loglog([], [], color="gray", ls="--", label="derived bound (where there is one below 10)")
    axes.set(
        xlabel="steps",
        ylabel="largest distance of a weight from exact arithmetic",
        title="Grams on the same gradients: production against the arbitrary-precision twin",
    )
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(0.01, 0.31))
    figure.savefig(path, dpi=130)


def write(page: Path, name: str, text: str) -> None:
    """Put the text between the marks of that name."""
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    before, rest = page.read_text(encoding="utf-8").split(begin)
    page.write_text(f"{before}{begin}\n{text}\n{end}{rest.split(end)[1]}", encoding="utf-8")


def main() -> None:
    parser = argument_parser(__doc__)
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--figure", type=Path, default=DOCS / "drift.png")
    parser.add_argument("--page", type=Path, default=DOCS / "numerics.md")
    options = parser.parse_args()
    torch.set_num_threads(1)
    found = {"step": step_table()}
    drifts = runs(options.steps)
    found["drift"] = drift_table(drifts, options.steps)
    found["decay"] = columns(
        ["", "v after 3,000 gradients of 0"], [[name, f"{v:.3g}"] for name, v in decayed(3000)]
    )
    for name, text in found.items():
        print(f"\n{text}")
        write(options.page, name, text)
    draw(drifts, options.steps, options.figure)


if __name__ == "__main__":
    main()
