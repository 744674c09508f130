"""Whole runs on a quadratic, in ball arithmetic by the definitions: the recheck behind every refuted claim on runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from flint import arb, fmpq

from grams_theory.core.claim import Claim, Run
from grams_theory.engine.cases.structure import Structure
from grams_theory.engine.exact import Exact, apply, precision, rational, spectrum_within
from grams_theory.engine.shrink import Case, shrink
from grams_theory.symbolic import twin


def loss(H: list[list[Any]], w: Sequence[Any]) -> Any:
    """w'Hw/2."""
    return sum((x * y for x, y in zip(w, apply(H, list(w)), strict=True)), start=fmpq(0)) / 2


@dataclass(frozen=True)
class ExactRun:
    """The run record over exact numbers, with a batch of one; the quadratic is centred at the origin, so f* = 0."""

    H: list[list[Any]]
    start: list[fmpq]
    smoothness_: fmpq
    pl_: fmpq
    betas: tuple[fmpq, fmpq]
    eps: fmpq
    steps: int
    eta: Any = None
    iterates: Mapping[str, list[list[Any]]] = field(default_factory=dict)

    @cached_property
    def smoothness(self) -> Exact:
        return Exact([self.smoothness_])

    @cached_property
    def pl(self) -> Exact:
        return Exact([self.pl_])

    @cached_property
    def initial_gap(self) -> Exact:
        return Exact([loss(self.H, self.start)])

    def gap(self, name: str) -> Exact:
        return Exact(np.array([[loss(self.H, w)] for w in self.iterates[name]], dtype=object))

    def grad(self, name: str) -> Exact:
        return Exact(np.array([[apply(self.H, w)] for w in self.iterates[name]], dtype=object))


def margin_of(claim: Claim, case: Case, part: str) -> Any | None:
    """The margin as a ball if the case satisfies every assumption and the premise, else None."""
    setting = claim.setting
    assert isinstance(setting, Run) and claim.margin is not None
    H, L, mu, eta, eps = case["H"], case["smoothness"], case["pl"], case["eta"], case["eps"]
    beta1, beta2 = case["betas"]
    if not (H and 0 < mu <= L and eta > 0 and eps > 0 and 0 <= beta1 < 1 and 0 <= beta2 < 1):
        return None
    if not spectrum_within(H, mu, L) or all(x == 0 for x in case["start"]):
        return None
    balls = [[arb(x) for x in line] for line in H]
    record = ExactRun(balls, case["start"], L, mu, (beta1, beta2), eps, case["steps"])
    try:
        if setting.step_size is not None and not eta <= setting.step_size(record)[0].item():
            return None
        iterates = {
            name: twin.run(
                name, lambda w: apply(balls, w), case["start"], case["steps"], eta, (beta1, beta2), eps
            )
            for name in setting.optimizers
        }
        done = ExactRun(balls, case["start"], L, mu, (beta1, beta2), eps, case["steps"], eta, iterates)
        return claim.margin(done)[part][0].item()
    except (ZeroDivisionError, twin.UndecidedSignError):
        return None


def violates(claim: Claim, case: Case, part: str) -> bool:
    """Whether the run satisfies the premise and surely violates that part."""
    margin = margin_of(claim, case, part)
    return margin is not None and bool(margin < 0)


def from_row(row: Mapping[str, Any], structure: Structure) -> Case:
    """The floating-point run as exact rationals, moved so that the minimiser is the origin."""
    H = [[rational(x) for x in line] for line in row["H"]]
    size = range(len(H))
    return {
        "H": [[(H[i][j] + H[j][i]) / 2 for j in size] for i in size],
        "start": [rational(x) - rational(c) for x, c in zip(row["start"], row["center"], strict=True)],
        "eta": rational(row["eta"]),
        "smoothness": rational(row["smoothness"]),
        "pl": rational(row["pl"]),
        "betas": [rational(b) for b in structure.hyper.betas],
        "eps": rational(structure.hyper.eps),
        "steps": structure.knobs["steps"],
    }


def certify(claim: Claim, row: Mapping[str, Any], part: str, structure: Structure) -> Case | None:
    """A violating run in exact rationals, shrunk to few steps, few coordinates and simple numbers; None if none."""
    if row["H"] is None:
        return None
    with precision():
        case = from_row(row, structure)
        if not violates(claim, case, part):
            return None
        for steps in range(1, case["steps"]):
            shorter = {**case, "steps": steps}
            if violates(claim, shorter, part):
                case = shorter
                break
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
    fixed = {"betas", "steps"}
    numbers = {name: value for name, value in with_betas(case, betas).items() if name not in fixed}
    rest = {"betas": betas, "steps": case["steps"]}
    return {**shrink(numbers, lambda c: violates(claim, {**c, **rest}, part), attempts=500), **rest}
