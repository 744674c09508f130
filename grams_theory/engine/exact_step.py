"""One step on a quadratic, in exact arithmetic: the recheck behind every refuted one-step claim.

f(w + d) - f(w) = <g, d> + d'Hd/2, so a case is H, g = grad f(w), u and eta, with smoothness L >= ||H||. The same
`margin` and `step_size` that judged floating-point tensors judge these rationals.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any

import numpy as np
from flint import fmpq, fmpq_mat

from grams_theory.core.claim import Claim, OneStep
from grams_theory.engine.cases.structure import Structure
from grams_theory.engine.exact import Exact, apply, exactly, precision, rational, symmetric
from grams_theory.engine.exact_function import bounded_as_assumed, curved_as_assumed, needs
from grams_theory.engine.exact_update import EXACT_UPDATES
from grams_theory.engine.shrink import Case, shrink
from grams_theory.symbolic import twin


class NoExactForm(Exception):
    """Exact arithmetic has nothing to say: on rounding, on f(w) - f* where g does not tell it, on tensors."""


@dataclass(frozen=True)
class ExactStep:
    """The one-step record over exact numbers: B cases of one dimension D. A case without "H" leaves f open."""

    cases: Sequence[Case]
    eta: Exact | None = None
    """Step sizes, shape (B,); None while the premise is asked for them."""

    @classmethod
    def of(cls, cases: Sequence[Case]) -> ExactStep:
        """The record with the step sizes of the cases."""
        return cls(cases, Exact([case["eta"] for case in cases]))

    def _each(self, name: str) -> Exact:
        return Exact([case[name] for case in self.cases])

    @cached_property
    def g(self) -> Exact:
        return self._each("g")

    @cached_property
    def u(self) -> Exact:
        return self._each("u")

    @property
    def smoothness(self) -> Exact:
        return self._each("smoothness")

    @property
    def pl(self) -> Exact:
        return self._each("pl")

    @cached_property
    def gap(self) -> Exact:
        """f(w) - f* = g'H^{-1}g/2, shape (B,)."""
        return Exact([gap(_hessian(case), case["g"]) for case in self.cases])

    @cached_property
    def aligned(self) -> np.ndarray:
        signs = self.u.sign() * self.g.sign()
        return np.array([[x >= 0 for x in row] for row in signs.entries])

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
        return self.g.sign() * abs(self.u)

    @property
    def c(self) -> Exact:
        return Exact([twin.STEPS["c"](case["g"], case["u"]) for case in self.cases])

    def agreement(self, name: str) -> Exact:
        raise NoExactForm(f"how far {name} is from its definition is allowed only what rounding may do")

    @property
    def moved(self) -> Mapping[str, Any]:
        raise NoExactForm("how far an implementation moved is a matter of its rounding")

    def displacement(self, name: str) -> Exact:
        """w_next - w of that optimizer, as it was observed or by its definition, shape (B, D)."""
        return Exact([_displacement(case, name) for case in self.cases])

    def unforced(self, name: str) -> Exact:
        """How that optimizer moves the coordinates whose gradient is 0, and 0 for the others, shape (B, D)."""
        return self.displacement(name).where(self.g.entries == 0)

    def change(self, name: str) -> Exact:
        """f(w_next) - f(w) of that optimizer, shape (B,)."""
        return Exact([_change(_hessian(case), case["g"], _displacement(case, name)) for case in self.cases])


def _hessian(case: Case) -> list[list[fmpq]]:
    if case.get("H") is None:
        raise NoExactForm("f is not known exactly")
    return case["H"]


def gap(H: list[list[fmpq]], g: list[fmpq]) -> fmpq:
    """f(w) - f* = g'H^{-1}g/2 where the gradient is g. Raises NoExactForm if H is singular."""
    column = fmpq_mat(len(g), 1, g)
    try:
        return (column.transpose() * fmpq_mat(H).solve(column))[0, 0] / 2
    except ZeroDivisionError as error:
        raise NoExactForm("H is singular") from error


def _displacement(case: Case, name: str) -> list[Any]:
    observed = case.get("observed", {})
    if name in observed:
        return observed[name]
    return twin.displacement(name, case["g"], case["u"], case["eta"])


def _change(H: list[list[fmpq]], g: list[fmpq], d: list[Any]) -> Any:
    """<g, d> + d'Hd/2."""
    if all(isinstance(x, fmpq) for x in d):
        column = fmpq_mat(len(d), 1, d)
        return (column.transpose() * (fmpq_mat(len(g), 1, g) + fmpq_mat(H) * column / 2))[0, 0]
    slopes = (x + y / 2 for x, y in zip(g, apply(H, d), strict=True))
    return sum((x * y for x, y in zip(slopes, d, strict=True)), start=fmpq(0))


def margins(claim: Claim, cases: Sequence[Case]) -> Mapping[str, Exact]:
    """The exact margins of cases of one dimension, shape (B,) for each part; no assumption is checked.

    Raises:
        NoExactForm: there are none.
        UndecidedSignError: a sign that matters is not decided by its ball.
        ZeroDivisionError: a case has none.
    """
    assert claim.margin is not None
    record = ExactStep.of(cases)
    try:
        return claim.margin(record)
    except (AttributeError, TypeError) as error:
        raise NoExactForm(f"the margin asks of exact numbers what only tensors have: {error}") from error


def margin_of(claim: Claim, case: Case, part: str) -> Any | None:
    """The exact margin if the case satisfies every assumption and the premise, else None."""
    setting = claim.setting
    assert isinstance(setting, OneStep)
    L, eta, H = case["smoothness"], case["eta"], case["H"]
    if not (eta > 0 and EXACT_UPDATES[setting.update].admits(case["u"])):
        return None
    if not (curved_as_assumed(claim, H, L) and bounded_as_assumed(claim, H, case.get("pl"))):
        return None
    try:
        if setting.step_size is not None and not eta <= setting.step_size(ExactStep((case,)))[0].item():
            return None
        return margins(claim, (case,))[part][0].item()
    except (ZeroDivisionError, twin.UndecidedSignError, NoExactForm):
        return None


def violates(claim: Claim, case: Case, part: str) -> bool:
    """Whether the case satisfies the premise and surely violates that part."""
    margin = margin_of(claim, case, part)
    return margin is not None and bool(margin < 0)


def from_row(
    claim: Claim, row: Mapping[str, Any], structure: Structure, foreign: frozenset[str] = frozenset()
) -> Case:
    """The floating-point case as exact rationals, each float taken for the number that it is.

    u is computed from the gradients where it is rational in them, and else taken from the row: any may be Adam's.
    """
    setting = claim.setting
    assert isinstance(setting, OneStep)
    case = exactly({name: row[name] for name in ("g", "u", "eta", "smoothness")})
    if EXACT_UPDATES[setting.update].rational:
        betas = exactly(structure.hyper.betas)
        base = twin.UPDATES[setting.update]((betas[0], betas[1]), fmpq(0))
        case["u"] = [base.update(g) for g in exactly(row["gradients"])][-1]
    if row["H"] is not None:
        case["H"] = symmetric(row["H"])
    if needs(claim, "pl"):
        case["pl"] = rational(row["pl"])
    if foreign:
        case["observed"] = {name: exactly(row["moved"][name]) for name in foreign}
    return case


def reach(claim: Claim, case: Case, part: str, tries: int = 3000) -> Case | None:
    """A violating case whose u its base update reaches from zero state after two gradients, if one of the tries is."""
    setting = claim.setting
    assert isinstance(setting, OneStep)
    candidates = islice(EXACT_UPDATES[setting.update].reached(case), tries)
    return next((candidate for candidate in candidates if violates(claim, candidate, part)), None)


def certify(claim: Claim, row: Mapping[str, Any], part: str, structure: Structure) -> Case | None:
    """A violating case in exact rationals, shrunk and made reachable; None if exact arithmetic does not confirm it."""
    setting = claim.setting
    assert isinstance(setting, OneStep)
    if row["H"] is None:
        return None
    with precision():
        case = from_row(claim, row, structure)
        if not violates(claim, case, part):
            return None
        zeros = any(g == 0 for g in case["g"])  # a witness must not come to rest on the convention at g_i = 0

        def holds(candidate: Case) -> bool:
            return (zeros or all(g != 0 for g in candidate["g"])) and violates(claim, candidate, part)

        case = shrink(EXACT_UPDATES[setting.update].normalise(case), holds)
        return reach(claim, case, part) or case
