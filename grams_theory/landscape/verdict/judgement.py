"""What a theorem says of a run: a status, the reason with its numbers, and every constant with where it comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from typing import Literal

from grams_theory.core.errors import UnknownNameError
from grams_theory.core.evidence import MeasuredEvidence
from grams_theory.core.html import table
from grams_theory.core.summary import number
from grams_theory.landscape.quantity import Quantity

Status = Literal["violated", "contradicted", "premise fails", "informative", "vacuous", "unknown"]
Says = Literal["exceeded", "informative", "vacuous"]
Standing = Literal["certified", "on the run", "seen"]

MEANINGS: Mapping[Status, str] = {
    "violated": "its premises hold and its bound is surely exceeded",
    "contradicted": "its bound is exceeded with constants that were only seen, so the theorem need not be wrong",
    "premise fails": "it does not speak of this run",
    "informative": "its bound is kept, and at the end of the run below the initial gap",
    "vacuous": "its bound stays above the initial gap",
    "unknown": "a constant that it needs is not known",
}


@dataclass(frozen=True)
class Constant:
    """A number that a bound uses. "on the run": it holds at every visited point, which is where it is used."""

    quantity: Quantity
    standing: Standing

    @property
    def value(self) -> float:
        assert self.quantity.value is not None
        return self.quantity.value


@dataclass(frozen=True)
class Premise:
    """`holds` is None where what was measured does not decide it."""

    text: str
    holds: bool | None
    why: str


@dataclass(frozen=True)
class TheoremVerdict:
    """What one theorem says of one run."""

    claim: str
    """Id of the claim that states it."""
    title: str
    status: Status
    why: str
    premises: tuple[Premise, ...]
    constants: Mapping[str, Constant]
    says: Says | None = None
    """What the bound alone says, whether or not the premises hold; None where it cannot be evaluated."""
    bound: tuple[float | None, ...] = ()
    """The gap that it allows at each visited point, for the lower end of f*; None where it says nothing."""
    ahead: tuple[tuple[int, float], ...] = ()
    """(T, gap) where a bound that is vacuous in this run would inform, if it had gone on."""
    at_end: float | None = None
    """The bound at the last point, in units of the initial gap."""
    informative_from: int | None = None
    """The first T at which the bound is below the initial gap, within the run or after it."""
    exceeded_at: int | None = None
    """The first T at which the gap is surely above the bound."""
    covered: tuple[int, int] | None = None
    """(steps that it speaks of, steps of the run), for a theorem on single steps."""
    largest_lr: float | None = None
    """The largest lr that its premise allows with these constants."""

    @property
    def summary(self) -> str:
        """Status and bound in a line, such as "vacuous: below the initial gap from T = 41 on, not in this run"."""
        failing = next((f" ({premise.why})" for premise in self.premises if premise.holds is False), "")
        if self.says is None:
            return f"{self.status}{failing}: no bound"
        first = "never" if self.informative_from is None else f"from T = {self.informative_from:,} on"
        words = {
            "exceeded": f"the run is above it at T = {self.exceeded_at}",
            "informative": f"below the initial gap {first}",
            "vacuous": f"below the initial gap {first}, not in this run",
        }[self.says]
        if self.status == "premise fails":
            return f"{self.status}{failing}; its formula: {words}"
        covered, steps = self.covered or (0, 0)
        part = f" at {covered:,} of {steps:,} steps" if covered < steps else ""
        return f"{self.status}{part}: {words}"


@dataclass(frozen=True)
class TheoremVerdicts:
    """The three verdicts, by the ids of their claims."""

    lr: float
    eps: float
    beta1: float
    method: str
    initial_gap: float
    """f(w_1) − f* at the lower end of f*, or at the upper one where no lower one is known."""
    verdicts: tuple[TheoremVerdict, ...]

    def __iter__(self) -> Iterator[TheoremVerdict]:
        return iter(self.verdicts)

    def __getitem__(self, claim: str) -> TheoremVerdict:
        for verdict in self.verdicts:
            if verdict.claim == claim:
                return verdict
        raise UnknownNameError("theorem", claim, [verdict.claim for verdict in self.verdicts])

    def table(self) -> MeasuredEvidence:
        """One row per theorem; the notes say which constants were used, and where they come from."""
        rows = ((v.title, v.status, v.says, v.at_end, v.informative_from, v.largest_lr, v.why) for v in self)
        return MeasuredEvidence(
            title=f"What the theorems say of {self.method}, at lr {self.lr:g}, eps {self.eps:g}",
            columns=("theorem", "verdict", "its bound", "bound/gap", "informs from T", "largest lr", "why"),
            rows=tuple(rows),
            notes=tuple(
                dict.fromkeys(
                    f"{name} = {number(c.value)} ({c.standing}): {c.quantity.provenance}"
                    for v in self
                    for name, c in v.constants.items()
                )
            ),
        )

    def _repr_html_(self) -> str:
        measured = self.table()
        cells = ([escape(number(cell)) for cell in row] for row in measured.rows)
        notes = "".join(f"<li>{escape(note)}</li>" for note in measured.notes)
        return f"<p>{escape(measured.title)}</p>{table(measured.columns, cells)}<ul>{notes}</ul>"
