"""What the engine found out about a claim. Immutable, and plain enough to be written as JSON."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

StepKind = Literal["axiom", "citation", "identity", "implication", "calculus", "lift", "certificate"]


@dataclass(frozen=True)
class ProofStep:
    """One machine-checked step, or an axiom that the proof rests on."""

    name: str
    kind: StepKind
    statement: str
    """Readable mathematics (Unicode)."""
    latex: str
    method: str
    """What checked it, such as "SymPy over QQ" or "Z3 (unsat)"; for an axiom, its reference."""
    seconds: float = 0.0


@dataclass(frozen=True)
class ProofEvidence:
    """A proof attempt. `complete` is true only if every step was checked."""

    target: Literal["claim", "vacuity"]
    steps: tuple[ProofStep, ...]
    uses: tuple[str, ...]
    """Ids of the claims that the steps cite."""
    complete: bool
    failure: str | None = None
    seconds: float = 0.0

    @property
    def axioms(self) -> tuple[str, ...]:
        return tuple(step.name for step in self.steps if step.kind == "axiom")

    @property
    def checked(self) -> int:
        """How many steps a machine checked (axioms are not counted)."""
        return sum(step.kind not in ("axiom", "citation") for step in self.steps)

    def _repr_html_(self) -> str:
        from grams_theory.core.html import proof_html  # html describes evidence, so it imports this module

        return proof_html(self)


@dataclass(frozen=True)
class FuzzEvidence:
    """The tally of a batched campaign through the production optimizer."""

    cases: int
    """Sampled rows that satisfied the premise."""
    discarded: int
    """Sampled rows that did not."""
    undecided: int
    """Rows whose margin lies inside its rounding bound."""
    violations: int
    min_margin: float | None
    """Smallest margin over the cases that rounding leaves no doubt about, in units of the loss."""
    parts: Mapping[str, float]
    """Smallest margin of each part of the claim."""
    families: Mapping[str, int]
    """Cases per function family."""
    structures: int
    """Batches whose structure Hypothesis drew."""
    optimizers: tuple[str, ...]
    seed: int
    seconds: float = 0.0


@dataclass(frozen=True)
class Witness:
    """A violating case, complete and exact: every number a string "p/q"."""

    kind: str
    """"quadratic" (one step), "run" (a trajectory), "flow" (a state) or "noise"."""
    data: Mapping[str, Any]
    part: str
    margin: str
    """The violated margin, "p/q" or a ball such as "[-0.123 +/- 1e-60]"."""
    method: str
    """"rational arithmetic" or "ball arithmetic"."""
    token: str | None = None
    """Replays the case through the production optimizer: `grams-theory replay TOKEN`."""


@dataclass(frozen=True)
class ArgumentEvidence:
    """Steps of the source's own argument that are refuted, as ids of claims."""

    refuted: tuple[str, ...]


@dataclass(frozen=True)
class MeasuredEvidence:
    """Named measurements (real losses, empirical claims), each a number with its unit or meaning."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | float | int | None, ...], ...]
    notes: tuple[str, ...] = field(default=())


Evidence = ProofEvidence | FuzzEvidence | Witness | ArgumentEvidence | MeasuredEvidence
