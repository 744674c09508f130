"""One-step cases given number by number: how a violation by somebody else's optimizer is shrunk.

Their rule is unknown, so it is asked: each simpler case (a quadratic, the gradients fed from zero state, weights and
hyperparameters) is measured by a step of the optimizer itself, and counts while it violates the claim beyond rounding.
Every number is one that the optimizer's own dtype holds, so that text, rational and float are the same number.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import torch
from flint import fmpq
from torch import Tensor

from grams_theory.core.algebra import dot
from grams_theory.core.claim import Claim, OneStep
from grams_theory.core.errors import UsageError
from grams_theory.core.function import FunctionBatch, Vector
from grams_theory.core.rounding import UNIT, Ball
from grams_theory.engine.cases.one_step import measure
from grams_theory.engine.cases.step import State
from grams_theory.engine.cases.structure import Structure
from grams_theory.engine.evaluate import Outcome
from grams_theory.engine.exact import exactly, floats, precision, rational, symmetric
from grams_theory.engine.exact_function import bounded_as_assumed, curved_as_assumed, needs
from grams_theory.engine.exact_step import NoExactForm, gap, margin_of
from grams_theory.engine.exact_update import update_after
from grams_theory.engine.production import DTYPES, Hyper, Rig
from grams_theory.engine.shrink import Case, complexity, shrink

ATTEMPTS = 800
"""Cases that are measured while one is shrunk: a few milliseconds each."""
BETAS = tuple(
    [fmpq(p, q), fmpq(s, t)] for p, q, s, t in ((1, 2, 1, 2), (1, 2, 3, 4), (3, 4, 1, 2), (7, 8, 15, 16))
)
"""What the betas are simplified to, simplest first."""
BITS = (1, 2, 3, 4, 8)
"""Leading bits that a number is rounded to."""


class Explicit(FunctionBatch):
    """One quadratic by its gradient at w: f(x) = <g, x - w> + (x - w)'H(x - w)/2."""

    def __init__(self, case: Case, claim: Claim, device: str) -> None:
        def tensor(x: Any) -> Tensor:
            return torch.tensor([x], dtype=torch.float64, device=device)

        self.H, self.g, self.w = (tensor(floats(case[name])) for name in ("H", "g", "w"))
        self.smoothness = tensor(floats(case["smoothness"]))
        if needs(claim, "pl"):
            self.pl = tensor(floats(case["pl"]))
        if needs(claim, "pl") or needs(claim, "bounded"):
            lowest = tensor(-floats(gap(case["H"], case["g"])))
            self.minimum = Ball(lowest, UNIT * lowest.abs())

    @property
    def shape(self) -> tuple[int, int]:
        return 1, self.g.shape[-1]

    def value(self, w: Vector) -> Vector:
        x = w - self.w
        return dot(self._slope(x, 0.5), x)

    def gradient(self, w: Vector) -> Vector:
        return self._slope(w - self.w, 1.0)

    def change(self, w: Tensor, d: Ball) -> Ball:
        x = w - self.w
        return dot(self._slope(Ball.exact(x), 1.0) + self._slope(d, 0.5) - self.g, d)

    def _slope(self, x: Vector, share: float) -> Vector:
        """g + share H x."""
        return (x.unsqueeze(-2) @ self.H)[..., 0, :] * share + self.g

    def quadratic(self, row: int) -> tuple[Tensor, Tensor]:
        return self.H[row], self.w[row]


@dataclass(frozen=True)
class Observed:
    """What an optimizer was seen to do in a case."""

    case: Case
    """H, g, w, eta, smoothness, the run that is fed, and what each role of the cast moved by."""
    outcome: Outcome


def certify(
    claim: Claim, row: Mapping[str, Any], part: str, structure: Structure, rig: Rig
) -> Observed | None:
    """The violating row, shrunk; None if no quadratic shows the violation."""
    for case in _cases(claim, row, structure):
        if _violation(claim, case, part, rig) is not None:
            return _observed(claim, _shrink(claim, case, part, rig), part, rig)
    return None


def exact_margin(claim: Claim, case: Case, part: str) -> Any | None:
    """The margin with what was observed taken for the rationals that it is; None if there is no exact form."""
    setting = claim.setting
    assert isinstance(setting, OneStep)
    run = case["run"]
    with precision():
        try:
            u = update_after(setting.update, run["gradients"], (run["betas"][0], run["betas"][1]), run["eps"])
        except ZeroDivisionError:
            return None
        return margin_of(claim, {**case, "u": u}, part)


def _cases(claim: Claim, row: Mapping[str, Any], structure: Structure) -> Iterator[Case]:
    """The row as a case; of any function but a quadratic, on quadratics with the same gradient there."""
    case = exactly({name: row[name] for name in ("g", "w", "eta", "smoothness")})
    if needs(claim, "pl"):
        case["pl"] = rational(row["pl"])
    *history, _ = exactly(row["gradients"])
    case |= {"betas": exactly(structure.hyper.betas), "eps": rational(structure.hyper.eps)}
    case |= _named(history)
    size = range(len(case["g"]))
    if row["H"] is not None:
        yield {**case, "H": symmetric(row["H"])}
        return
    for curvature in (case["smoothness"], fmpq(0), -case["smoothness"]):
        yield {**case, "H": [[curvature * (i == j) for j in size] for i in size]}


def _named(history: list[list[fmpq]]) -> Case:
    """Earlier gradients as vectors of the case: shrinking drops coordinates of all vectors together."""
    return {f"gradient {index}": gradient for index, gradient in enumerate(history)}


def _history(case: Case) -> list[list[fmpq]]:
    return [value for name, value in case.items() if name.startswith("gradient ")]


def _representable(x: fmpq, dtype: torch.dtype) -> bool:
    try:
        value = torch.tensor(floats(x), dtype=torch.float64)
    except OverflowError:
        return False
    return bool(value.isfinite()) and rational(value.to(dtype).double().item()) == x


def _measured(claim: Claim, case: Case, rig: Rig) -> Outcome | None:
    """One step of the optimizers; None outside the premises, or where they refuse it or have other hyperparameters."""
    H, L, narrow = case["H"], case["smoothness"], DTYPES[rig.dtype]
    vectors = [case["g"], case["w"], *_history(case)]
    wide = [x for line in H for x in line] + [case["eta"], L, case["eps"], case.get("pl", L)]
    if not (case["eta"] > 0 and case["eps"] > 0 and all(_representable(x, torch.float64) for x in wide)):
        return None
    if not all(_representable(x, narrow) for vector in vectors for x in vector):
        return None
    if not (curved_as_assumed(claim, H, L) and bounded_as_assumed(claim, H, case.get("pl"))):
        return None
    try:
        f = Explicit(case, claim, rig.device)
        history = tuple(
            torch.tensor([floats(h)], dtype=torch.float64, device=rig.device) for h in _history(case)
        )
        beta1, beta2 = floats(case["betas"])
        hyper = Hyper((beta1, beta2), floats(case["eps"]))
        if rig.told(hyper) != hyper:
            return None
        state = State(f, f.w, history, hyper)
        eta = torch.full_like(f.smoothness, floats(case["eta"]))
        built = measure(claim, state, rig, eta=eta)
    except (NoExactForm, UsageError):
        return None
    if built is None or claim.margin is None:
        return None
    record, inside = built
    return Outcome(record, inside, record.decided, claim.margin(record), {})


def _violation(claim: Claim, case: Case, part: str, rig: Rig) -> Outcome | None:
    """What was measured, if it violates the part beyond rounding."""
    outcome = _measured(claim, case, rig)
    if outcome is None or part not in outcome.margins or not bool(outcome.violated(part)[0]):
        return None
    return outcome


def _simpler(x: fmpq) -> Iterator[fmpq]:
    """Binary fractions that are simpler than x, simplest first."""
    exact, near = Fraction(int(x.p), int(x.q)), {Fraction(0), Fraction(1), Fraction(-1)}
    if exact:
        lead = Fraction(2) ** (abs(exact.numerator).bit_length() - exact.denominator.bit_length())
        near |= {round(exact / lead * 2**bits) * lead / 2**bits for bits in BITS}
        near |= {(1 if exact > 0 else -1) * Fraction(2) ** k for k in range(-4, 5)}
        near |= {Fraction(round(exact * 2**k), 2**k) for k in range(5)}
    candidates = sorted((rational(c) for c in near), key=complexity)
    return (c for c in candidates if complexity(c) < complexity(x))


def _shrink(claim: Claim, case: Case, part: str, rig: Rig) -> Case:
    """The betas, then how many gradients are fed, then coordinates and numbers, then the gradients again."""

    def holds(candidate: Case) -> bool:
        return _violation(claim, candidate, part, rig) is not None

    for betas in BETAS:
        if holds(simple := {**case, "betas": betas}):
            case = simple
            break
    case = _fewer_gradients(case, holds)
    fixed = {"betas": case.pop("betas")}
    case = shrink(case, lambda c: holds({**c, **fixed}), ATTEMPTS, _simpler)
    return _fewer_gradients({**case, **fixed}, holds)


def _fewer_gradients(case: Case, holds: Any) -> Case:
    """Without the earlier gradients that do not matter, oldest first; all at once if none does."""
    rest = {name: value for name, value in case.items() if not name.startswith("gradient ")}
    if holds(rest):
        return rest
    for name in [name for name in case if name.startswith("gradient ")]:
        shorter = {key: value for key, value in case.items() if key != name}
        if holds(shorter):
            case = shorter
    return case


def _observed(claim: Claim, case: Case, part: str, rig: Rig) -> Observed:
    outcome = _violation(claim, case, part, rig)
    assert outcome is not None
    names = ("H", "g", "w", "eta", "smoothness", "pl")
    shown = {name: case[name] for name in names if name in case}
    run = {"betas": case["betas"], "eps": case["eps"], "gradients": [*_history(case), case["g"]]}
    moved = {name: exactly(outcome.record.moved[name][0].tolist()) for name in rig.cast}
    return Observed({**shown, "run": run, "observed": moved}, outcome)
