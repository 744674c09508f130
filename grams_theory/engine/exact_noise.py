"""Where the expected step is 0, in exact rationals: the recheck behind a refuted claim on stochastic gradients.

In one coordinate, with the weight and the normaliser √v̂ + ε held, an optimizer's step after T gradients is that of the
average m̂ and of the last gradient g = ∇f + ξ. Its expectation D over all histories of independent noise is a finite
sum. As a function of ∇f it is affine but for finitely many points, so its zeros are found exactly. Where D changes its
sign from − to +, the optimizer comes to rest in the mean: from the left steps lead right, and from the right left.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Any

from flint import fmpq

from grams_theory.core.claim import Claim, Noise
from grams_theory.engine.cases.structure import Structure
from grams_theory.engine.exact import Exact, exactly
from grams_theory.engine.exact_step import NoExactForm
from grams_theory.engine.shrink import Case
from grams_theory.symbolic import twin

BETAS = (fmpq(1, 2), fmpq(3, 4), fmpq(9, 10))
LENGTHS = range(1, 6)
"""Gradients that are averaged: with a law of k values there are k^T histories."""
THIRD = fmpq(1, 3)

Law = Sequence[tuple[fmpq, fmpq]]
"""Values and their probabilities."""


@dataclass(frozen=True)
class ExactNoise:
    """The record of a claim on stochastic gradients, for a batch of one: every mean is where the optimizer rests."""

    case: Case

    def mean(self, name: str) -> Exact:
        """The weight nearest to the minimiser 0 at which that optimizer rests, shape (1,)."""
        at = min(rests(name, self.case), key=abs, default=None)
        if at is None:
            raise NoExactForm(f"{name} rests nowhere")
        return Exact([at / self.case["curvature"]])

    def loss(self, name: str) -> Exact:
        raise NoExactForm("a mean loss is not that of the mean weight")


def _law(case: Case) -> Law:
    return list(zip(case["noise"], case["probabilities"], strict=True))


def averages(case: Case) -> Iterator[tuple[fmpq, fmpq, fmpq]]:
    """Probability, m̂ and the last noise ξ of every history, at ∇f = 0."""
    beta, steps = case["beta"], case["gradients"]
    weights = [(1 - beta) * beta ** (steps - t) / (1 - beta**steps) for t in range(1, steps + 1)]
    for history in product(_law(case), repeat=steps):
        chance, m = fmpq(1), fmpq(0)
        for weight, (value, probability) in zip(weights, history, strict=True):
            chance, m = chance * probability, m + weight * value
        yield chance, m, history[-1][0]


def drift(name: str, case: Case, gradient: fmpq) -> Any:
    """D at ∇f: the expected step of that optimizer along −w, but for its normaliser."""
    step = twin.STEPS[twin.role(name).step]
    terms = (chance * step([gradient + noise], [gradient + m])[0] for chance, m, noise in averages(case))
    return sum(terms, start=fmpq(0))


def rests(name: str, case: Case) -> list[fmpq]:
    """The ∇f at which D changes its sign from − to +."""
    corners = sorted({-x for _, m, noise in averages(case) for x in (m, noise)})
    edges = [corners[0] - 1, *corners, corners[-1] + 1]
    found, before = [], None
    for left, right in pairwise(edges):
        inner = [left + (right - left) * THIRD * k for k in (1, 2)]
        low, high = (drift(name, case, x) for x in inner)
        start, end = 2 * low - high, 2 * high - low  # D is affine between the corners
        if before is not None and before <= 0 <= start and before < start:
            found.append(left)
        if start < 0 < end:
            found.append(left + (right - left) * start / (start - end))
        before = end
    return found


def from_row(claim: Claim, row: Mapping[str, Any], structure: Structure) -> Case:
    """The family's function and the law of its noise, with the shortest memory.

    Raises:
        NoExactForm: the law is not known, or the function is no quadratic.
    """
    f = structure.functions("cpu")
    form = f.quadratic(0)
    if f.law is None or form is None:
        raise NoExactForm("the law of the noise is not known")
    (curvature,) = exactly(form[0].diagonal()[:1].tolist())
    return {
        "curvature": curvature,
        "noise": exactly(list(f.law)),
        "probabilities": exactly(list(f.law.values())),
        "beta": BETAS[0],
        "gradients": 1,
    }


def margin_of(claim: Claim, case: Case, part: str) -> Any | None:
    """The exact margin where the noise has mean 0, else None."""
    law, setting = _law(case), claim.setting
    assert isinstance(setting, Noise) and claim.margin is not None
    if sum(p for _, p in law) != 1 or any(p <= 0 for _, p in law) or sum(x * p for x, p in law) != 0:
        return None
    if not (case["curvature"] > 0 and 0 <= case["beta"] < 1):
        return None
    try:
        return claim.margin(ExactNoise(case))[part][0].item()
    except NoExactForm:
        return None


def violates(claim: Claim, case: Case, part: str) -> bool:
    """Whether the part is violated where the optimizers come to rest."""
    margin = margin_of(claim, case, part)
    return margin is not None and bool(margin < 0)


def certify(claim: Claim, row: Mapping[str, Any], part: str, structure: Structure) -> Case | None:
    """The shortest memory with which the part is violated at rest, with the expected steps at the minimiser."""
    setting = claim.setting
    assert isinstance(setting, Noise)
    try:
        case = from_row(claim, row, structure)
    except NoExactForm:
        return None
    for steps, beta in product(LENGTHS, BETAS):
        candidate = {**case, "gradients": steps, "beta": beta}
        if violates(claim, candidate, part):
            expected = {name: drift(name, candidate, fmpq(0)) for name in setting.optimizers}
            return {**candidate, "expected step at the minimiser": expected}
    return None
