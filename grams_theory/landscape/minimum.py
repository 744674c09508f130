"""An interval for f*: from what is known, what is certified, and the best value that a longer run finds."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from grams_theory.core.errors import UsageError
from grams_theory.landscape.certificates.certificate import Certificate
from grams_theory.landscape.certificates.means import certified_minimum
from grams_theory.landscape.descent import ERROR, ROUNDING, Trajectory
from grams_theory.landscape.objective import Objective
from grams_theory.landscape.progress import Progress, Stage
from grams_theory.landscape.quantity import Quantity

INTERPOLATION = 1e-3
"""A lower bound of f to which f falls so near, relative to the first gap, is taken for reached."""


@dataclass(frozen=True)
class Refined:
    """Where a longer run got: its best value and the gradient norm there."""

    f: float
    grad_norm: float
    evaluations: int


def refine(objective: Objective, evaluations: int, progress: Progress | None = None) -> Refined:
    """L-BFGS with a strong Wolfe search from the objective's present weights, keeping the best finite value.

    It ends before `evaluations` where no step descends, and a line search that began before ends after them.
    """
    best = Refined(math.inf, math.inf, 0)
    count = 0
    evaluated = Stage(progress, "evaluations towards f*", evaluations)

    def closure() -> float:
        nonlocal best, count
        f, g = objective.value_and_gradient()
        count += 1
        norm = g.double().norm().item()
        if math.isfinite(norm) and f < best.f:
            best = Refined(f, norm, count)
        evaluated()
        return f

    optimizer = torch.optim.LBFGS(
        objective.parameters,
        max_iter=evaluations,
        max_eval=evaluations,
        history_size=20,
        tolerance_grad=0.0,
        tolerance_change=0.0,
        line_search_fn="strong_wolfe",
    )
    optimizer.step(closure)
    return Refined(best.f, best.grad_norm, count)


def given(f_star: float, run: Trajectory, certificate: Certificate, eps: float) -> Quantity:
    """The user's f*, held against the run and the certificate. Raises `UsageError` where they contradict it."""
    _check_below(f_star, run, eps, "f_star")
    low, high = certificate.minimum.low, certificate.minimum.high
    slack = ROUNDING * eps * abs(f_star)
    if (low is not None and f_star < low - slack) or (high is not None and f_star > high + slack):
        within = f"[{'-inf' if low is None else f'{low:.17g}'}, {'inf' if high is None else f'{high:.17g}'}]"
        raise UsageError(
            f"{f_star=} is wrong: f* lies in {within} ({certificate.minimum.provenance}); leave it out"
        )
    return Quantity(f_star, "given", f_star, f_star)


def bracket(
    objective: Objective,
    run: Trajectory,
    certificate: Certificate,
    lower_bound: float | None,
    evaluations: int,
    progress: Progress | None = None,
) -> Quantity:
    """[best lower bound, best value seen and its rounding error] around f*. The last iterate is never taken for f*.

    With evaluations=0 there is no longer run, and the best value seen is that of the run itself.

    Raises:
        UsageError: `lower_bound` lies above a value that f takes.
    """
    if lower_bound is not None:
        _check_below(lower_bound, run, objective.eps, "lower_bound")
    if certificate.minimum.value is not None:
        high, low = certificate.minimum.high, certificate.minimum.low
        if lower_bound is not None and high is not None and lower_bound > high:
            raise UsageError(f"{lower_bound=} is wrong: f* is certified to be at most {high:.17g}")
        return Quantity(high, certificate.minimum.provenance, low, high)
    refined = refine(objective, evaluations, progress)
    best = min(refined.f, *run.f)
    slack = ROUNDING * objective.eps * abs(best)
    if lower_bound is not None and lower_bound > best + slack:
        raise UsageError(f"{lower_bound=} is wrong: a longer run reached {best:.17g}, below it")
    enclosed = certified_minimum(objective, certificate)
    if enclosed.value is not None:
        return enclosed
    low, why = _lower_bound(certificate, refined, lower_bound, slack)
    longer = f" and {refined.evaluations} evaluations of L-BFGS after it" if evaluations else ""
    seen = f"best value of {run.method}{longer}, and {ERROR} eps |f|"
    high = best + ERROR * objective.eps * abs(best)
    return Quantity(best, f"lower end: {why}; upper end: {seen}{_width(low, best, run.f[0])}", low, high)


def _width(low: float | None, high: float, start: float) -> str:
    """How much of the first gap the interval leaves open. A lower end that f nearly reaches is interpolation."""
    if low is None or start <= low:
        return ""
    share = (high - low) / (start - low)
    kind = "interpolation: " if share <= INTERPOLATION else ""
    return f"; {kind}the interval is {share:.1e} of the first gap"


def _lower_bound(
    certificate: Certificate, refined: Refined, lower_bound: float | None, slack: float
) -> tuple[float | None, str]:
    candidates: list[tuple[float, str]] = []
    if lower_bound is not None:
        candidates.append((lower_bound, "given"))
    if certificate.minimum.low is not None:
        candidates.append((certificate.minimum.low, certificate.minimum.provenance))
    if certificate.pl.value is not None:
        low = refined.f - refined.grad_norm**2 / (2 * certificate.pl.value) - slack
        candidates.append(
            (low, f"f − ‖∇f‖²/(2μ) with the certified μ ({certificate.pl.provenance}), less 1000 eps |f|")
        )
    return (
        max(candidates, key=lambda candidate: candidate[0])
        if candidates
        else (None, "none known; pass lower_bound")
    )


def _check_below(bound: float, run: Trajectory, eps: float, name: str) -> None:
    if not math.isfinite(bound):
        raise UsageError(f"{name}={bound} must be finite")
    for t, f in enumerate(run.f):
        if f < bound - ROUNDING * eps * max(abs(bound), abs(f)):
            raise UsageError(
                f"the loss falls below {name}={bound:.17g}: it is {f:.17g} at step {run.number(t)}; "
                f"give a smaller {name}, or none and it will be bracketed"
            )
