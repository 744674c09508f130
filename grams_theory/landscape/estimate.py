"""Measure the PL constant, smoothness and alignment of a loss along a run: numbers with intervals and reasons."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import TypeVar

import torch
from torch import nn

from grams_theory.core.errors import GramsTheoryError, UsageError
from grams_theory.landscape.certificates import Certificate, certify
from grams_theory.landscape.curvature import spectrum
from grams_theory.landscape.descent import ROUNDING, Factory, Trajectory, descend
from grams_theory.landscape.groups import disagreement, group_estimates, kappa, largest
from grams_theory.landscape.inspection import (
    Inspection,
    inspect_curvature,
    inspect_noise,
    relaxed_smoothness,
)
from grams_theory.landscape.minimum import bracket, given
from grams_theory.landscape.noise import NoiseSkew
from grams_theory.landscape.objective import LossFunction, Objective
from grams_theory.landscape.objective.modules import Groups, random_in_training
from grams_theory.landscape.progress import Progress, Stage
from grams_theory.landscape.quantity import Quantity
from grams_theory.landscape.ratios import Ratios, ratios
from grams_theory.landscape.result import PLEstimate

__all__ = ["PLEstimate", "estimate_pl"]

T = TypeVar("T")

LONGER = 100
"""The fewest evaluations of the longer run that brackets f*."""


def estimate_pl(
    model: nn.Module,
    loss_fn: LossFunction,
    data,
    *,
    f_star: float | None = None,
    optimizer: Factory | None = None,
    steps: int = 200,
    lr: float | None = None,
    lower_bound: float | None = None,
    batch_size: int | None = None,
    batches: int = 64,
    curvature: bool = True,
    checkpoints: int = 3,
    chunk: int | None = None,
    groups: Groups = "module",
    seed: int = 0,
    device: str | torch.device = "cpu",
    dtype: torch.dtype | None = None,
    curvature_tol: float = 1e-8,
    progress: Progress | None = None,
) -> PLEstimate:
    """Measure f(w) = mean loss of `model` on `data` along `steps` full-batch points from its present weights.

    The model is copied, not changed.

    Args:
        loss_fn: (outputs, targets) -> scalar, a mean over samples. It may have `ridge` and `certify`
            (see `grams_theory.landscape.certificates.criteria`), and, if it is a mean over tokens or weighs its terms,
            `terms(inputs, targets)`: what it divides by.
        data: (inputs, targets), or an iterable of such pairs, drawn once; see `Objective`.
        f_star: the exact minimum, if known; otherwise it is bracketed, never taken from the last iterate.
        optimizer: parameters -> torch optimizer; by default gradient descent with step 1/L.
        lr: passed to the optimizer; alone, gradient descent with that step.
        lower_bound: a known lower bound of f, if f_star is not known.
        batch_size: of the minibatches whose signs are held against the gradient's at each checkpoint; None: not
            measured. `batches` says how many of them are drawn.
        curvature: False leaves out all Hessians, for losses that cannot be differentiated twice, or to save time.
        checkpoints: how many points along the run are looked at for curvature and noise, evenly spaced.
        chunk: the most samples in one forward pass; bounds the memory that is needed.
        groups: how parameters are grouped: "module", "parameter", "none", a number of parts of a module's path, a
            mapping of names to parameters, or an optimizer; see `modules.group`. Each group's block of the Hessian is
            looked at at each checkpoint: large models want few groups.
        seed: of the Lanczos start vectors and of the minibatches.
        dtype: to compute in; by default the model's own. float64 for certified constants.
        curvature_tol: relative accuracy asked of the Hessian's extreme eigenvalues.
        progress: called with (stage, done, total) as each stage goes on, first with 0 done: certificates, the points
            visited, Hessians, minibatches, evaluations towards f*.

    Raises:
        UsageError: bad arguments; a loss below `f_star` or `lower_bound`; a loss that is not finite (names the step);
            a loss that cannot be differentiated twice, with curvature=True.
        GramsTheoryError: the run contradicts the loss's own certificate.
    """
    if f_star is not None and lower_bound is not None:
        raise UsageError("give f_star or lower_bound, not both: a known minimum needs no lower bound")
    objective = Objective(model, loss_fn, data, device, dtype, chunk=chunk, groups=groups)
    if batch_size is not None and not 1 <= batch_size <= objective.samples:
        raise UsageError(f"{batch_size=} must be from 1 to {objective.samples}, the number of samples")
    if batch_size is not None:
        objective.check_cut()
    _check_start(objective)
    _warn_if_kinked(objective)
    certificate = _told(progress, "certificates", lambda: certify(loss_fn, objective))
    first = None
    if curvature:
        first = _told(progress, "Hessian at the start", lambda: spectrum(objective, curvature_tol, seed))
    L = certificate.smoothness.value or (first.magnitude.value if first else 0.0)
    run = descend(
        objective,
        steps,
        optimizer=optimizer,
        lr=lr,
        smoothness=L,
        checkpoints=checkpoints,
        progress=progress,
    )
    seen = inspect_curvature(objective, run, first, curvature_tol, seed, progress) if first else Inspection()
    noise = (
        inspect_noise(objective, run.checkpoints, batch_size, batches, seed, progress) if batch_size else ()
    )
    objective.move_to(run.checkpoints[-1].w)
    if f_star is None:
        minimum = bracket(objective, run, certificate, lower_bound, max(2 * steps, LONGER), progress)
    else:
        minimum = given(f_star, run, certificate, objective.eps)
    return assemble(objective, run, certificate, minimum, seen, noise, _worst(noise))


def assemble(
    objective: Objective,
    run: Trajectory,
    certificate: Certificate,
    minimum: Quantity,
    seen: Inspection,
    along: tuple[tuple[int, NoiseSkew], ...] = (),
    noise: NoiseSkew | None = None,
) -> PLEstimate:
    """Put together what a run, its certificate, an interval for f* and a second look say.

    Args:
        along: the noise skew by index of the visited point; `noise`: the one to report.

    Raises:
        GramsTheoryError: the run contradicts the certificate.
    """
    curvature = _smoothness_seen(seen, run, certificate, objective)
    L = certificate.smoothness.value or curvature.value or 0.0
    found = ratios(run, minimum, objective.eps, _blur(run, objective.eps * L))
    _check_certificate(certificate, found, run, seen, objective)
    return PLEstimate(
        mu_lower=certificate.pl,
        mu_upper=found.smallest,
        f_star=minimum,
        smoothness=certificate.smoothness,
        smoothness_seen=curvature,
        kappa=kappa(run.alignment, run.u),
        disagreement=disagreement(run.alignment),
        dim=objective.dim,
        samples=objective.samples,
        trajectory=run,
        ratios=found.values,
        curvature=seen.curvature,
        mu_local=_local(certificate.local_pl, run),
        slope=found.slope,
        secant=_secant(run, objective),
        segment=seen.segments,
        relaxed=relaxed_smoothness(run, seen),
        groups=group_estimates(
            {name: sum(s.stop - s.start for s in places) for name, places in objective.groups.items()},
            run,
            seen.blocks,
            noise.groups if noise else None,
        ),
        noise=noise,
        noise_along=along,
        kinks=objective.kinks,
        ignored=objective.ignored,
        eta=run.lr,
        eps_of_adam=run.eps,
        origin=objective.origin,
    )


def _told(progress: Progress | None, name: str, measure: Callable[[], T]) -> T:
    """`measure()`, as a stage of one part."""
    done = Stage(progress, name, 1)
    found = measure()
    done()
    return found


def _blur(run: Trajectory, error: float) -> list[float]:
    """What rounding may leave in ∇f at each point: weights that are off by eps ‖w‖ move it by L eps ‖w‖."""
    return [error * (run.start_norm + way) for way in run.distance]


def _warn_if_kinked(objective: Objective) -> None:
    if objective.kinks:
        warnings.warn(
            f"the loss is not smooth at {', '.join(objective.kinks)}: no L need exist, and the Hessian misses the "
            "kinks; what is reported is what was seen, with the secants of the steps",
            stacklevel=3,
        )


def _check_start(objective: Objective) -> None:
    value, g = objective.value_and_gradient()
    if not (math.isfinite(value) and bool(torch.isfinite(g).all())):
        name = objective.broken_parameter()
        raise UsageError(
            f"the loss is {value} at step 1, the starting weights"
            + (f" (parameter {name!r} or its gradient is not finite)" if name else "")
            + "; check the data and the initialisation"
        )
    again = objective.value()
    # half the digits: more than the order of a sum can change
    if abs(again - value) > objective.eps**0.5 * abs(value) and not random_in_training(objective.model):
        warnings.warn(
            f"the loss is {value:.6g} and then {again:.6g} at the same weights: it is not a function of the weights "
            "alone (does the model draw random numbers?); nothing that follows is exact",
            stacklevel=3,
        )


def _smoothness_seen(
    seen: Inspection, run: Trajectory, certificate: Certificate, objective: Objective
) -> Quantity:
    """The largest curvature at a checkpoint or on a segment; the largest secant if no Hessian was looked at."""
    high = certificate.smoothness.value
    if not seen.curvature:
        secant = _secant(run, objective)
        return Quantity(secant.value, f"{secant.provenance}; no Hessian was looked at", secant.low, high)
    found = largest(seen.curvature, run, "the Hessian", high)
    best = max(seen.segments, key=lambda pair: pair[1].largest.value or 0.0, default=None)
    if best is not None and (best[1].largest.value or 0.0) > (found.value or 0.0):
        t, segment = best
        why = f"{segment.largest.provenance}, after step {run.number(t)}"
        found = Quantity(segment.largest.value, why, segment.largest.low, high)
    if objective.kinks:
        why = f"{found.provenance}; the Hessian misses the kinks of {', '.join(objective.kinks)}"
        found = Quantity(found.value, why, found.low, high)
    return found


def _secant(run: Trajectory, objective: Objective) -> Quantity:
    """Of the step whose secant surely is the largest: less its rounding, that of a walk of as many steps as terms."""
    relative = objective.eps * math.sqrt(objective.samples + objective.dim)
    steps = []
    for t, move in enumerate(run.moves):
        if move.length:
            rounding = relative * (run.grad_norm[t] + run.grad_norm[t + 1])
            low = max(move.gradient_change - rounding, 0.0) / move.length
            steps.append((low, move.gradient_change / move.length, t))
    if not steps:
        return Quantity(None, "no step was taken")
    low, value, t = max(steps)
    return Quantity(
        value, f"largest ‖Δ∇f‖/‖Δw‖ of {len(steps)} steps, at step {run.number(t)}; low: less rounding", low
    )


def _local(local: Quantity, run: Trajectory) -> Quantity:
    """The certificate on a ball, with where the run left it."""
    if local.value is None or local.radius is None:
        return local
    outside = next((t for t, d in enumerate(run.distance) if d > local.radius), None)
    where = (
        "the run stays in the ball"
        if outside is None
        else f"the run leaves the ball at step {run.number(outside)}"
    )
    return Quantity(local.value, f"{local.provenance}; {where}", local.low, local.high, local.radius)


def _worst(noise: tuple[tuple[int, NoiseSkew], ...]) -> NoiseSkew | None:
    """Where the expected step descends least."""
    known = [(s.expected_descent.value, t, s) for t, s in noise if s.expected_descent.value is not None]
    return min(known, key=lambda entry: entry[:2])[2] if known else None


def _check_certificate(
    certificate: Certificate, found: Ratios, run: Trajectory, seen: Inspection, objective: Objective
) -> None:
    """A certified mu above a measured ratio, or L below a measured curvature, is a broken certificate."""
    # a kept gap is at least 1000 eps |f|, and f carries a few eps |f|
    for mu in (certificate.pl, certificate.local_pl):
        radius = math.inf if mu.radius is None else mu.radius
        inside = [r for r, d in zip(found.values, run.distance, strict=True) if r is not None and d <= radius]
        if mu.value is not None and inside and mu.value > min(inside) * (1 + 10 / ROUNDING):
            raise GramsTheoryError(
                f"the loss certifies mu = {mu.value:g}, but the run saw ratio {min(inside):g}: wrong certificate"
            )
    L = certificate.smoothness.value
    rounding = objective.eps * (objective.samples + objective.dim)  # of a Hessian product
    for t, s in seen.curvature:
        if L is not None and s.magnitude.value - s.magnitude.residual > L * (1 + rounding):
            raise GramsTheoryError(
                f"the loss certifies L = {L:g}, but the Hessian has {s.magnitude.value:g} at step {run.number(t)}: "
                "wrong certificate"
            )
