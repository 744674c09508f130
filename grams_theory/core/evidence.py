"""What the engine found out about a claim. Immutable, and plain enough to be written as JSON."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

StepKind = Literal[
    "axiom",
    "assumption",
    "definition",
    "citation",
    "identity",
    "implication",
    "calculus",
    "lift",
    "certificate",
    "instance",
    "discharge",
    "induction",
]
FOUNDATIONS = ("axiom", "assumption", "definition", "citation")
"""Kinds of steps that a proof starts from; a machine checks all others."""


@dataclass(frozen=True)
class ProofStep:
    """One machine-checked step, or an axiom that the proof rests on."""

    name: str
    kind: StepKind
    statement: str
    """Readable mathematics (Unicode)."""
    latex: str
    method: str
    """What checked it, such as "SymPy over QQ" or "Z3 and cvc5 (unsat)"; for an axiom, its reference."""
    seconds: float = 0.0
    rests_on: tuple[str, ...] = ()
    """Names of the steps whose results it uses."""


@dataclass(frozen=True)
class Stated:
    """What a proof concludes, as formulas: premises ⇒ each part. Unicode and LaTeX."""

    premises: tuple[str, ...]
    conclusions: Mapping[str, str]
    premises_latex: tuple[str, ...] = ()
    conclusions_latex: Mapping[str, str] = field(default_factory=dict)
    legend: Mapping[str, str] = field(default_factory=dict)
    """Symbol -> what it stands for."""


@dataclass(frozen=True)
class ProofEvidence:
    """A proof attempt. `complete` is true only if every step was checked."""

    kind: ClassVar[str] = "proof"

    target: Literal["claim", "vacuity"]
    steps: tuple[ProofStep, ...]
    uses: tuple[str, ...]
    """Ids of the claims that the steps cite."""
    complete: bool
    failure: str | None = None
    seconds: float = 0.0
    axioms: tuple[str, ...] = ()
    """What no machine checked, by name: in this proof, or in those of the claims that it cites."""
    assumptions: tuple[str, ...] = ()
    """Ids of the assumptions that the steps use."""
    definitions: tuple[str, ...] = ()
    """Ids of the definitions that the steps use."""
    stated: Stated | None = None

    @property
    def checked(self) -> int:
        """How many steps a machine checked."""
        return sum(step.kind not in FOUNDATIONS for step in self.steps)

    def _repr_html_(self) -> str:
        from grams_theory.core.html import proof_html  # html describes evidence, so it imports this module

        return proof_html(self)


@dataclass(frozen=True)
class Streamed:
    """What the streams of a campaign counted: production steps, taken and judged by compiled kernels.

    No step is a case of the campaign. One that a kernel counts as a violation is only suspicious; what becomes of it
    is decided by the production optimizer and exact arithmetic, as for any case.
    """

    kernels: int = 0
    """Kernels that counted, each found to step as production bit by bit before it did."""
    steps: int = 0
    """Steps inside the premise, each of one problem."""
    discarded: int = 0
    """Steps outside it."""
    undecided: int = 0
    """Steps with a margin inside its rounding bound."""
    suspicious: int = 0
    """Steps that a kernel counted as violations. The worst of the first of a kernel is handed on: its batch is then
    stepped by production, and counts among the cases of the campaign."""
    unconfirmed: int = 0
    """Steps handed on whose margin is, in production, inside its rounding bound."""
    parts: Mapping[str, float] = field(default_factory=dict)
    """Smallest margin of each part of the claim, where its sign is sure."""
    families: Mapping[str, int] = field(default_factory=dict)
    """Steps per function family."""
    explored: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Axis of the search -> value -> steps."""
    refused: Mapping[str, int] = field(default_factory=dict)
    """Why a kernel was not made -> how many were not."""
    disagreements: tuple[str, ...] = ()
    """What a kernel did otherwise than production: a fault of the kernel, nothing of which is in these counts."""
    reason: str | None = None
    """Why no stream was played."""


@dataclass(frozen=True)
class FuzzEvidence:
    """The tally of a batched campaign through the production optimizer."""

    kind: ClassVar[str] = "fuzz"

    cases: int
    """Sampled rows that satisfied the premise."""
    discarded: int
    """Sampled rows that did not."""
    undecided: int
    """Rows whose margin lies inside its rounding bound, and that exact arithmetic did not decide either."""
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
    ratios: Mapping[str, float] = field(default_factory=dict)
    """Largest ratio seen of each part's smaller side to its larger one; 1 means that the inequality is attained."""
    explored: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Axis of the search (dimension, hyperparameters, how near to the minimiser, ...) -> value -> cases."""
    estimated: tuple[str, ...] = ()
    """What the functions do not certify, such as "L": violations then refute nothing."""
    resolved: int = 0
    """Rows whose margin lies inside its rounding bound, decided in exact arithmetic at their numbers."""
    histogram: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Part -> decade of the relative margin -> cases: "1e-3" counts margins of [1e-3, 1e-2) of the magnitude of their
    terms, "-1e-3" violations of that size, "0" equality as far as floating point can tell."""
    known: bool = False
    """The violation is one of an earlier campaign, tried again; nothing else was."""
    streams: Streamed | None = None
    """What compiled streams counted apart from the cases; None where none were asked for."""

    def _repr_html_(self) -> str:
        from grams_theory.core.html import fuzz_html

        return fuzz_html(self)


@dataclass(frozen=True)
class Witness:
    """A violating case, complete and exact: every number a string "p/q"."""

    kind: str
    """"quadratic" (one step), "run" (a trajectory), "flow" (a state) or "noise"; "observed", what somebody else's
    optimizer did; "estimated", a violation with estimated constants, which refutes nothing."""
    data: Mapping[str, Any]
    part: str
    margin: str
    """The violated margin, "p/q" or a ball such as "[-0.123 +/- 1e-60]"."""
    method: str
    """"rational arithmetic" or "ball arithmetic"."""
    token: str | None = None
    """Replays the case through the production optimizer: `grams-theory replay TOKEN`."""
    snippet: str | None = None
    """Python text that shows the violation: of one step, the optimizers' own steps and the inequality in fractions;
    of a run, flow or noise, the case in exact arithmetic."""

    def _repr_html_(self) -> str:
        from grams_theory.core.html import witness_html

        return witness_html(self)


@dataclass(frozen=True)
class ArgumentEvidence:
    """Steps of the source's own argument that are refuted, as ids of claims."""

    kind: ClassVar[str] = "argument"

    refuted: tuple[str, ...]


@dataclass(frozen=True)
class MeasuredEvidence:
    """Named measurements (real losses, empirical claims), each a number with its unit or meaning."""

    kind: ClassVar[str] = "measured"

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | float | int | None, ...], ...]
    notes: tuple[str, ...] = field(default=())


@dataclass(frozen=True)
class AblationEvidence:
    """What became of a claim when one of its hypotheses was weakened: a counterexample, or none that was found."""

    kind: ClassVar[str] = "ablation"

    dropped: str
    """The hypothesis: an assumption's id, "step size", or a premise of a flow."""
    text: str
    """What is left of the hypothesis."""
    witness: Witness | None
    """A case that satisfies what is left, and violates the claim's conclusion."""
    cases: int
    """Sampled cases that satisfied what is left."""
    factor: int | None = None
    """How many times worse than stated the hypothesis's constant may be, where it has one."""
    seconds: float = 0.0


@dataclass(frozen=True)
class SharpnessEvidence:
    """Cases that attain parts of a claim: their two sides are equal, in exact arithmetic, and not 0."""

    kind: ClassVar[str] = "sharpness"

    examples: tuple[Witness, ...]


@dataclass(frozen=True)
class MutationEvidence:
    """What became of the mutants of a proved claim's formal statement."""

    kind: ClassVar[str] = "mutation"

    mutants: int
    lost: int
    """Mutants that the proof does not prove."""
    refuted: int
    """Mutants that a sampled case violates."""
    weaker: tuple[str, ...]
    """Mutants that the claim implies: they say no more than it does."""
    survivors: tuple[str, ...]
    """Mutants that say more than the claim, and that its proof proves as well."""
    seconds: float = 0.0


Evidence = (
    ProofEvidence
    | FuzzEvidence
    | Witness
    | ArgumentEvidence
    | MeasuredEvidence
    | AblationEvidence
    | SharpnessEvidence
    | MutationEvidence
)
