"""One step on a quadratic, in exact arithmetic: the recheck behind every refuted one-step claim.

f(w + d) - f(w) = <g, d> + d'Hd/2, so a case is H, g = grad f(w), u and eta, with smoothness L >= ||H||. The same
`margin` and `step_size` that judged floating-point tensors judge these rationals.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from typing import Any

import numpy as np
from flint import fmpq, fmpq_mat

from grams_theory.core.claim import Claim, OneStep
from grams_theory.engine.exact import Exact, apply, precision, rational
from grams_theory.engine.exact_function import bounded_as_assumed, curved_as_assumed, needs
from grams_theory.engine.exact_update import EXACT_UPDATES
from grams_theory.engine.shrink import Case, shrink
from grams_theory.symbolic import twin
from grams_theory.symbolic.twin import sign


class NoExactForm(Exception):
    """Exact arithmetic has nothing to say: the margin is about rounding, or g determines no f(w) - f*."""


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
    pl_: fmpq | None = None

    @cached_property
    def g(self) -> Exact:
        return Exact([self.g_])

    @cached_property
    def u(self) -> Exact:
        return Exact([self.u_])

    @property
    def smoothness(self) -> Exact:
        return Exact([self.L])

    @property
    def pl(self) -> Exact:
        return Exact([self.pl_])

    @cached_property
    def gap(self) -> Exact:
        """f(w) - f* = g'H^{-1}g/2."""
        column = fmpq_mat(len(self.g_), 1, self.g_)
        try:
            solution = fmpq_mat(self.H).solve(column)
        except ZeroDivisionError as error:
            raise NoExactForm("H is singular") from error
        return Exact([(column.transpose() * solution)[0, 0] / 2])

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

    @property
    def c(self) -> Exact:
        return Exact([twin.STEPS["c"](self.g_, self.u_)])

    def agreement(self, name: str) -> Exact:
        raise NoExactForm(f"how far {name} is from its definition is allowed only what rounding may do")

    @property
    def moved(self) -> Mapping[str, Any]:
        raise NoExactForm("how far an implementation moved is a matter of its rounding")

    def change(self, name: str) -> Exact:
        observed = self.observed or {}
        d = observed[name] if name in observed else twin.displacement(name, self.g_, self.u_, self.eta)
        half_curvature = sum((x * y for x, y in zip(d, apply(self.H, d), strict=True)), start=fmpq(0)) / 2
        return Exact([sum((x * y for x, y in zip(self.g_, d, strict=True)), start=fmpq(0)) + half_curvature])


def _step(case: Case) -> ExactStep:
    H, g, u, L, eta = (case[name] for name in ("H", "g", "u", "smoothness", "eta"))
    return ExactStep(H, g, u, L, eta, case.get("observed"), case.get("pl"))


def margin_of(claim: Claim, case: Case, part: str) -> Any | None:
    """The exact margin if the case satisfies every assumption and the premise, else None."""
    setting = claim.setting
    assert isinstance(setting, OneStep) and claim.margin is not None
    L, eta, H = case["smoothness"], case["eta"], case["H"]
    if not (eta > 0 and EXACT_UPDATES[setting.update].admits(case["u"])):
        return None
    if not (curved_as_assumed(claim, H, L) and bounded_as_assumed(claim, H, case.get("pl"))):
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


def reach(claim: Claim, case: Case, part: str, tries: int = 3000) -> Case | None:
    """A violating case whose u its base update reaches from zero state after two gradients, if one of the tries is."""
    setting = claim.setting
    assert isinstance(setting, OneStep)
    candidates = islice(EXACT_UPDATES[setting.update].reached(case), tries)
    return next((candidate for candidate in candidates if violates(claim, candidate, part)), None)


def certify(claim: Claim, row: Mapping[str, Any], part: str, foreign: frozenset[str]) -> Case | None:
    """A violating case in exact rationals, shrunk and made reachable where the rule is known; None if none is found."""
    setting = claim.setting
    assert isinstance(setting, OneStep)
    if row["H"] is None:
        return None
    with precision():
        case = from_row(row, foreign)
        if needs(claim, "pl"):
            case["pl"] = rational(row["pl"])
        if not violates(claim, case, part):
            return None
        if foreign:
            return case
        zeros = any(g == 0 for g in case["g"])  # a witness must not come to rest on the convention at g_i = 0

        def holds(candidate: Case) -> bool:
            return (zeros or all(g != 0 for g in candidate["g"])) and violates(claim, candidate, part)

        case = shrink(EXACT_UPDATES[setting.update].normalise(case), holds)
        return reach(claim, case, part) or case
