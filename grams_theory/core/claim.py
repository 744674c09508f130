"""A claim of a paper as one object: the same object is proved, fuzzed, drawn and taught."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from grams_theory.core.definitions import Assumption
from grams_theory.core.verdict import Verdict

if TYPE_CHECKING:
    from grams_theory.core.evidence import Evidence
    from grams_theory.symbolic.proof import Proof

Margins = Mapping[str, Any]
"""Part of the claim -> its signed slack per case, shape (B,): the part holds where it is >= 0."""


@dataclass(frozen=True)
class OneStep:
    """One production step of each named optimizer from a common state.

    `step_size` maps the case to the largest step size, shape (B,), that the premise allows; None allows any.
    The first optimizer is the subject: the one that a user may replace by their own.
    `update` is what their steps are made of: "adam", "lion" (a sign) or "momentum" (the buffer of SGD).
    """

    optimizers: tuple[str, ...]
    step_size: Callable[[Any], Any] | None = None
    update: str = "adam"


@dataclass(frozen=True)
class Run:
    """Whole production runs of each named optimizer from the same start, with exact gradients."""

    optimizers: tuple[str, ...]
    step_size: Callable[[Any], Any] | None = None


@dataclass(frozen=True)
class Flow:
    """States of a continuous-time flow, sampled pointwise. `system` is a module of `grams_theory.flows`.

    `dropped` are premises of the system that a weakened claim does without.
    """

    system: str
    dropped: tuple[str, ...] = ()


@dataclass(frozen=True)
class Noise:
    """Production runs with the stochastic gradients of a `stochastic` family."""

    optimizers: tuple[str, ...]


Setting = OneStep | Run | Flow | Noise


@dataclass(frozen=True)
class Formal:
    """The statement in symbols: for all reals, the premises imply every conclusion. Formulas are SymPy Booleans.

    A formula in the symbols of one coordinate is meant for every coordinate, one in those of a step for every step.
    `legend` says what a symbol stands for, where its name does not.
    """

    conclusions: Mapping[str, Any]
    """Part of the claim -> relation."""
    premises: tuple[Any, ...] = ()
    legend: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A statement, where it stands, what it needs, how it is attacked and how it is proved.

    `formal` is what the proof must conclude, part by part; `symbolic.reading.read` makes a margin of the same formulas.
    `prove` and `prove_vacuous` receive a `symbolic.proof.Proof` and add checked steps to it.
    `attained` gives, for parts of the claim, a quadratic case in which the inequality is an equality.
    `argument` lists claims that the *source's own* argument rests on: if one is refuted, the claim has a gap.
    `measure` takes a device and returns further evidence: measurements, and a witness if they refute the claim.
    """

    id: str
    title: str
    source: str
    statement: str
    latex: str
    recorded: Verdict
    assumptions: tuple[Assumption, ...] = ()
    setting: Setting | None = None
    formal: Callable[[], Formal] | None = None
    margin: Callable[[Any], Margins] | None = None
    prove: Callable[[Proof], None] | None = None
    prove_vacuous: Callable[[Proof], None] | None = None
    argument: tuple[str, ...] = ()
    measure: Callable[[str], Sequence[Evidence]] | None = None
    attained: Callable[[], Mapping[str, Mapping[str, Any]]] | None = None
    amends: str | None = None
    note: str = ""
    loosened: Mapping[str, int] = field(default_factory=dict, hash=False)
    """Assumption -> how many times worse its constant may be than the statement says; only weakened claims have any."""
    families: tuple[str, ...] = ()
    """The only families that it is attacked on; without any, all that certify its assumptions."""
    place: tuple[int, ...] = ()
    """Where it is listed: (4, 2) beside Lemma 4.2, (4, 2, 1) right after it; without a place, at the end."""

    def _repr_html_(self) -> str:
        from grams_theory.core.html import claim_html

        return claim_html(self)
