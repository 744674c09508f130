"""Whole runs on a quadratic, in ball arithmetic by the definitions: the recheck behind every refuted claim on runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from flint import arb, ctx, fmpq

from grams_theory.core.claim import Claim, Run
from grams_theory.engine.cases.structure import Structure
from grams_theory.engine.exact import Exact, apply, precision, rational, symmetric
from grams_theory.engine.exact_function import bounded_as_assumed, curved_as_assumed, needs
from grams_theory.engine.exact_step import NoExactForm
from grams_theory.engine.shrink import Case, shrink
from grams_theory.symbolic import twin


def loss(H: list[list[Any]], w: Sequence[Any]) -> Any:
    """w'Hw/2."""
    return sum((x * y for x, y in zip(w, apply(H, list(w)), strict=True)), start=fmpq(0)) / 2


@dataclass(frozen=True)
class ExactRun:
    """The run record over exact numbers, with a batch of one; the quadratic is centred at the origin, so f* = 0.

    `minimum` is what the statement takes for f*.
    """

    H: list[list[Any]]
    start: list[fmpq]
    smoothness_: fmpq
    pl_: fmpq | None
    betas: tuple[fmpq, fmpq]
    eps: fmpq
    steps: int
    eta: Any = None
    iterates: Mapping[str, list[list[Any]]] = field(default_factory=dict)
    minimum: fmpq = field(default_factory=fmpq)

    @cached_property
    def smoothness(self) -> Exact:
        return Exact([self.smoothness_])

    @cached_property
    def pl(self) -> Exact:
        return Exact([self.pl_])

    @cached_property
    def initial_gap(self) -> Exact:
        return Exact([loss(self.H, self.start) - self.minimum])

    def gap(self, name: str) -> Exact:
        return Exact(np.array([[loss(self.H, w) - self.minimum] for w in self.iterates[name]], dtype=object))

    def grad(self, name: str) -> Exact:
        return Exact(np.array([[apply(self.H, w)] for w in self.iterates[name]], dtype=object))


def _record(claim: Claim, case: Case) -> ExactRun | None:
    """The run before its first step if it satisfies every assumption, else None."""
    H, L, mu, start, eps = case["H"], case["smoothness"], case.get("pl"), case["start"], case["eps"]
    beta1, beta2 = case["betas"]
    if not (eps > 0 and 0 <= beta1 < 1 and 0 <= beta2 < 1):
        return None
    if not (curved_as_assumed(claim, H, L) and bounded_as_assumed(claim, H, mu)) or loss(H, start) == 0:
        return None
    return _begun(claim, case)


def _begun(claim: Claim, case: Case) -> ExactRun:
    """The run before its first step."""
    H, start, (beta1, beta2) = case["H"], case["start"], case["betas"]
    balls = [[arb(x) for x in line] for line in H]
    minimum = loss(H, start) * (1 - fmpq(1, claim.loosened.get("bounded", 1)))
    constants = case["smoothness"], case.get("pl"), (beta1, beta2), case["eps"]
    return ExactRun(balls, start, *constants, case["steps"], minimum=minimum)


def longest(claim: Claim, case: Case) -> Any | None:
    """The largest step size that the premise allows, exact or a ball; None if the case is outside it or any will do."""
    assert isinstance(claim.setting, Run)
    record = _record(claim, case)
    if record is None or claim.setting.step_size is None:
        return None
    try:
        return claim.setting.step_size(record)[0].item()
    except ZeroDivisionError:
        return None


def below(bound: Any) -> fmpq:
    """A simple rational at most 1/16 below a positive bound."""
    largest = bound if isinstance(bound, fmpq) else rational(float(bound.lower()))
    quotients = (fmpq(k) / (fmpq(k) / largest).ceil() for k in range(1, 17))
    return next((x for x in quotients if 16 * x >= 15 * largest), largest)


def margins(claim: Claim, cases: Sequence[Case]) -> Mapping[str, Exact]:
    """The margins of runs as balls, shape (B,) for each part; no assumption is checked.

    Raises:
        UndecidedSignError: a sign that matters is not decided by its ball.
        ZeroDivisionError: a run has none.
    """
    assert claim.margin is not None
    found = [claim.margin(_walked(claim, _begun(claim, case), case["eta"])) for case in cases]
    return {part: Exact([margin[part][0].item() for margin in found]) for part in found[0]}


def _walked(claim: Claim, record: ExactRun, eta: Any) -> ExactRun:
    """The record with the runs of every optimizer of the claim."""
    assert isinstance(claim.setting, Run)
    H, start, steps, betas, eps = record.H, record.start, record.steps, record.betas, record.eps
    iterates = {
        name: twin.run(name, lambda w: apply(H, w), start, steps, eta, betas, eps, ctx.prec)
        for name in claim.setting.optimizers
    }
    return replace(record, eta=eta, iterates=iterates)


def margin_of(claim: Claim, case: Case, part: str) -> Any | None:
    """The margin as a ball if the case satisfies every assumption and the premise, else None.

    None too if the run is too short for the claim to say anything about it.
    """
    setting = claim.setting
    assert isinstance(setting, Run) and claim.margin is not None
    record, eta = _record(claim, case), case["eta"]
    if record is None or eta <= 0:
        return None
    try:
        if setting.step_size is not None and not eta <= setting.step_size(record)[0].item():
            return None
        margin = claim.margin(_walked(claim, record, eta))[part]
        return None if margin is None else margin[0].item()
    except (ZeroDivisionError, twin.UndecidedSignError):
        return None


def violates(claim: Claim, case: Case, part: str) -> bool:
    """Whether the run satisfies the premise and surely violates that part."""
    margin = margin_of(claim, case, part)
    return margin is not None and bool(margin < 0)


def from_row(claim: Claim, row: Mapping[str, Any], structure: Structure) -> Case:
    """The floating-point run as exact rationals, moved so that the minimiser is the origin.

    Raises:
        NoExactForm: the function is no quadratic.
    """
    if row["H"] is None:
        raise NoExactForm("f is not known exactly")
    case = {
        "H": symmetric(row["H"]),
        "start": [rational(x) - rational(c) for x, c in zip(row["start"], row["center"], strict=True)],
        "eta": rational(row["eta"]),
        "smoothness": rational(row["smoothness"]),
        "betas": [rational(b) for b in structure.hyper.betas],
        "eps": rational(structure.hyper.eps),
        "steps": structure.knobs["steps"],
    }
    return {**case, "pl": rational(row["pl"])} if needs(claim, "pl") else case


def normalise(case: Case) -> Case:
    """The same run with L = 1 and eps = 1: f is divided by L, and w is measured in units of eps / L."""
    L, eps = case["smoothness"], case["eps"]
    scaled = {
        **case,
        "H": [[x / L for x in line] for line in case["H"]],
        "start": [x * L / eps for x in case["start"]],
        "eta": case["eta"] * L / eps,
        "smoothness": fmpq(1),
        "eps": fmpq(1),
    }
    return {**scaled, "pl": case["pl"] / L} if "pl" in case else scaled


def certify(claim: Claim, row: Mapping[str, Any], part: str, structure: Structure) -> Case | None:
    """A violating run in exact rationals, shrunk to few steps, few coordinates and simple numbers; None if none."""
    if row["H"] is None:
        return None
    with precision():
        case = from_row(claim, row, structure)
        if not violates(claim, case, part):
            return None
        for steps in range(1, case["steps"]):
            shorter = {**case, "steps": steps}
            if violates(claim, shorter, part):
                case = shorter
                break
        scaled = normalise(case)
        case = scaled if violates(claim, scaled, part) else case
        return _shrink(claim, case, part)


def _shrink(claim: Claim, case: Case, part: str) -> Case:
    """Shrink everything but the betas, which are simplified on their own (they are no coordinates)."""
    betas = case["betas"]

    def with_betas(c: Case, values: list[fmpq]) -> Case:
        return {**c, "betas": values}

    simple = [rational("9/10"), rational("999/1000")]
    for values in ([rational("1/2")] * 2, simple):
        if violates(claim, with_betas(case, values), part):
            betas = values
            break
    rest = {"betas": betas, "steps": case["steps"]}
    numbers = {name: value for name, value in case.items() if name not in rest}
    if longest(claim, case) is not None:
        numbers = _shrink_at_the_bound(claim, numbers, rest, part)
    return {**shrink(numbers, lambda c: violates(claim, {**c, **rest}, part), attempts=500), **rest}


def _shrink_at_the_bound(claim: Claim, numbers: Case, rest: Case, part: str) -> Case:
    """Shrink all numbers but the step size, which follows its bound, wherever that still violates."""

    def at_the_bound(c: Case) -> Case | None:
        bound = longest(claim, {**c, "eta": fmpq(1), **rest})
        return {**c, "eta": below(bound)} if bound is not None and bound > 0 else None

    def holds(c: Case) -> bool:
        stepped = at_the_bound(c)
        return stepped is not None and violates(claim, {**stepped, **rest}, part)

    free = {name: value for name, value in numbers.items() if name != "eta"}
    return (at_the_bound(shrink(free, holds, attempts=500)) if holds(free) else None) or numbers
