"""Three theorems held against one run: Theorem 4.15, the linear rate and the one-step rate under the PL condition.

A theorem can fail to say anything in two ways: its premise does not hold, or its bound lies above the gap that the run
started with. It is violated only if its bound is surely exceeded while every premise holds, with constants that are
certified, or settled by the run itself: the proofs use mu at the visited points, so it may be the smallest ratio of
the run at the lower end of f*, and G as a bound of the gradients that were met. A curvature that was only seen is a
lower bound of L. It can show that a step is too long, never that it is short enough; a bound that is exceeded with it
contradicts what was seen, not the theorem.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from grams_theory.core.errors import UsageError
from grams_theory.core.summary import number
from grams_theory.landscape.result import PLEstimate
from grams_theory.landscape.verdict import bounds
from grams_theory.landscape.verdict.judgement import (
    Constant,
    Premise,
    Says,
    Status,
    TheoremVerdict,
    TheoremVerdicts,
)
from grams_theory.landscape.verdict.run import Run

FAMILY = ("Grams", "Adam", "CautiousAdam", "AMS")
"""The optimizers that the linear rate speaks of; the other two theorems speak of Grams."""


def judge(
    estimate: PLEstimate,
    lr: float | None = None,
    *,
    eps: float | None = None,
    beta1: float | None = None,
    optimizer: str | None = None,
) -> TheoremVerdicts:
    """Hold Theorem 4.15, the linear rate and the one-step rate against an estimate's own run.

    Args:
        estimate: of a run with exact gradients and without weight decay.
        lr, eps, beta1: of the optimizer that made the run, if they are not those that the estimate has read off it.
        optimizer: "Grams", "Adam", "CautiousAdam" or "AMS", if the run is one of those under another name.

    Raises:
        UsageError: no lr is known, lr or eps is not positive and finite, or beta1 not in [0, 1).
    """
    made = estimate.trajectory
    lr = made.lr if lr is None else lr
    eps, beta1 = made.eps if eps is None else eps, made.betas[0] if beta1 is None else beta1
    if lr is None:
        raise UsageError("the run has no lr of its own (steps of 1/L); pass lr")
    if not (0 < lr < math.inf and 0 < eps < math.inf and 0 <= beta1 < 1):
        raise UsageError(f"{lr=}, {eps=}, {beta1=}: lr and eps must be positive and finite, beta1 in [0, 1)")
    run = Run(estimate, lr, eps, beta1, optimizer or made.optimizer)
    verdicts = (_sublinear(run), _linear(run), _one_step(run))
    return TheoremVerdicts(lr, eps, beta1, made.method, run.initial_gap, verdicts)


def _decide(premises: Sequence[Premise], constants: Sequence[Constant], says: Says | None) -> Status:
    if any(premise.holds is False for premise in premises):
        return "premise fails"
    if says is None:
        return "unknown"
    if says != "exceeded":
        return says
    sure = all(premise.holds for premise in premises) and all(c.standing != "seen" for c in constants)
    return "violated" if sure else "contradicted"


def _because(premises: Sequence[Premise], says: str) -> str:
    """The premises that fail or are open, then what the bound says."""
    failing = [f"{p.text} fails: {p.why}" for p in premises if p.holds is False]
    doubtful = [f"{p.text} is open: {p.why}" for p in premises if p.holds is None]
    return "; ".join([*failing, *doubtful, says])


@dataclass(frozen=True)
class Bound:
    """What is allowed at each visited point: gaps, or None where nothing is said."""

    gaps: tuple[float | None, ...]
    exceeded_at: int | None
    informative_from: int | None
    says: Says
    ahead: tuple[tuple[int, float], ...] = ()
    covered: tuple[int, int] | None = None


def _along_the_run(run: Run, factors: Sequence[float], informative_from: int | None) -> Bound:
    """A bound in units of the initial gap: exceeded if it is whatever f* is in its interval, and beyond rounding."""
    gaps = tuple(factor * run.initial_gap for factor in factors)
    exceeded = next((T for i, T in enumerate(run.times[: run.kept]) if run.smallest_gap(i) > gaps[i]), None)
    says: Says = "exceeded" if exceeded else "informative" if factors[-1] < 1 else "vacuous"
    return Bound(gaps, exceeded, informative_from, says)


def _verdict(
    run: Run,
    claim: str,
    title: str,
    premises: Sequence[Premise],
    constants: dict[str, Constant | None],
    bound: Bound | None,
    largest_lr: float | None,
    words: str,
) -> TheoremVerdict:
    known = {name: constant for name, constant in constants.items() if constant is not None}
    status = _decide(premises, list(known.values()), bound.says if bound else None)
    last = bound.gaps[-1] if bound else None
    exceeded = f"; exceeded at T = {bound.exceeded_at:,}" if bound and bound.exceeded_at else ""
    return TheoremVerdict(
        claim=claim,
        title=title,
        status=status,
        why=_because(premises, words + exceeded),
        premises=tuple(premises),
        constants=known,
        says=bound.says if bound else None,
        bound=bound.gaps if bound else (),
        ahead=bound.ahead if bound else (),
        at_end=last / run.initial_gap if last is not None and run.initial_gap > 0 else None,
        informative_from=bound.informative_from if bound else None,
        exceeded_at=bound.exceeded_at if bound else None,
        covered=bound.covered if bound else None,
        largest_lr=largest_lr,
    )


def _sublinear(run: Run) -> TheoremVerdict:
    """f(w_T) − f* ≤ (4(G + ε)/(μηT))(f(w_1) − f*)."""
    short, allowed = run.short_step(bounds.SMALL)
    mu, G = run.mu, run.gradient
    bound, words = None, "no μ, no bound"
    if mu is not None:
        once = bounds.sublinear(1, run.eta, mu.value, G.value, run.eps)
        factors = [bounds.sublinear(T, run.eta, mu.value, G.value, run.eps) for T in run.times]
        first = math.floor(once) + 1 if math.isfinite(once) else None
        bound = _along_the_run(run, factors, first)
        if first and first > run.times[-1]:
            bound = replace(bound, ahead=((first, once / first * run.initial_gap),))
        words = f"its bound is {number(factors[-1])} initial gaps at the end of the run"
    return _verdict(
        run,
        "theorem-4.15",
        "Theorem 4.15",
        (*run.premises(("Grams",)), short),
        {"μ": mu, "G": G, "L": run.smoothness},
        bound,
        allowed,
        words,
    )


def _linear(run: Run) -> TheoremVerdict:
    """f(w_{T+1}) − f* ≤ (1 − ρ)^T (f(w_1) − f*)."""
    short, allowed = run.short_step(1)
    mu, G, L = run.mu, run.gradient, run.smoothness
    bound, words = None, "no μ or no L, no bound"
    if mu is not None and L is not None:
        delta = bounds.step_in_units(run.eta, L.value, run.beta1, run.eps)
        best = bounds.contraction(run.eta / (2 * delta), mu.value, G.value, run.eps, 0.5)
        words = f"at its best lr, {number(run.eta / (2 * delta))}, it halves the gap in {_halving(best)}"
        if delta <= 1:
            rho = bounds.contraction(run.eta, mu.value, G.value, run.eps, delta)
            bound = _along_the_run(run, [(1 - rho) ** (T - 1) for T in run.times], 2 if rho > 0 else None)
            words = f"it halves the gap in {_halving(rho)}"
    return _verdict(
        run,
        "linear-rate",
        "linear rate",
        (*run.premises(FAMILY), short),
        {"μ": mu, "G": G, "L": L},
        bound,
        allowed,
        words,
    )


def _halving(rho: float) -> str:
    steps = math.log(2) / rho if rho > 0 else math.inf
    return f"{number(steps)} steps"


def _one_step(run: Run) -> TheoremVerdict:
    """f(w⁺) − f* ≤ (1 − φ(2 − φ)κ²μ/L)(f(w) − f*), step by step."""
    mu, L = run.mu, run.smoothness
    steps = [
        a if a and a.overlap and after == before + 1 else None
        for a, (before, after) in zip(
            run.estimate.trajectory.alignment[:-1], pairwise(run.times), strict=True
        )
    ]
    lengths = (
        [a and bounds.one_step_length(run.eta, a.overlap, a.u_norm, L.value) for a in steps] if L else []
    )
    known = [phi for phi in lengths if phi is not None]
    bound, allowed, words = None, None, "no μ, no L or no step, no bound"
    if L and known:
        allowed = 2 * run.eta / max(known)
        if mu:
            falls = [
                bounds.one_step_fall(phi, a.kappa, mu.value, L.value) if a and phi and phi <= 2 else None
                for a, phi in zip(steps, lengths, strict=True)
            ]
            bound, words = _step_by_step(run, falls), _in_words(falls)
    return _verdict(
        run,
        "one-step-pl-rate",
        "one-step rate",
        (*run.premises(("Grams",)), _within_two(run, L, known)),
        {"μ": mu, "L": L},
        bound,
        allowed,
        words,
    )


def _within_two(run: Run, L: Constant | None, lengths: Sequence[float]) -> Premise:
    """φ ≤ 2: true if it is at some step, since the theorem speaks of single steps; false if it surely is at none."""
    text = "φ ≤ 2, φ = ηL‖u‖²/⟨|g|, |u|⟩"
    if not (L and lengths):
        return Premise(text, None, "no step or no L was seen")
    short = sum(phi <= 2 for phi in lengths)
    why = f"φ = {number(min(lengths))} .. {number(max(lengths))}, at most 2 at {short:,} of {len(lengths):,} steps"
    if short:
        return Premise(text, True if L.standing == "certified" else None, why)
    share = (run.estimate.smoothness_seen.low or 0.0) / L.value
    return Premise(text, False if min(lengths) * share > 2 else None, why)


def _step_by_step(run: Run, falls: Sequence[float | None]) -> Bound | None:
    """The bounds of single steps multiplied up, from the measured gap on after each step that none speaks of.

    A step violates its own bound if f falls by less than the share of the gap at the upper end of f*, and more than the
    rounding errors of f.
    """
    if all(q is None for q in falls):
        return None
    gaps: list[float | None] = [run.initial_gap if falls[0] is not None else None]
    exceeded = first = None
    for i, ((f, f_next), q) in enumerate(zip(pairwise(run.f), falls, strict=True)):
        if q is None:
            gaps.append(None)
            continue
        before = gaps[-1] if gaps[-1] is not None else f - run.star
        gaps.append((1 - q) * before)
        if first is None and q > 0:
            first = run.times[i + 1]
        rounding = run.error(i) + run.error(i + 1)
        if exceeded is None and i < run.kept and f_next - f - rounding > -q * run.smallest_gap(i):
            exceeded = run.times[i + 1]
    says: Says = "exceeded" if exceeded else "informative" if first else "vacuous"
    covered = sum(q is not None for q in falls), len(falls)
    return Bound(tuple(gaps), exceeded, first, says, covered=covered)


def _in_words(falls: Sequence[float | None]) -> str:
    known = [q for q in falls if q is not None]
    if not known:
        return "no step is short enough"
    return f"a step closes at least {number(statistics.median(known))} of the gap (median of {len(known):,} steps)"
