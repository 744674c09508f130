"""What a step says about L: curvature and secant along its segment, and the (L0, L1) pairs that fit what was seen."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from torch import Tensor

from grams_theory.core.errors import UsageError
from grams_theory.landscape.curvature.hessian import NOISE, Eigenvalue, sharpness
from grams_theory.landscape.objective import Objective
from grams_theory.landscape.quantity import Quantity


@dataclass(frozen=True)
class SegmentPoint:
    """The Hessian H at w + position · s."""

    position: float
    sharpest: Eigenvalue
    """The eigenvalue of H of largest magnitude."""
    along: float
    """⟨s, Hs⟩/‖s‖²."""


@dataclass(frozen=True)
class SegmentSmoothness:
    """Lower bounds of L seen on the segment from w to w + s.

    L is any constant with ‖∇f(x) − ∇f(y)‖ ≤ L‖x − y‖ on the segment and around it. Nothing here is an upper bound of
    it: between the points the curvature may be larger.
    """

    points: tuple[SegmentPoint, ...]
    length: float
    """‖s‖."""
    secant: Quantity
    """‖∇f(w + s) − ∇f(w)‖/‖s‖ ≤ L by the definition of L, kinks or not; `low` leaves room for rounding. It sees
    one direction only, and misses the curvature across it."""
    largest: Quantity
    """The largest |eigenvalue| at the points. Rayleigh quotients lie inside the spectrum, so L is at least that, but
    for rounding, wherever f is twice differentiable. It misses kinks: between the regions of a ReLU network the
    gradient jumps, and no Hessian shows it."""

    @property
    def seen(self) -> float:
        """The best lower bound of L that this segment gives, rounding taken off."""
        assert self.secant.low is not None and self.largest.low is not None
        return max(self.secant.low, self.largest.low)


def segment_smoothness(
    objective: Objective, w: Tensor, step: Tensor, points: int = 3, tol: float = 1e-4, seed: int = 0
) -> SegmentSmoothness:
    """Curvature at equally spaced points of the segment from w to w + step, both ends among them, and the secant.

    The objective's weights and gradients are left as they were.

    Args:
        w: (D,), where the step starts.
        step: (D,), not 0.
        points: at least 2; each costs one `sharpness`.
        tol, seed: of `sharpness`. An error r of an eigenvector is one of order r² of its Rayleigh quotient.

    Raises:
        UsageError: another shape, a step that is 0 or not finite, fewer than 2 points, or a Hessian that is not finite.
    """
    if w.shape != (objective.dim,) or step.shape != (objective.dim,):
        raise UsageError(
            f"w has shape {tuple(w.shape)} and step {tuple(step.shape)}; both must be ({objective.dim},)"
        )
    if points < 2:
        raise UsageError(f"{points=} must be at least 2: both ends of the segment")
    before, gradients = objective.w, [p.grad for p in objective.parameters]
    try:
        objective.move_to(w + step)
        s = objective.w - w.to(before)  # as the weights' dtype rounds it
        length = s.double().norm().item()
        if not (math.isfinite(length) and length > 0):
            raise UsageError(
                f"the step has length {length} in {objective.dtype}; it must be finite and not 0 to span a segment"
            )
        at_end = objective.value_and_gradient()[1].double()
        objective.move_to(w)
        at_start = objective.value_and_gradient()[1].double()
        found = [_point(objective, w, s, i / (points - 1), tol, seed) for i in range(points)]
    finally:
        objective.move_to(before)
        for p, gradient in zip(objective.parameters, gradients, strict=True):
            p.grad = gradient
    largest = _largest(found, objective.eps)
    assert largest.value is not None
    noise = _noise(objective, w, (at_start.norm() + at_end.norm()).item(), largest.value)
    return SegmentSmoothness(tuple(found), length, _secant(at_start, at_end, length, noise), largest)


def _point(
    objective: Objective, w: Tensor, s: Tensor, position: float, tol: float, seed: int
) -> SegmentPoint:
    objective.move_to(w + position * s)
    product = objective.hessian_product()
    direction = s.double() / s.double().norm()
    along = (direction @ product(direction).double()).item()
    return SegmentPoint(position, sharpness(objective, tol, seed, product=product), along)


def _secant(start: Tensor, end: Tensor, length: float, noise: float) -> Quantity:
    value, rounding = (end - start).norm().item() / length, noise / length
    why = f"‖∇f(w + s) − ∇f(w)‖/‖s‖, a lower bound of L; low: less rounding, estimated as {rounding:.1e}"
    return Quantity(value, why, max(value - rounding, 0.0))


def _noise(objective: Objective, w: Tensor, slopes: float, curvature: float) -> float:
    """An estimate of the rounding in a difference of two gradients, of norms that add up to `slopes`.

    Each is a sum over samples and weights, whose errors grow like a walk of that many steps of eps; and it is that of
    weights that differ by an eps: near a minimum, where the gradient is small because samples cancel, the larger part.
    """
    walk = math.sqrt(objective.samples + objective.dim)
    return objective.eps * walk * (slopes + 2 * curvature * w.double().norm().item())


def _largest(found: Sequence[SegmentPoint], eps: float) -> Quantity:
    top = max(found, key=lambda point: abs(point.sharpest.value))
    value = abs(top.sharpest.value)
    why = (
        f"largest |eigenvalue| of the Hessian at {len(found)} points of the segment, met at {top.position:g} of it, "
        f"Lanczos, residual {top.sharpest.residual:.1e}; a lower bound of L; low: less {NOISE} eps"
    )
    return Quantity(value, why, value * (1 - NOISE * eps))


@dataclass(frozen=True)
class RelaxedSmoothness:
    """The least (L0, L1) ≥ 0 with curvature_t ≤ L0 + L1 ‖∇f_t‖ at all points seen; elsewhere it may fail.

    Source: (L0, L1)-smoothness, ‖∇²f‖ ≤ L0 + L1 ‖∇f‖: Zhang, He, Sra, Jadbabaie, Why gradient clipping accelerates
    training, 2020 (arXiv 1905.11881), definition 1.
    """

    L0: float
    L1: float
    """The pair of `chain` with the smallest mean bound L0 + L1 ‖∇f_t‖ over the points, that is, the smallest slacks."""
    plain: float
    """The largest curvature seen: L, if L1 = 0."""
    ratio: float
    """The mean of L0 + L1 ‖∇f_t‖ over the points, relative to `plain`: 1 where L1 > 0 does not help."""
    binding: tuple[int, ...]
    """Points at which the bound is an equality."""
    chain: tuple[tuple[float, float], ...]
    """The corners of the set of pairs of which none can be lowered, by increasing L0: the last is (plain, 0)."""


def fit_relaxed_smoothness(grad_norms: Sequence[float], curvatures: Sequence[float]) -> RelaxedSmoothness:
    """Fit (L0, L1) to gradient norms and curvatures, |λ| or ‖∇²f‖, at the same T ≥ 1 points.

    The linear program min Σ_t (L0 + L1 ‖∇f_t‖ − curvature_t), all slacks ≥ 0, has its solution at a corner of the
    feasible set. The corners are the edges of the upper hull of the points (‖∇f_t‖, curvature_t) and the origin, where
    it rises: they are found in exact arithmetic, and only L0 and L1 are rounded.

    Raises:
        UsageError: no points, unequal numbers of both, or a number that is negative or not finite.
    """
    if not len(grad_norms) or len(grad_norms) != len(curvatures):
        raise UsageError(
            f"{len(grad_norms)} gradient norms and {len(curvatures)} curvatures; give one of each per point, at least 1"
        )
    for t, (g, c) in enumerate(zip(grad_norms, curvatures, strict=True)):
        if not (0 <= g < math.inf and 0 <= c < math.inf):
            raise UsageError(
                f"point {t} has gradient norm {g} and curvature {c}; both must be finite and >= 0"
            )
    points = [(Fraction(float(g)), Fraction(float(c))) for g, c in zip(grad_norms, curvatures, strict=True)]
    plain, mean = max(c for _, c in points), sum(g for g, _ in points) / len(points)
    chain = [*(_line(a, b) for a, b in pairwise(_rising_hull(points))), (plain, Fraction(0))]
    L0, L1 = min(chain, key=lambda pair: pair[0] + pair[1] * mean)
    return RelaxedSmoothness(
        float(L0),
        float(L1),
        float(plain),
        float((L0 + L1 * mean) / plain) if plain else 1.0,
        tuple(t for t, (g, c) in enumerate(points) if c == L0 + L1 * g),
        tuple((float(a), float(b)) for a, b in chain),
    )


_Point = tuple[Fraction, Fraction]


def _rising_hull(points: Sequence[_Point]) -> list[_Point]:
    """The part of the upper hull of the points and the origin that rises, from left to right."""
    hull = [(Fraction(0), max((c for g, c in points if not g), default=Fraction(0)))]
    for g, c in sorted(points, key=lambda point: (point[0], -point[1])):
        if c <= hull[-1][1]:  # a line that rises is above it wherever it is above the last
            continue
        while len(hull) > 1 and _slope(hull[-2], hull[-1]) <= _slope(hull[-1], (g, c)):
            hull.pop()
        hull.append((g, c))
    return hull


def _slope(a: _Point, b: _Point) -> Fraction:
    return (b[1] - a[1]) / (b[0] - a[0])


def _line(a: _Point, b: _Point) -> tuple[Fraction, Fraction]:
    """Intercept and slope."""
    return a[1] - _slope(a, b) * a[0], _slope(a, b)
