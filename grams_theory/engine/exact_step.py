"""One step on a quadratic, in exact arithmetic: the recheck behind every refuted one-step claim.

f(w + d) - f(w) = <g, d> + d'Hd/2, so a case is H, g = grad f(w), u and eta, with smoothness L >= ||H||. The same
`margin` and `step_size` that judged floating-point tensors judge these rationals.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
from flint import fmpq

from grams_theory.core.claim import Claim, OneStep
from grams_theory.engine.exact import Exact, apply, precision, rational, spectrum_within
from grams_theory.engine.shrink import Case, shrink
from grams_theory.symbolic import twin


def sign(x: Any) -> int:
    """The sign of an exact number; a ball that straddles zero raises `twin.UndecidedSignError`."""
    if x > 0:
        return 1
    if x < 0:
        return -1
    if x == 0:
        return 0
    raise twin.UndecidedSignError(f"the sign of {x} is not decided; raise the precision")


class NoExactForm(Exception):
    """The margin is about rounding, so exact arithmetic has nothing to say about it."""


@dataclass(frozen=True)
class ExactStep:
    """The one-step record over exact numbers, with a batch of one."""

    H: list[list[fmpq]]
    g_: list[fmpq]
    u_: list[Any]
    L: fmpq
    eta: Any = None
    observed: Mapping[str, list[fmpq]] | None = None
    """Displacements of optimizers whose rule is unknown, as they were observed."""

    @cached_property
    def g(self) -> Exact:
        return Exact([self.g_])

    @cached_property
    def u(self) -> Exact:
        return Exact([self.u_])

    @property
    def smoothness(self) -> Exact:
        return Exact([self.L])

    @cached_property
    def aligned(self) -> np.ndarray:
        return np.array([[sign(u) * sign(g) >= 0 for u, g in zip(self.u_, self.g_, strict=True)]])

    @property
    def misaligned(self) -> np.ndarray:
        return ~self.aligned

    @property
    def a(self) -> Exact:
        return self.u.where(self.aligned)

    @property
    def b(self) -> Exact:
        return -self.u.where(self.misaligned)

    @property
    def r(self) -> Exact:
        return Exact([[sign(g) * abs(u) for u, g in zip(self.u_, self.g_, strict=True)]])

    def agreement(self, name: str) -> Exact:
        raise NoExactForm(f"how far {name} is from its definition is allowed only what rounding may do")

    def change(self, name: str) -> Exact:
        observed = self.observed or {}
        d = observed[name] if name in observed else twin.displacement(name, self.g_, self.u_, self.eta)
        half_curvature = sum((x * y for x, y in zip(d, apply(self.H, d), strict=True)), start=fmpq(0)) / 2
        return Exact([sum((x * y for x, y in zip(self.g_, d, strict=True)), start=fmpq(0)) + half_curvature])


def _step(case: Case) -> ExactStep:
    return ExactStep(case["H"], case["g"], case["u"], case["smoothness"], case["eta"], case.get("observed"))


def margin_of(claim: Claim, case: Case, part: str) -> Any | None:
    """The exact margin if the case satisfies every assumption and the premise, else None."""
    setting = claim.setting
    assert isinstance(setting, OneStep) and claim.margin is not None
    needs = {assumption.id for assumption in claim.assumptions}
    L, eta, H = case["smoothness"], case["eta"], case["H"]
    if not (L > 0 and eta > 0 and H):
        return None
    if not spectrum_within(H, fmpq(0) if "convex" in needs else -L, L):
        return None
    if "separable" in needs and any(H[i][j] != 0 for i in range(len(H)) for j in range(i)):
        return None
    try:
        step = _step(case)
        if setting.step_size is not None and not eta <= setting.step_size(replace(step, eta=None))[0].item():
            return None
        return claim.margin(step)[part][0].item()
    except (ZeroDivisionError, twin.UndecidedSignError, NoExactForm):
        return None


def violates(claim: Claim, case: Case, part: str) -> bool:
    """Whether the case satisfies the premise and surely violates that part."""
    margin = margin_of(claim, case, part)
    return margin is not None and bool(margin < 0)


def from_row(row: Mapping[str, Any], foreign: frozenset[str]) -> Case:
    """The floating-point case as exact rationals, each float taken for the number that it is."""
    case = {
        "H": [[rational(x) for x in line] for line in row["H"]],
        "g": [rational(x) for x in row["g"]],
        "u": [rational(x) for x in row["u"]],
        "eta": rational(row["eta"]),
        "smoothness": rational(row["smoothness"]),
    }
    case["H"] = [
        [(case["H"][i][j] + case["H"][j][i]) / 2 for j in range(len(case["g"]))]
        for i in range(len(case["g"]))
    ]
    if foreign:
        case["observed"] = {name: [rational(x) for x in row["moved"][name]] for name in foreign}
    return case


def normalise(case: Case) -> Case:
    """The same case with L = 1 and eta = 1: f is divided by L, and u takes up the step size."""
    L, eta = case["smoothness"], case["eta"]
    return {
        **case,
        "H": [[x / L for x in line] for line in case["H"]],
        "g": [x / L for x in case["g"]],
        "u": [x * eta for x in case["u"]],
        "eta": fmpq(1),
        "smoothness": fmpq(1),
    }


HALF = fmpq(1, 2)
RATIOS: tuple[tuple[fmpq, fmpq], ...] = tuple(
    (fmpq(p, q), fmpq(s, t))
    for p, q, s, t in (
        (-1, 3, -5, 1),
        (1, 1, 1, 1),
        (1, 3, -1, 1),
        (7, 9, 5, 1),
        (7, 11, -5, 13),
        (-17, 33, -19, 1),
        (-7, 57, -29, 11),
        (-1, 17, -25, 11),
    )
)
"""(u / sign(g), h / g): Adam's update after the gradients h, g with betas (1/2, 1/2) and eps 0 is rational there.

They are rational points of the conic (h/g)^2 + 2 = 3 s^2, with u = sign(g) (h/g + 2) / (3 s).
"""
STEP_SIZES = tuple(sorted({Fraction(p, q) for p in range(1, 13) for q in range(1, 9)}))


def reach(claim: Claim, case: Case, part: str, tries: int = 3000) -> Case | None:
    """The case with u replaced by an update that Adam reaches from zero state after two gradients, if one violates."""
    size = len(case["g"])
    if size > 3 or any(g == 0 for g in case["g"]):
        return None
    wanted = [int(u.p) / int(u.q) for u in case["u"]]

    def angle(choice: tuple) -> float:
        u = [int(r.p) / int(r.q) * sign(g) for (r, _), g in zip(choice, case["g"], strict=True)]
        norm = math.hypot(*u) * math.hypot(*wanted)
        return -sum(x * y for x, y in zip(u, wanted, strict=True)) / norm

    for choice in sorted(product(RATIOS, repeat=size), key=angle):
        u = [ratio * sign(g) for (ratio, _), g in zip(choice, case["g"], strict=True)]
        scale = math.hypot(*wanted) / math.hypot(*(int(x.p) / int(x.q) for x in u))
        for eta in sorted(STEP_SIZES, key=lambda s: abs(math.log(float(s) / scale)))[:12]:
            tries -= 1
            if tries < 0:
                return None
            candidate = {**case, "u": u, "eta": rational(eta)}
            if violates(claim, candidate, part):
                history = [t * g for (_, t), g in zip(choice, case["g"], strict=True)]
                return {
                    **candidate,
                    "run": {"betas": [HALF, HALF], "eps": fmpq(0), "gradients": [history, case["g"]]},
                }
    return None


def certify(claim: Claim, row: Mapping[str, Any], part: str, foreign: frozenset[str]) -> Case | None:
    """A violating case in exact rationals, shrunk and made reachable where the rule is known; None if none is found."""
    if row["H"] is None:
        return None
    with precision():
        case = from_row(row, foreign)
        if not violates(claim, case, part):
            return None
        if foreign:
            return case
        zeros = any(g == 0 for g in case["g"])  # a witness must not come to rest on the convention at g_i = 0

        def holds(candidate: Case) -> bool:
            return (zeros or all(g != 0 for g in candidate["g"])) and violates(claim, candidate, part)

        case = shrink(normalise(case), holds)
        return reach(claim, case, part) or case
