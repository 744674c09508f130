"""The PL ratio, alignment and noise skew of a run that you make yourself, measured beside it.

    from grams_theory.landscape.stream import watch_pl

    with watch_pl(optimizer, model, loss_fn, probe) as stream:
        for x, y in batches:
            loss_fn(model(x), y).backward()
            optimizer.step()
            optimizer.zero_grad()
    print(stream.estimate().table())

Nothing in training changes, to the last bit.
"""

from __future__ import annotations

import math
import time
import warnings
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from grams_theory.core.errors import UsageError
from grams_theory.landscape.certificates import certify
from grams_theory.landscape.descent import Trajectory
from grams_theory.landscape.estimate import assemble
from grams_theory.landscape.inspection import Inspection, spectra
from grams_theory.landscape.minimum import bracket, given
from grams_theory.landscape.noise import NoiseSkew, SignCount
from grams_theory.landscape.objective import LossFunction, Objective
from grams_theory.landscape.result import PLEstimate
from grams_theory.landscape.stream.moments import Moments, moments
from grams_theory.landscape.stream.pace import Budget, Clock, Every, Pace
from grams_theory.landscape.stream.probes import Point, Probe, Probes
from grams_theory.landscape.stream.shadow import Shadow, isolated, unwrapped
from grams_theory.optim._capture import is_capturing


def watch_pl(
    optimizer: Optimizer,
    model: nn.Module,
    loss_fn: LossFunction,
    probe: Any,
    *,
    every: int | None = None,
    budget: float = 0.05,
    f_star: float | None = None,
    lower_bound: float | None = None,
    chunk: int | None = None,
    dtype: torch.dtype | None = None,
    level: float = 0.95,
) -> PLStream:
    """Measure f(w) = mean loss of `model` on `probe`, and its gradient, now and then while `optimizer` trains `model`.

    Use it in a `with` statement, or call `detach()` at the end. A probe is one pass forward and backward over the
    probe set, on a copy of the model in eval mode, without autocast: gradients, random numbers, modes and buffers of
    training are not touched. It comes before the optimizer's step, at the weights that the step starts from.

    What is measured at a probe: f, ‖∇f‖, the alignment of ∇f with the u of the step taken there, over all weights and
    per parameter group of the optimizer (its key "name", or "group 0", ...), and the signs of the gradient in p.grad
    against those of ∇f. u is Adam's, from the optimizer's exp_avg and exp_avg_sq; if it keeps none, from the gradients
    of the probes (`provenance` says which). Under an L2 penalty (`weight_decay` of Adam) u contains the penalty, and
    ∇f does not, unless loss_fn has it as its attribute `ridge`.

    Works with any optimizer of torch, also where accelerate wraps it, several parameter groups, schedulers, closures,
    GradScaler and accumulated gradients. A gradient that is not finite is not counted; a loss that is not finite is
    warned about, by step and parameter, and left out.

    Args:
        probe: the data that f is the mean over, as in `estimate_pl`: the training set, or a fixed sample of it (then f
            and ∇f are those of the sample). Drawn once.
        every: probe before steps 1, 1 + every, ... and after the last, whatever it costs.
        budget: without `every`, probes are spaced so that they take at most this share of the time of training: the
            first before step 1, others as soon as one more keeps within the budget, and one after the last step if it
            does. A quarter of it is kept back for what probes cost unseen, in caches. A run that is too short for its
            first probe exceeds the budget: see `overhead`. Seconds are those
            of a clock on the wall; an accelerator is waited for at probes only.
        f_star, lower_bound: as in `estimate_pl`.
        chunk: the most samples in one forward pass of a probe.
        dtype: to probe in; by default the model's own.
        level: of the confidence intervals of the noise skew.

    Raises:
        UsageError: bad arguments; a group with maximize=True; no parameter of the optimizer is one of the model.
    """
    return PLStream(
        _bare(optimizer),
        model,
        loss_fn,
        probe,
        pace=Budget(budget) if every is None else Every(every),
        f_star=f_star,
        lower_bound=lower_bound,
        chunk=chunk,
        dtype=dtype,
        level=level,
    )


class PLStream:
    """What `watch_pl` sees. Memory: a copy of the model, a few vectors (D,), and a `Point` per probe."""

    def __init__(
        self,
        optimizer: Optimizer,
        model: nn.Module,
        loss_fn: LossFunction,
        probe: Any,
        *,
        pace: Pace,
        f_star: float | None,
        lower_bound: float | None,
        chunk: int | None,
        dtype: torch.dtype | None,
        level: float,
    ) -> None:
        if f_star is not None and lower_bound is not None:
            raise UsageError("give f_star or lower_bound, not both: a known minimum needs no lower bound")
        if not 0 < level < 1:
            raise UsageError(f"{level=} must lie between 0 and 1, as 0.95")
        began = time.perf_counter()
        self.optimizer, self.pace, self.level = optimizer, pace, level
        self.f_star, self.lower_bound = f_star, lower_bound
        self.steps = 0
        """How many steps the optimizer has taken since it is watched."""
        self.broken: dict[int, str] = {}
        """Step -> what was not finite at its probe."""
        self._shadow = Shadow(model, loss_fn, probe, dtype, chunk, _members(optimizer, model))
        self._probes = Probes(self.objective.groups)
        self._signs = SignCount(self.objective.dim, self.objective.groups, self.objective.device)
        self._moments: Moments | None = None
        self._pending: Probe | None = None
        before, after = map(torch.compiler.disable, (self._before_step, self._after_step))
        self._handles = [
            optimizer.register_step_pre_hook(before),  # pyright: ignore[reportArgumentType]
            optimizer.register_step_post_hook(after),  # pyright: ignore[reportArgumentType]
        ]
        self._clock = Clock(began, self.objective.device)

    @property
    def objective(self) -> Objective:
        """f, on the copy of the model that follows it."""
        return self._shadow.objective

    @property
    def points(self) -> tuple[Point, ...]:
        return tuple(self._probes.points)

    @property
    def provenance(self) -> str:
        """Where u comes from."""
        return "not known before the first step" if self._moments is None else self._moments.provenance

    @property
    def overhead(self) -> float:
        """Seconds of probes, the copying of the model included, per second of training so far."""
        clock = self._clock
        return clock.spent / clock.trained if clock.trained > 0 else math.inf

    def noise(self) -> NoiseSkew | None:
        """Signs of the gradients that the optimizer was given, against those of ∇f at the same weights.

        Means are over the probed steps, and intervals allow each minibatch to depend on what came before it, as long
        as the number of probes does not depend on the signs. None before there is one.
        """
        if not self._signs.batches:
            return None
        how = f"{self._signs.batches} minibatches of the run, each against ∇f on {self.objective.origin}"
        return self._signs.skew(how, None, self.level, independent=False)

    def estimate(
        self, *, refine: int = 0, curvature: bool = False, curvature_tol: float = 1e-8, seed: int = 0
    ) -> PLEstimate:
        """What was seen so far, as `estimate_pl` would say it. Works on the copy, and its time is not in `overhead`.

        Args:
            refine: evaluations of f by L-BFGS from the last point, for a closer upper end of f*; 0: the best value
                seen is the upper end. The lower end is as in `estimate_pl`.
            curvature: the Hessian's largest eigenvalues at the last point; else L is known from secants between
                points alone.
            curvature_tol, seed: as in `estimate_pl`.

        Raises:
            UsageError: nothing was seen, or nothing finite; a loss below `f_star` or `lower_bound`.
            GramsTheoryError: the run contradicts the loss's own certificate.
        """
        start, last = self._probes.start, self._probes.last
        if start is None or last is None:
            why = next(iter(self.broken.values()), "no step was taken while the optimizer was watched")
            raise UsageError(f"there is nothing to estimate: {why}")
        objective, run = self.objective, self._trajectory()
        with self._clock.aside(), isolated(objective.device):
            objective.move_to(start)
            certificate = certify(objective.loss_fn, objective)
            objective.move_to(last.w)
            seen = self._inspect(curvature_tol, seed) if curvature else Inspection()
            if self.f_star is None:
                minimum = bracket(objective, run, certificate, self.lower_bound, refine)
            else:
                minimum = given(self.f_star, run, certificate, objective.eps)
            return assemble(objective, run, certificate, minimum, seen, noise=self.noise())

    def detach(self) -> None:
        """Stop watching, after a last probe if the pace allows. What was seen can still be read."""
        self._end(probe=True)

    def __enter__(self) -> PLStream:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._end(probe=kind is None)

    def _end(self, probe: bool) -> None:
        if self._clock.ended is not None:
            return
        for handle in self._handles:
            handle.remove()
        self._settle(None)
        if probe and self.steps and self.pace.last(self._clock):
            self._clock.probe(self._probe)
            self._settle(None)
        self._clock.end()

    @torch.inference_mode(False)
    def _before_step(self, optimizer: Optimizer, args: Any, kwargs: dict) -> tuple[tuple, dict] | None:
        self._settle(None)
        if is_capturing() or not self.pace.due(self.steps + 1, self._clock):
            return None
        self._clock.probe(self._probe)
        return None if self._pending is None else self._watch_gradient(args, kwargs)

    def _watch_gradient(self, args: Any, kwargs: dict) -> tuple[tuple, dict] | None:
        """The gradient at these weights is in p.grad now, or when the closure is called for the first time."""
        closure = kwargs.get("closure", args[1] if len(args) > 1 else None)
        if closure is None:
            self._clock.more(self._read_signs)
            return None

        def watched() -> Any:
            loss = closure()
            if self._pending is not None and self._pending.signs is None:
                self._clock.more(self._read_signs)
            return loss

        if "closure" in kwargs:
            return args, {**kwargs, "closure": watched}
        return (args[0], watched, *args[2:]), kwargs

    @torch.inference_mode(False)
    def _after_step(self, *_: object) -> None:
        self.steps += 1
        if self._pending is not None:
            self._clock.more(self._compare)

    def _probe(self) -> None:
        f, g = self._shadow.measure()
        norm = g.double().norm().item()
        if not (math.isfinite(f) and math.isfinite(norm)):
            self._note_broken(f)
            return
        lr = tuple(float(group.get("lr", math.nan)) for group in self.optimizer.param_groups)
        self._pending = Probe(self.steps + 1, f, norm, self.objective.w, g, lr)

    def _read_signs(self) -> None:
        assert self._pending is not None
        self._pending.signs = self._shadow.gradient_signs()

    def _compare(self) -> None:
        assert self._pending is not None
        if self._moments is None:
            self._moments = moments(self.optimizer, self._shadow)
        g, signs = self._pending.g, self._pending.signs
        u = self._moments(g)
        if not bool(u.isfinite().all()):
            self.broken[self._pending.step] = f"u is not finite at step {self._pending.step}"
            u = None
        elif signs is not None:
            self._signs.add(g, signs, u)
        self._settle(u)

    def _settle(self, u: torch.Tensor | None) -> None:
        """Note the pending probe, with the u of its step, or None where none was taken."""
        if self._pending is not None:
            self._probes.add(self._pending, u)
            self._pending = None

    def _note_broken(self, f: float) -> None:
        step, name = self.steps + 1, self._shadow.broken_parameter()
        what = f"the loss is {f}" if not math.isfinite(f) else "the gradient is not finite"
        message = f"{what} at step {step}" + (f", first in parameter {name!r}" if name else "")
        if not self.broken:
            warnings.warn(f"{message}; such probes are left out of the estimate", stacklevel=2)
        self.broken[step] = message

    def _trajectory(self) -> Trajectory:
        count, name = len(self.points), type(self.optimizer).__name__
        method = f"{count} points of a run of {self.steps} steps of {name} on gradients of its own"
        if self.broken:
            worst = next(iter(self.broken.values()))
            method += f"; {len(self.broken)} probes were not finite, the first: {worst}"
        own = self.optimizer.param_groups[0] if self._moments is not None and self._moments.own else {}
        betas, eps = own.get("betas", (0.9, 0.999)), own.get("eps", 1e-8)
        betas = float(betas[0]), float(betas[1])
        return self._probes.trajectory(method, name, self.provenance, betas, float(eps), self.objective.eps)

    def _inspect(self, tol: float, seed: int) -> Inspection:
        index = len(self.points) - 1
        whole, parts = spectra(self.objective, tol, seed)
        return Inspection(((index, whole),), {name: ((index, part),) for name, part in parts.items()})


def _members(optimizer: Optimizer, model: nn.Module) -> dict[str, list[str]]:
    """Names of the model's parameters by parameter group."""
    names = {p: name for name, p in unwrapped(model).named_parameters() if p.requires_grad}
    found: dict[str, list[str]] = {}
    for index, group in enumerate(optimizer.param_groups):
        if group.get("maximize"):
            raise UsageError(
                f"parameter group {index} has maximize=True; watch_pl measures a loss: minimize it"
            )
        if any(hasattr(p, "to_local") for p in group["params"]):
            raise UsageError(
                "watch_pl does not read distributed parameters (DTensor); watch an unsharded run"
            )
        own = [names[p] for p in group["params"] if p in names]
        if own:
            found.setdefault(group.get("name", f"group {index}"), []).extend(own)
    if not found:
        raise UsageError(
            "the optimizer holds no trainable parameter of the model; make both from the same model"
        )
    return found


def _bare(optimizer: Optimizer) -> Optimizer:
    """Without the wrapper that accelerate puts around it, which has no hooks."""
    while isinstance(inner := getattr(optimizer, "optimizer", None), Optimizer):
        optimizer = inner
    return optimizer
