"""A cell: the smallest piece of a study, a pure function of its key. What one returns is plain JSON.

A `Run` is one run of one contender from one seed; a `Floor` asks how low the loss can get.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR

from grams_theory.core.files import readable
from grams_theory.core.random import generator
from grams_theory.landscape.alignment import AdamDirection, Alignment, align, align_groups, update_of
from grams_theory.landscape.certificates import certify
from grams_theory.landscape.descent import descend
from grams_theory.landscape.losses import Problem
from grams_theory.landscape.minimum import bracket
from grams_theory.landscape.noise import NoiseSkew, noise_skew
from grams_theory.landscape.objective import Objective
from grams_theory.study import contenders, problems
from grams_theory.study.stages import points, skew_points

Result = dict[str, Any]
ALIGNMENTS = ("kappa", "disagreement")


@dataclass(frozen=True)
class _Key:
    kind: ClassVar[str]
    loss: str
    seed: int
    samples: int | None
    chunk: int | None
    path: str | None

    @property
    def key(self) -> dict[str, Any]:
        """Plain JSON: what the result depends on, besides the versions of packages and the device."""
        return {"kind": self.kind, **json.loads(json.dumps(asdict(self)))}

    @property
    def name(self) -> str:
        """For a file: readable, and another one for another key."""
        digest = hashlib.sha256(json.dumps(self.key, sort_keys=True).encode()).hexdigest()[:12]
        return f"{readable(self._title())}_{digest}"

    def _title(self) -> str:
        return f"{self.loss}_{self.kind}_{self.seed}"

    @property
    def cost_class(self) -> tuple[Any, ...]:
        """Cells of one class take about as long."""
        return self.loss, self.kind


@dataclass(frozen=True)
class Floor(_Key):
    """An interval that contains f*: what the loss certifies, and the best value of L-BFGS."""

    kind = "floor"
    evaluations: int

    def play(self, device: str = "cpu") -> Result:
        problem = problems.load(self.loss, self.seed, self.path, device)
        f = problems.objective(problem, device, self.samples, self.chunk)
        problems.start(f, self.loss, self.seed)
        certificate = certify(problem.loss_fn, f)
        run = descend(f, 1)
        if self.evaluations or certificate.minimum.value is not None:
            found = bracket(f, run, certificate, None, self.evaluations)
            low, high, why = found.low, found.value, found.provenance
        else:
            low, high = certificate.minimum.low, run.f[0]
            why = f"lower end: {certificate.minimum.provenance}; upper end: the start"
        return {
            "low": low,
            "high": high,
            "provenance": why,
            "eps": f.eps,
            "dim": f.dim,
            "samples": f.samples,
            "title": problem.title,
            "metric": problem.metric if problem.test is not None else None,
            "kinks": list(f.kinks),
            "mu": certificate.pl.value,
            "mu_provenance": certificate.pl.provenance,
        }


@dataclass(frozen=True)
class Run(_Key):
    """One run: `steps` steps of a contender, from the start and in the order of data that belong to the seed.

    The learning rate falls from lr to 0 by half a cosine. f and its gradient are measured on `samples` samples, in
    both modes; a full batch is these samples, minibatches are drawn from all.
    """

    kind = "run"
    optimizer: str
    lr: float
    betas: tuple[float, float]
    batch: int | None
    """None: full batch."""
    steps: int
    stages: int
    noise_batch: int
    skew_batches: int
    """0: the noise is not measured."""
    test_samples: int | None
    tested: bool
    """Whether the test metric is measured."""

    def _title(self) -> str:
        mode = "full" if self.batch is None else f"batch-{self.batch}"
        betas = "-".join(f"{beta:g}" for beta in self.betas)
        return f"{self.loss}_{mode}_{self.optimizer}_lr-{self.lr:g}_betas-{betas}_seed-{self.seed}"

    @property
    def cost_class(self) -> tuple[Any, ...]:
        return self.loss, self.batch, self.stages, self.skew_batches

    def play(self, device: str = "cpu") -> Result:
        problem = problems.load(self.loss, self.seed, self.path, device)
        probe = problems.objective(problem, device, self.samples, self.chunk)
        whole = self.samples is None or self.batch is None
        f = probe if whole else problems.objective(problem, device, None, self.chunk)
        problems.start(f, self.loss, self.seed)
        return _Player(self, problem, f, probe).play()


class _Player:
    """A run while it goes on."""

    def __init__(self, run: Run, problem: Problem, f: Objective, probe: Objective) -> None:
        self.run, self.problem, self.f, self.probe = run, problem, f, probe
        tested = run.tested and problem.test is not None
        self.test = problems.some(problem.test, run.test_samples, problem.name) if tested else None
        self.optimizer = contenders.by_name(run.optimizer).make(f.parameters, lr=run.lr, betas=run.betas)
        self.schedule = LambdaLR(self.optimizer, lambda t: (1 + math.cos(math.pi * t / run.steps)) / 2)
        self.adam = None if _has_adams_moments(self.optimizer) else AdamDirection()
        """Adam's moments of the same gradients, for an optimizer that does not keep them."""
        self.order = None if run.batch is None else minibatches(run, f.samples)
        self.points: list[Result] = []
        self.skews: list[Result] = []
        self.groups: Result = {}
        """Alignment at the end, by group of parameters."""

    def play(self) -> Result:
        """A last step beyond the end, of length 0, tells the update at the end."""
        run = self.run
        measured = points(run.steps, run.stages)
        noisy = skew_points(run.steps, run.stages) if run.skew_batches else {}
        for t in range(run.steps + 1):
            w = self.f.w if t in measured else None
            value, g_batch = self._gradient()
            finite = math.isfinite(value) and bool(g_batch.isfinite().all())
            point, g = (None, g_batch) if w is None else self._measure(t, w, value, g_batch)
            if not finite or (point is not None and not _finite(point)):
                return self._result(diverged=t)
            self.optimizer.step()
            self.schedule.step()
            shadow = None if self.adam is None else self.adam(g_batch)
            if w is None or point is None:
                continue
            u = _update(self.optimizer, self.f) if shadow is None else shadow
            self.points.append({**point, **_alignments(g, g_batch, u)})
            if t in noisy:
                self.skews.append({"step": t, "stage": noisy[t], **self._skew(w, u)})
            if t == run.steps:
                found = align_groups(g, u, self.f.groups)
                self.groups = {name: _alignment(seen) for name, seen in found.items()}
        return self._result(diverged=None)

    def _result(self, diverged: int | None) -> Result:
        return {
            "points": self.points,
            "skew": self.skews,
            "groups": self.groups,
            "diverged": diverged,
            "eps": self.f.eps,
        }

    def _gradient(self) -> tuple[float, Tensor]:
        return self.f.value_and_gradient() if self.order is None else self.f.gradient_on(next(self.order))

    def _measure(self, t: int, w: Tensor, value: float, g_batch: Tensor) -> tuple[Result, Tensor]:
        """The point, and the gradient of f there. Leaves the minibatch's gradient in `.grad`."""
        g = g_batch
        if self.order is not None:
            kept = [None if p.grad is None else p.grad.clone() for p in self.f.parameters]
            self.probe.move_to(w)
            value, g = self.probe.value_and_gradient()
            for p, grad in zip(self.f.parameters, kept, strict=True):
                p.grad = grad
        test = None if self.test is None else problems.score(self.problem, self.f, self.test, self.run.chunk)
        return {"step": t, "f": value, "grad2": g.double().square().sum().item(), "test": test}, g

    def _skew(self, w: Tensor, u: Tensor) -> Result:
        after = self.f.w
        self.probe.move_to(w)
        run = self.run
        batch = min(run.noise_batch, self.probe.samples)
        found = noise_skew(self.probe, u, batch_size=batch, batches=run.skew_batches, seed=run.seed)
        self.f.move_to(after)
        return _plain(found)


def minibatches(run: Run, samples: int) -> Iterator[Tensor]:
    """Endless: numbers of samples, (batch,), through one shuffle after another; the seed alone decides."""
    batch, epoch, queue = min(run.batch or samples, samples), 0, torch.empty(0, dtype=torch.long)
    while True:
        while len(queue) < batch:
            shuffled = torch.randperm(
                samples, generator=generator(run.seed, "study", run.loss, "order", epoch)
            )
            queue, epoch = torch.cat([queue, shuffled]), epoch + 1
        yield queue[:batch]
        queue = queue[batch:]


def _has_adams_moments(optimizer: torch.optim.Optimizer) -> bool:
    """Lion's family has one moment, and no eps."""
    return "eps" in optimizer.param_groups[0]


def _update(optimizer: torch.optim.Optimizer, f: Objective) -> Tensor:
    """Adam's update u, (D,), from the moments after a step."""
    (group,) = optimizer.param_groups
    return torch.cat([update_of(optimizer.state[p], group).reshape(-1) for p in f.parameters])


def _alignments(g: Tensor, g_batch: Tensor, u: Tensor) -> Result:
    """Of Adam's update with the gradient of f, and with the gradient that the optimizer saw."""
    batch = _alignment(align(g_batch, u))
    return {**_alignment(align(g, u)), **{f"{name}_batch": value for name, value in batch.items()}}


def _alignment(seen: Alignment | None) -> Result:
    return {name: None if seen is None else getattr(seen, name) for name in ALIGNMENTS}


def _finite(point: Result) -> bool:
    return all(math.isfinite(point[name]) for name in ("f", "grad2")) and (
        point["test"] is None or math.isfinite(point["test"])
    )


SKEWS = ("sign_disagreement", "expected_descent", "biased_share")


def _plain(skew: NoiseSkew) -> Result:
    """Over all coordinates: value and ends of the confidence interval."""
    quantities = {name: getattr(skew, name) for name in SKEWS}
    return {name: {"value": q.value, "low": q.low, "high": q.high} for name, q in quantities.items()}


Cell = Run | Floor
_KINDS: dict[str, type[Cell]] = {"run": Run, "floor": Floor}


def parse(key: dict[str, Any]) -> Cell:
    """Inverse of `key`. Raises TypeError, KeyError or ValueError for anything else."""
    made: Any = _KINDS[key["kind"]]
    values = {name: tuple(x) if isinstance(x, list) else x for name, x in key.items() if name != "kind"}
    if set(values) != {field.name for field in fields(made)}:
        raise ValueError(f"a {key['kind']} has other parts")
    return made(**values)
