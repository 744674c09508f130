"""Any loss as a family: a model, its loss function and data, from many starting points at once.

Nothing of it is certified. What a claim needs, and where it comes from:

    L          given, else certified by the loss itself, else CAUTION times the largest Hessian norm that was met
    μ, f*      given, else certified by the loss itself, else absent; f* may be bracketed with the help of μ
    rounding   the same formula in float32, whose error is 2^29 times as large, at SAMPLES points next to the given one:
               SAFETY times the largest difference, times 2^-29

Values and gradients that no function of these constants could have contradict the estimate: such cases are outside the
premise (`contradicted`). A violation that remains is reported, and refutes nothing.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from functools import cache, cached_property
from typing import Any

import numpy as np
import torch
from torch import Generator, Tensor, nn
from torch.func import functional_call, grad, vmap

from grams_theory.core.algebra import dot, norm2
from grams_theory.core.errors import GramsTheoryError, UsageError
from grams_theory.core.function import Family, FunctionBatch, Vector
from grams_theory.core.random import generator
from grams_theory.core.rounding import UNIT, Ball
from grams_theory.landscape import losses
from grams_theory.landscape.certificates import certify
from grams_theory.landscape.curvature import sharpness
from grams_theory.landscape.descent import ROUNDING
from grams_theory.landscape.minimum import refine
from grams_theory.landscape.objective import LossFunction, Objective

CAUTION = 2.0
"""L over the largest Hessian norm that was met."""
POINTS = 3
"""Random starts at which Hessians are taken, besides the model's own weights; and after a step from each."""
SAMPLES = 3
"""Evaluations in float32 behind each radius."""
SAFETY = 64.0
"""That all SAMPLES rounding errors in float32 are by chance 64 times smaller than typical has probability 64^-3."""
COARSER = 2.0**-24 / UNIT
"""Unit roundoff of float32 over that of float64."""
NEAR = 2.0**-23
"""Relative distance of the points that are evaluated in float32."""
WORK = 1 << 24
"""Weights times samples in one batch."""
EVALUATIONS = 500
"""Of the run that f* is bracketed by."""
LANCZOS = 1e-3
"""Relative accuracy of the Hessian norms."""


class Loss:
    """f of many weight vectors at once, in one dtype on one device."""

    def __init__(
        self, model: nn.Module, loss_fn: LossFunction, data: Any, device: torch.device, dtype: torch.dtype
    ) -> None:
        if isinstance(loss_fn, nn.Module):
            loss_fn = copy.deepcopy(loss_fn).to(device=device, dtype=dtype)
        self.objective = Objective(model, loss_fn, data, device, dtype)
        self.dtype = dtype
        self.value, self.gradient = self._many(self._one), self._many(grad(self._one))

    def _one(self, w: Tensor) -> Tensor:
        """f(w), shapes (D,) -> ()."""
        objective = self.objective
        parts = w.split([p.numel() for p in objective.parameters])
        weights = {
            name: part.view_as(p) for (name, p), part in zip(objective.named.items(), parts, strict=True)
        }
        total = (w * w).sum() * (objective.ridge / 2)
        for x, y in objective.batches:
            outputs = functional_call(objective.model, weights, (x,))
            total = total + objective.loss_fn(outputs, y) * (len(x) / objective.samples)
        return total

    def _many(self, function: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
        """`function` of every row, shapes (N, D) -> (N, ...), in `dtype`.

        A loss that vmap cannot transform, whatever it raises then, is called row by row.
        """
        together = vmap(function, randomness="error")

        def one_by_one(w: Tensor) -> Tensor:
            return torch.stack([function(row) for row in w])

        try:
            together(self.objective.w.expand(2, -1))
            chosen = together
        except Exception:
            chosen = one_by_one

        def evaluate(w: Tensor) -> Tensor:
            found = chosen(w.to(self.dtype))
            return found if w.requires_grad else found.detach()

        return evaluate


class LossBatch(FunctionBatch):
    """B copies of a loss, which differ in where they start: `centre` of shape (D,) plus noise of size `spread`."""

    def __init__(
        self,
        exact: Loss,
        coarse: Loss,
        batch: int,
        centre: Tensor,
        spread: float,
        smoothness: float,
        pl: float | None,
        minimum: Ball | None,
        noise: Tensor,
    ) -> None:
        self.exact, self.coarse = exact, coarse
        self.centre, self.spread, self.nearby = centre, spread, noise
        self.smoothness = torch.full((batch,), smoothness, dtype=torch.float64, device=centre.device)
        self.pl = None if pl is None else torch.full_like(self.smoothness, pl)
        self.minimum = (
            None
            if minimum is None
            else Ball(*(part.to(centre.device).expand(batch) for part in (minimum.mid, minimum.rad)))
        )

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.smoothness), len(self.centre)

    def start(self, generator: Generator, radius: float = 1.0) -> Tensor:
        """The model's own weights plus noise of the order of radius * spread, shape (B, D)."""
        noise = torch.randn(self.shape, generator=generator, dtype=torch.float64, device=generator.device)
        return self.centre + radius * self.spread * noise.to(self.centre.device)

    def value(self, w: Vector) -> Vector:
        if not isinstance(w, Ball):
            return self._rows(self.exact.value, w)
        found = self._evaluate("value", w.mid)
        if not bool(w.rad.any()):
            return found
        slope = self._rows(self.exact.gradient, w.mid).abs()
        return found.widen(dot(slope, w.rad) + self.smoothness / 2 * norm2(w.rad))

    def gradient(self, w: Vector) -> Vector:
        if not isinstance(w, Ball):
            return self._rows(self.exact.gradient, w)
        turned = self.smoothness * w.rad.norm(dim=-1)
        return self._evaluate("gradient", w.mid).widen(turned.unsqueeze(-1))

    def change(self, w: Tensor, d: Ball) -> Ball:
        """The difference of two values, or the integral of the gradient between them: whichever is known better."""
        if _searching(w, d.mid):
            return self._integral(w, d, 3)
        difference = super().change(w, d)
        fine, rough = (self._integral(w, d, nodes) for nodes in (3, 2))
        integral = fine.widen((fine.mid - rough.mid).abs())
        better = integral.rad < difference.rad
        return Ball(
            torch.where(better, integral.mid, difference.mid),
            torch.where(better, integral.rad, difference.rad),
        )

    def contradicted(self, x: Tensor, y: Tensor) -> Tensor:
        """Rows in which no L-smooth function takes the values and gradients that f has at x and y.

        One does if and only if |f(y) − f(x) − ½⟨∇f(x) + ∇f(y), y − x⟩| <= (L/4)‖y − x‖² − ‖∇f(y) − ∇f(x)‖²/(4L): the
        claim `interpolation` with μ = −L at its best t says "only if"; A. Taylor, J. Hendrickx and F. Glineur, Exact
        worst-case performance of first-order methods for composite convex optimization, 2017, say "if".
        """
        d, g, h = Ball.exact(y) - x, self.gradient(Ball.exact(x)), self.gradient(Ball.exact(y))
        remainder = self.change(x, d) - dot(g + h, d) / 2
        room = norm2(d) * (self.smoothness / 4) - norm2(h - g) / (4 * self.smoothness)
        broken = (room - abs(remainder)).surely_negative()
        return broken | self._below_minimum(x) | self._below_minimum(y)

    def _below_minimum(self, w: Tensor) -> Tensor:
        """Where w lies below f*, or breaks the PL condition, (..., B, D) -> (..., B)."""
        if self.minimum is None:
            return torch.zeros(w.shape[:-1], dtype=torch.bool, device=w.device)
        gap = self.value(Ball.exact(w)) - self.minimum
        broken = gap.surely_negative()
        if self.pl is not None:
            slack = norm2(self.gradient(Ball.exact(w))) - gap * (2 * self.pl)
            broken |= slack.surely_negative()
        return broken

    def _integral(self, w: Tensor, d: Ball, nodes: int) -> Ball:
        """f(w + d) − f(w) = ∫₀¹ ⟨∇f(w + t d), d⟩ dt by a Gauss–Legendre rule."""
        points, weights = np.polynomial.legendre.leggauss(nodes)
        terms = [
            dot(self.gradient(Ball.exact(w) + d * ((1 + t) / 2)), d) * (weight / 2)
            for t, weight in zip(points.tolist(), weights.tolist(), strict=True)
        ]
        return Ball.stack(terms).sum(0)

    def _rows(self, function: Callable[[Tensor], Tensor], w: Tensor) -> Tensor:
        """`function` of every row in float64, shapes (..., B, D) -> (..., B, ...)."""
        found = function(w.reshape(-1, w.shape[-1])).double()
        return found.reshape(*w.shape[:-1], *found.shape[1:])

    def _evaluate(self, name: str, w: Tensor) -> Ball:
        """Value or gradient, with the estimated radius; a search that differentiates it gets that of one rounding."""
        mid, rough = (getattr(loss, name) for loss in (self.exact, self.coarse))
        mid = self._rows(mid, w)
        if _searching(w):
            return Ball(mid, UNIT * mid.abs())
        differences = [(self._rows(rough, w * (1 + NEAR * noise)) - mid).abs() for noise in self.nearby]
        rad = torch.stack(differences).amax(0) * (SAFETY / COARSER) + UNIT * mid.abs()
        return Ball(mid, rad.nan_to_num(torch.inf, torch.inf))


def _searching(*tensors: Tensor) -> bool:
    """Whether somebody differentiates by these: no verdict is taken from such an evaluation."""
    return torch.is_grad_enabled() and any(x.requires_grad for x in tensors)


class _Source:
    """The loss of a family on each device, and its constants: those that are known, and what must be estimated."""

    def __init__(
        self,
        model: nn.Module,
        loss_fn: LossFunction,
        data: Any,
        smoothness: float | None,
        pl: float | None,
        minimum: float | None,
    ) -> None:
        self.on = cache(lambda device, dtype: Loss(model, loss_fn, data, device, dtype))
        self.curvature = cache(self._curvature)
        self.host: Loss = self.on(torch.device("cpu"), torch.float64)
        objective = self.host.objective
        self.centre = objective.w
        """The model's own weights, shape (D,)."""
        known = certify(objective.loss_fn, objective)
        self.smoothness = known.smoothness.value if smoothness is None else smoothness
        self.pl = known.pl.value if pl is None else pl
        low, high = (known.minimum.low, known.minimum.high) if minimum is None else (minimum, minimum)
        if self.pl is not None and (low is None or high is None):
            low, high = self._bracket(self.pl)
        self.minimum = None if low is None or high is None else _interval(low, high)
        certified = {
            "L": smoothness is None and self.smoothness is not None,
            "μ": pl is None,
            "f*": minimum is None and (pl is None or self.minimum is None),
        }
        self.estimated = (*(name for name, sure in certified.items() if not sure), "rounding")

    def _bracket(self, pl: float) -> tuple[float, float]:
        """f* between f(x) − ‖∇f(x)‖²/(2μ), by the PL condition, and f(x), where x is the end of a long run."""
        reached = refine(self.host.objective, EVALUATIONS)
        self.host.objective.move_to(self.centre)
        slack = ROUNDING * self.host.objective.eps * abs(reached.f)
        return reached.f - reached.grad_norm**2 / (2 * pl) - slack, reached.f + slack

    @cached_property
    def scale(self) -> float:
        """Root mean square of the model's own weights, 1 if they are 0."""
        return self.centre.square().mean().sqrt().item() or 1.0

    def _curvature(self, spread: float) -> float:
        """L where the starts of that spread are: given, certified, or CAUTION times the largest Hessian norm met.

        Raises:
            UsageError: the Hessian cannot be taken, or is not finite.
        """
        if self.smoothness is not None:
            return self.smoothness
        gen, objective = generator(0, "curvature"), self.host.objective
        noise = torch.randn((POINTS, len(self.centre)), generator=gen, dtype=torch.float64)
        norms = []
        try:
            for w in (self.centre, *(self.centre + spread * self.scale * noise)):
                for _ in range(2):
                    objective.move_to(w)
                    norms.append(abs(sharpness(objective, LANCZOS).value))
                    w = w - self.host.gradient(w[None])[0] / (norms[-1] or 1.0)
        except (RuntimeError, ValueError, GramsTheoryError) as error:
            raise UsageError(
                f"the smoothness of the loss cannot be estimated ({str(error).splitlines()[0]}); "
                "give it: from_loss(..., smoothness=L)"
            ) from error
        finally:
            objective.move_to(self.centre)
        if not all(map(math.isfinite, norms)):
            raise UsageError("the loss has a Hessian that is not finite; give from_loss(..., smoothness=L)")
        return max(CAUTION * max(norms), torch.finfo(torch.float32).tiny)

    def sample(self, generator: Generator, batch: int, dim: int, spread: float = 1.0) -> LossBatch:
        device = generator.device
        noise = torch.rand((SAMPLES, dim), generator=generator, dtype=torch.float64, device=device) * 2 - 1
        return LossBatch(
            self.on(device, torch.float64),
            self.on(device, torch.float32),
            batch,
            self.centre.to(device),
            spread * self.scale,
            self.curvature(spread),
            self.pl,
            self.minimum,
            noise,
        )


def _interval(low: float, high: float) -> Ball:
    middle = torch.tensor((low + high) / 2, dtype=torch.float64)
    return Ball(middle, (high - middle).abs() + UNIT * middle.abs())


def from_loss(
    model: nn.Module,
    loss_fn: LossFunction,
    data: Any,
    *,
    name: str = "loss",
    smoothness: float | None = None,
    pl: float | None = None,
    minimum: float | None = None,
) -> Family:
    """f(w) = mean loss of `model` on `data` as a family of functions of the flat weights, shape (D,), in float64.

    A batch is B copies of f that start from different weights: the model's own plus noise of their size. The model is
    copied, not changed. What you do not give and the loss does not certify is estimated: see the top of this file.

    Args:
        model: any module; its trainable parameters are the weights.
        loss_fn: (outputs, targets) -> scalar, a mean over samples; as for `estimate_pl` it may have `ridge`, `certify`.
        data: (inputs, targets), or an iterable of such pairs.
        name: what the family is called.
        smoothness: L, if you know it.
        pl: μ of the PL condition, if you know it; f* is then found by a long run of L-BFGS.
        minimum: f*, if you know it.

    Returns:
        A family with the traits "smooth", "bounded" given f* or μ, "pl" given μ. Its `estimated` names what is not
        certified: at least the rounding bounds.

    Raises:
        UsageError: the model has no trainable parameters, the data are no pairs of tensors, or a constant is not > 0.
    """
    for what, constant in {"smoothness": smoothness, "pl": pl}.items():
        if constant is not None and not 0 < constant < math.inf:
            raise UsageError(
                f"{what}={constant} must be positive and finite; leave it out if you do not know it"
            )
    if minimum is not None and not math.isfinite(minimum):
        raise UsageError(f"minimum={minimum} must be finite; leave it out if you do not know it")
    source = _Source(model, loss_fn, data, smoothness, pl, minimum)
    objective = source.host.objective
    present = {"smooth": True, "bounded": source.minimum is not None, "pl": source.pl is not None}
    return Family(
        name=name,
        title=f"the loss {name}",
        traits=frozenset(trait for trait, there in present.items() if there),
        sample=source.sample,
        dims=(objective.dim,),
        options={"spread": (1.0, 0.1)},
        max_batch=max(1, min(256, WORK // (objective.dim * objective.samples))),
        estimated=source.estimated,
    )


@cache
def load(spec: str) -> Family:
    """The loss that `estimate-pl` knows by that name, or what "module:factory" returns, as a family of that name.

    The factory returns (model, loss_fn, data). Its random numbers come from a fixed seed: a replayed case starts from
    the same weights.

    Raises:
        UsageError: there is no such loss, or its factory fails.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        problem = losses.load(spec)
    return from_loss(problem.model, problem.loss_fn, problem.data, name=spec)
