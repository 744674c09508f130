"""Measure the PL constant, smoothness and alignment of a loss along a run: numbers with intervals and reasons."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from html import escape

import torch
from torch import nn

from grams_theory.core.errors import GramsTheoryError, UsageError
from grams_theory.core.evidence import MeasuredEvidence
from grams_theory.core.html import table
from grams_theory.core.summary import number
from grams_theory.landscape.certificates.certificate import Certificate, certify
from grams_theory.landscape.curvature import Spectrum, spectrum
from grams_theory.landscape.descent import ROUNDING, Factory, Progress, Trajectory, descend
from grams_theory.landscape.minimum import bracket, given
from grams_theory.landscape.objective import LossFunction, Objective
from grams_theory.landscape.quantity import Quantity

LONGER = 100
"""The fewest evaluations of the longer run that brackets f*."""


@dataclass(frozen=True)
class PLEstimate:
    """What one run says about a loss.

    `mu_lower` holds everywhere (or is None); `mu_upper` bounds any global mu from above, and its interval shows what
    the uncertainty of `f_star` does to it. `smoothness` is a certified upper bound of L (or None); `smoothness_seen`
    the largest curvature met. `kappa` and `disagreement` are medians over the run, with their ranges.
    """

    mu_lower: Quantity
    mu_upper: Quantity
    f_star: Quantity
    smoothness: Quantity
    smoothness_seen: Quantity
    kappa: Quantity
    disagreement: Quantity
    dim: int
    samples: int
    trajectory: Trajectory
    ratios: tuple[float | None, ...]
    """½‖∇f‖²/(f − f*) at the upper end of f*, per visited point; None where the gap is lost in rounding."""
    curvature: tuple[tuple[int, Spectrum], ...]
    """(index of the point, both ends of the Hessian's spectrum there)."""

    @property
    def dropped(self) -> int:
        """Visited points whose gap f − f* is lost in rounding."""
        return self.ratios.count(None)

    def quantities(self) -> dict[str, Quantity]:
        return {
            "μ, certified lower bound": self.mu_lower,
            "μ, upper bound": self.mu_upper,
            "f*": self.f_star,
            "L, certified upper bound": self.smoothness,
            "L, seen": self.smoothness_seen,
            "κ, median": self.kappa,
            "disagreeing coordinates, median share": self.disagreement,
        }

    def table(self) -> MeasuredEvidence:
        """One row per quantity: value, interval, where it comes from."""
        return MeasuredEvidence(
            title=f"PL, smoothness and alignment of a loss with {self.dim} weights on {self.samples} samples",
            columns=("quantity", "value", "low", "high", "provenance"),
            rows=tuple((name, q.value, q.low, q.high, q.provenance) for name, q in self.quantities().items()),
            notes=(
                self.trajectory.method,
                f"{self.dropped} of {len(self.ratios)} points dropped: gap lost in rounding",
            ),
        )

    def _repr_html_(self) -> str:
        measured = self.table()
        cells = ([escape(number(cell)) for cell in row] for row in measured.rows)
        notes = "; ".join(map(escape, measured.notes))
        return f"<p>{escape(measured.title)}</p>{table(measured.columns, cells)}<p>{notes}</p>"


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
            (see `grams_theory.landscape.certificates.criteria`).
        data: (inputs, targets), or an iterable of such pairs.
        f_star: the exact minimum, if known; otherwise it is bracketed, never taken from the last iterate.
        optimizer: parameters -> torch optimizer; by default gradient descent with step 1/L.
        lr: passed to the optimizer; alone, gradient descent with that step.
        lower_bound: a known lower bound of f, if f_star is not known.
        seed: of the Lanczos start vectors.
        dtype: to compute in; by default the model's own. float64 for certified constants.
        curvature_tol: relative accuracy asked of the Hessian's extreme eigenvalues.
        progress: called with (points visited, steps).

    Raises:
        UsageError: bad arguments; a loss below `f_star` or `lower_bound`; a loss that is not finite (names the step).
        GramsTheoryError: the run contradicts the loss's own certificate, or Lanczos did not converge.
    """
    if f_star is not None and lower_bound is not None:
        raise UsageError("give f_star or lower_bound, not both: a known minimum needs no lower bound")
    objective = Objective(model, loss_fn, data, device, dtype)
    certificate = certify(loss_fn, objective)
    first = _finite_spectrum(objective, curvature_tol, seed)
    L = first.magnitude.value if certificate.smoothness.value is None else certificate.smoothness.value
    run = descend(objective, steps, optimizer=optimizer, lr=lr, smoothness=L, progress=progress)
    curvature = [(0, first)]
    for t, w in run.checkpoints[1:]:
        objective.move_to(w)
        curvature.append((t, spectrum(objective, curvature_tol, seed)))
    if f_star is None:
        minimum = bracket(objective, run, certificate, lower_bound, evaluations=max(2 * steps, LONGER))
    else:
        minimum = given(f_star, run, certificate, objective.eps)
    ratios, mu_upper = _mu_upper(run, minimum, objective.eps)
    _check_certificate(certificate, mu_upper, curvature, objective)
    return PLEstimate(
        mu_lower=certificate.pl,
        mu_upper=mu_upper,
        f_star=minimum,
        smoothness=certificate.smoothness,
        smoothness_seen=_smoothness_seen(curvature, certificate),
        kappa=_over_run(
            [a.kappa for a in run.alignment if a], "⟨|g|, |u|⟩/(‖g‖‖u‖), u Adam's from the run's gradients"
        ),
        disagreement=_over_run([a.disagreement for a in run.alignment if a], "coordinates with u_i g_i < 0"),
        dim=objective.dim,
        samples=objective.samples,
        trajectory=run,
        ratios=ratios,
        curvature=tuple(curvature),
    )


def _finite_spectrum(objective: Objective, tol: float, seed: int) -> Spectrum:
    value, g = objective.value_and_gradient()
    if not (math.isfinite(value) and bool(torch.isfinite(g).all())):
        name = objective.broken_parameter()
        raise UsageError(
            f"the loss is {value} at step 1, the starting weights"
            + (f" (parameter {name!r} or its gradient is not finite)" if name else "")
            + "; check the data and the initialisation"
        )
    return spectrum(objective, tol, seed)


def _mu_upper(run: Trajectory, minimum: Quantity, eps: float) -> tuple[tuple[float | None, ...], Quantity]:
    """The trajectory ratios at the upper end of f*, and their minimum with the interval that f* leaves it."""
    high = minimum.high
    assert high is not None
    ratios: list[float | None] = []
    for f, norm in zip(run.f, run.grad_norm, strict=True):
        lost = f - high < ROUNDING * eps * max(abs(f), abs(high)) or f == high
        ratios.append(None if lost else norm**2 / (2 * (f - high)))
    kept = [(ratio, t) for t, ratio in enumerate(ratios) if ratio is not None]
    if not kept:
        return tuple(ratios), Quantity(
            None, "every visited point is at the minimum up to rounding; start elsewhere"
        )
    value, worst = min(kept)
    rounding = eps * abs(run.f[worst]) / (run.f[worst] - high)
    low = None
    if minimum.low is not None:
        low = min(run.grad_norm[t] ** 2 / (2 * (run.f[t] - minimum.low)) for _, t in kept) * (1 - rounding)
    why = (
        f"smallest ½‖∇f‖²/(f − f*) over {len(kept)} visited points, at step {worst + 1}; "
        f"interval: over the interval of f*; relative rounding error {rounding:.1e}"
    )
    return tuple(ratios), Quantity(value, why, low, value * (1 + rounding))


def _smoothness_seen(curvature: list[tuple[int, Spectrum]], certificate: Certificate) -> Quantity:
    step, top = max(((t, s.magnitude) for t, s in curvature), key=lambda pair: pair[1].value)
    points = ", ".join(str(t + 1) for t, _ in curvature)
    why = f"largest |eigenvalue| of the Hessian at steps {points} (at {step + 1}), Lanczos, residual {top.residual:.1e}"
    return Quantity(top.value, why, max(top.value - top.residual, 0.0), certificate.smoothness.value)


def _over_run(values: list[float], what: str) -> Quantity:
    if not values:
        return Quantity(None, f"{what}; every gradient was 0")
    return Quantity(
        statistics.median(values), f"{what}; median, smallest, largest of the run", min(values), max(values)
    )


def _check_certificate(
    certificate: Certificate, mu_upper: Quantity, curvature: list[tuple[int, Spectrum]], objective: Objective
) -> None:
    """A certified mu above a measured ratio, or L below a measured curvature, is a broken certificate."""
    mu, L = certificate.pl.value, certificate.smoothness.value
    # a kept gap is at least 1000 eps |f|, and f carries a few eps |f|
    if mu is not None and mu_upper.high is not None and mu > mu_upper.high * (1 + 10 / ROUNDING):
        raise GramsTheoryError(
            f"the loss certifies mu = {mu:g}, but the run saw ratio {mu_upper.high:g}: wrong certificate"
        )
    rounding = objective.eps * (objective.samples + objective.dim)  # of a Hessian product
    for t, s in curvature:
        if L is not None and s.magnitude.value - s.magnitude.residual > L * (1 + rounding):
            raise GramsTheoryError(
                f"the loss certifies L = {L:g}, but the Hessian has {s.magnitude.value:g} at step {t + 1}: "
                "wrong certificate"
            )
