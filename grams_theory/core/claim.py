"""A claim of a paper as one object: the same object is proved, fuzzed, drawn and taught."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from grams_theory.core.verdict import Verdict

if TYPE_CHECKING:
    from grams_theory.core.evidence import Evidence
    from grams_theory.symbolic.proof import Proof

Margins = Mapping[str, Any]
"""Part of the claim -> its signed slack per case, shape (B,): the part holds where it is >= 0."""


@dataclass(frozen=True)
class Assumption:
    """A hypothesis on the function, and the family trait that certifies it."""

    id: str
    text: str
    latex: str


SMOOTH = Assumption("smooth", "f is L-smooth", r"\lVert\nabla f(x)-\nabla f(y)\rVert\le L\lVert x-y\rVert")
BOUNDED = Assumption("bounded", "f is bounded below, with infimum f*", r"\inf_x f(x)=f^\star>-\infty")
CONVEX = Assumption("convex", "f is convex", r"f(y)\ge f(x)+\langle\nabla f(x),y-x\rangle")
PL = Assumption("pl", "f is μ-PL", r"\tfrac12\lVert\nabla f(x)\rVert^2\ge\mu\,(f(x)-f^\star),\ \mu>0")
SEPARABLE = Assumption("separable", "f is separable", r"f(x)=\sum_i f_i(x_i)")


@dataclass(frozen=True)
class OneStep:
    """One production step of each named optimizer from a common state.

    `step_size` maps the case to the largest step size, shape (B,), that the premise allows; None allows any.
    The first optimizer is the subject: the one that a user may replace by their own.
    """

    optimizers: tuple[str, ...]
    step_size: Callable[[Any], Any] | None = None


@dataclass(frozen=True)
class Run:
    """Whole production runs of each named optimizer from the same start, with exact gradients."""

    optimizers: tuple[str, ...]
    step_size: Callable[[Any], Any] | None = None


@dataclass(frozen=True)
class Flow:
    """States of a continuous-time flow, sampled pointwise. `system` is a module of `grams_theory.flows`."""

    system: str


@dataclass(frozen=True)
class Noise:
    """Production runs with the stochastic gradients of a `stochastic` family."""

    optimizers: tuple[str, ...]


Setting = OneStep | Run | Flow | Noise


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A statement, where it stands, what it needs, how it is attacked and how it is proved.

    `prove` and `prove_vacuous` receive a `symbolic.proof.Proof` and add checked steps to it.
    `uses` lists the claims a proof may cite; citing another one is an error, and so is not citing one.
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
    margin: Callable[[Any], Margins] | None = None
    prove: Callable[[Proof], None] | None = None
    prove_vacuous: Callable[[Proof], None] | None = None
    uses: tuple[str, ...] = ()
    argument: tuple[str, ...] = ()
    measure: Callable[[str], Sequence[Evidence]] | None = None
    amends: str | None = None
    note: str = ""
    place: tuple[int, ...] = ()
    """Where it is listed: (4, 2) beside Lemma 4.2, (4, 2, 1) right after it; without a place, at the end."""
