"""Figure 1: on f(w) = (0.5 w₁)² + (0.1 w₂)², Grams reaches the lowest objective of five optimizers.

    f(w_{T+1}) under Grams ≤ f(w_{T+1}) under Adam, C-Adam, Lion and C-Lion

Where it stands: Figure 1, one picture of one run. Its learning rates (0.01 for Grams, Adam and C-Adam, 0.001 for the
Lions) and default betas are given; the starting point and the number of steps T are not, so the statement is
reconstructed as one about every start of a grid and several T.
What it needs: nothing is proved. It is measured with the production optimizers in float64, and what looks like a
counterexample is run again by the definitions in ball arithmetic.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from grams_theory.core.claim import Claim
from grams_theory.core.evidence import Evidence, MeasuredEvidence, Witness
from grams_theory.core.verdict import Verdict

if TYPE_CHECKING:
    from torch import Tensor

Point = tuple[str, str]

CURVATURES = (Fraction(1, 2), Fraction(1, 50))
"""f(w) = (0.5 w₁)² + (0.1 w₂)² = Σ h_i w_i² / 2."""
RATES: Mapping[str, Fraction] = {
    "Grams": Fraction(1, 100),
    "Adam": Fraction(1, 100),
    "CautiousAdam": Fraction(1, 100),
    "Lion": Fraction(1, 1000),
    "CautiousLion": Fraction(1, 1000),
}
RIVALS = tuple(name for name in RATES if name != "Grams")
DISTANCES = ("1/10", "1/4", "1/2", "1", "2", "4")
"""|w₁| and |w₂| of the starts; by symmetry one quadrant is enough."""
STARTS: tuple[Point, ...] = tuple((x, y) for x in DISTANCES for y in DISTANCES)
HORIZONS = (100, 200, 500, 1000)
EPS = Fraction(1, 10**8)
BITS = 1024
"""Precision of the recheck: it resolves differences between objectives of 1e-200."""


@dataclass(frozen=True)
class Figure1Runs:
    """Iterates of each optimizer, name -> float64 tensor of shape (steps + 1, 2), and the learning rates."""

    points: Mapping[str, Tensor]
    rates: Mapping[str, float]

    def objective(self, name: str) -> Tensor:
        """f along the run, shape (steps + 1,)."""
        return objective(self.points[name])

    def distance(self, name: str) -> Tensor:
        """Distance to the optimum (the origin) along the run, shape (steps + 1,)."""
        return self.points[name].norm(dim=-1)


def objective(w: Tensor) -> Tensor:
    """f(w), shapes (..., 2) -> (...,)."""
    return (w.new_tensor([float(h) for h in CURVATURES]) * w * w).sum(-1) / 2


def trajectories(starts: Tensor, steps: int) -> dict[str, Tensor]:
    """Iterates of the production optimizers from each start, shape (B, 2) -> name -> (steps + 1, B, 2)."""
    import torch

    from grams_theory import optim

    curvatures = starts.new_tensor([float(h) for h in CURVATURES])
    paths = {}
    for name, rate in RATES.items():
        w = torch.nn.Parameter(starts.clone())
        optimizer = optim.by_name(name)([w], lr=float(rate))
        path = [starts]
        for _ in range(steps):
            w.grad = curvatures * w.detach()
            optimizer.step()
            path.append(w.detach().clone())
        paths[name] = torch.stack(path)
    return paths


def figure1_runs(start: tuple[float, float] = (1.0, 1.0), steps: int = 1000) -> Figure1Runs:
    """The runs of Figure 1 from one starting point, by the production optimizers with the paper's learning rates."""
    import torch

    paths = trajectories(torch.tensor([start], dtype=torch.float64), steps)
    return Figure1Runs(
        {name: path[:, 0] for name, path in paths.items()},
        {name: float(rate) for name, rate in RATES.items()},
    )


def measure(device: str) -> list[Evidence]:
    import torch

    starts = torch.tensor(
        [[float(Fraction(x)) for x in p] for p in STARTS], dtype=torch.float64, device=device
    )
    f = {name: objective(path).cpu() for name, path in trajectories(starts, max(HORIZONS)).items()}
    evidence: list[Evidence] = [_summary(f), _curves(f), _ends(f)]
    witness = next((w for case in _counterexamples(f) if (w := confirm(*case)) is not None), None)
    return evidence if witness is None else [*evidence, witness]


def _advantage(f: Mapping[str, Tensor], rival: str, T: int) -> Tensor:
    """f(Grams) / f(rival) after T steps, shape (B,): above 1 where the rival is lower; 1 where both are 0."""
    return (f["Grams"][T] / f[rival][T]).nan_to_num(nan=1.0, posinf=float("inf"))


def _summary(f: Mapping[str, Tensor]) -> MeasuredEvidence:
    rows = []
    for T in HORIZONS:
        for rival in RIVALS:
            advantage = _advantage(f, rival, T)
            worst = int(advantage.argmax())
            lower = int((f[rival][T] < f["Grams"][T]).sum())
            equal = int((f[rival][T] == f["Grams"][T]).sum())
            rows.append((T, rival, lower, equal, float(advantage[worst]), f"({', '.join(STARTS[worst])})"))
    return MeasuredEvidence(
        f"Figure 1: Grams against its rivals from {len(STARTS)} starts",
        (
            "T",
            "rival",
            "starts where the rival is lower",
            "equal",
            "largest f(Grams) / f(rival)",
            "at the start",
        ),
        tuple(rows),
        (
            "The Lions run at a tenth of the learning rate, as in the paper: they need ten times as many steps.",
            "A Lion start that is a multiple of its learning rate can end on the optimum itself.",
        ),
    )


def _curves(f: Mapping[str, Tensor]) -> MeasuredEvidence:
    row = STARTS.index(("1", "1"))
    steps = range(0, max(HORIZONS) + 1, 25)
    return MeasuredEvidence(
        "Figure 1: objective from (1, 1)",
        ("step", *RATES),
        tuple((t, *(float(f[name][t, row]) for name in RATES)) for t in steps),
    )


def _ends(f: Mapping[str, Tensor]) -> MeasuredEvidence:
    T = max(HORIZONS)
    return MeasuredEvidence(
        f"Figure 1: objective after {T} steps",
        ("w₁", "w₂", *RATES),
        tuple((*start, *(float(f[name][T, row]) for name in RATES)) for row, start in enumerate(STARTS)),
    )


def _counterexamples(f: Mapping[str, Tensor]) -> Iterator[tuple[Point, int, str]]:
    """Per rival, the start where it is furthest below Grams at the first horizon at which it is."""
    for rival in RIVALS:
        for T in HORIZONS:
            if bool((f[rival][T] < f["Grams"][T]).any()):
                yield STARTS[int(_advantage(f, rival, T).argmax())], T, rival
                break


def confirm(start: Point, steps: int, rival: str) -> Witness | None:
    """The runs by the definitions in ball arithmetic: a witness if the rival surely ends lower than Grams."""
    from flint import arb, ctx, fmpq

    from grams_theory.symbolic import twin

    h = [fmpq(c.numerator, c.denominator) for c in CURVATURES]

    def end(name: str):
        def gradient(w):
            return [h_i * w_i for h_i, w_i in zip(h, w, strict=True)]

        w = twin.run(name, gradient, start, steps, RATES[name], betas(name), EPS, precision=BITS)[-1]
        return sum((h_i * w_i * w_i for h_i, w_i in zip(h, w, strict=True)), start=fmpq(0)) / 2

    with ctx.workprec(BITS):
        margin = end(rival) - end("Grams")
        if not margin < 0:
            return None
        return Witness(
            kind="run",
            data={
                "H": (("1/2", "0"), ("0", "1/50")),
                "start": start,
                "steps": steps,
                "eta": {name: str(RATES[name]) for name in ("Grams", rival)},
                "betas": {name: tuple(map(str, betas(name))) for name in ("Grams", rival)},
                "eps": str(EPS),
            },
            part=f"f({rival}) − f(Grams)",
            margin=arb(margin).str(8),
            method="ball arithmetic",
            token="",
        )


def betas(name: str) -> tuple[Fraction, Fraction]:
    """The defaults of the paper's optimizers, as the decimals that they are."""
    return (Fraction(9, 10), Fraction(99, 100) if name.endswith("Lion") else Fraction(999, 1000))


CLAIM = Claim(
    id="figure-1",
    title="Grams ends lowest on the function of Figure 1",
    source="Figure 1 (reconstructed: its starting point and number of steps are not known to us)",
    statement=(
        "from every start and for every number of steps T, Grams ends with an objective at most that of Adam, "
        "C-Adam, Lion and C-Lion on f(w) = (0.5 w₁)² + (0.1 w₂)²"
    ),
    latex=r"f(w)=(0.5\,w_1)^2+(0.1\,w_2)^2:\quad f(w_{T+1}^{\mathrm{Grams}})\le f(w_{T+1}^{X}),"
    r"\quad X\in\{\mathrm{Adam},\mathrm{C\text{-}Adam},\mathrm{Lion},\mathrm{C\text{-}Lion}\}",
    recorded=Verdict.REFUTED,
    measure=measure,
    note=(
        "Empirical. From starts with both coordinates at least 1/2 no rival was measured below Grams, so the picture "
        "in the paper is not contradicted; from starts nearer the optimum C-Adam can end lower."
    ),
)
