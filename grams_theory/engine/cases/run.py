"""Whole production runs with exact gradients from zero state, for a batch of functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import torch
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from torch import Tensor

from grams_theory.core.claim import Claim, Run
from grams_theory.core.errors import UsageError
from grams_theory.core.function import Family, FunctionBatch
from grams_theory.core.random import generator
from grams_theory.core.rounding import Ball
from grams_theory.engine.cases.one_step import choose_step_sizes, stays_finite
from grams_theory.engine.cases.structure import Structure, covering, structures
from grams_theory.engine.production import OURS, Hyper, Rig
from grams_theory.engine.updates import SLACK, AdamMoments

BATCH = 64
LARGEST = 1 << 14
EXAMPLES = (3, 24)
CASES = 1_500
EXACT = True
HYPERS = (
    Hyper((0.9, 0.999), 1.0),
    Hyper((0.5, 0.5), 1.0),
    Hyper((0.9, 0.999), 0.1),
    Hyper((0.9, 0.95), 10.0),
    Hyper((0.0, 0.999), 0.1),
    Hyper((0.9, 0.999), 1e-3),
    Hyper((0.9, 0.999), 1e-8),
)
"""A large eps first: the step sizes that theory allows shrink with it, and only large ones let a run move."""


@dataclass(frozen=True)
class Path:
    """One optimizer's run: weights w_1 .. w_{T+1}, shape (T + 1, B, D), and its accumulated rounding."""

    w: Tensor
    drift: Tensor
    """Bound on how far rounding may have moved f along the run, shape (T + 1, B)."""


@dataclass(frozen=True)
class RunRecord:
    """A batch of B runs of T steps."""

    f: FunctionBatch
    start: Tensor
    hyper: Hyper
    steps: int
    loosened: Mapping[str, int] = field(default_factory=dict)
    """`Claim.loosened`: the constants below are those of the statement."""
    eta: Tensor | None = None
    """Step sizes, shape (B,)."""
    paths: Mapping[str, Path] = field(default_factory=dict)

    @property
    def betas(self) -> tuple[float, float]:
        return self.hyper.betas

    @property
    def eps(self) -> float:
        return self.hyper.eps

    @property
    def smoothness(self) -> Ball:
        return Ball.exact(self.f.smoothness / self.loosened.get("smooth", 1))

    @property
    def pl(self) -> Ball:
        assert self.f.pl is not None
        return Ball.exact(self.f.pl * self.loosened.get("pl", 1))

    @cached_property
    def _minimum(self) -> Ball:
        """f*; if "bounded" is loosened, the level above it that the start exceeds by so many times less."""
        if self.f.minimum is None:
            raise UsageError("a claim on whole runs needs families that certify f*; this one does not")
        if "bounded" not in self.loosened:
            return self.f.minimum
        start = self.f.value(Ball.exact(self.start))
        return start - (start - self.f.minimum) / self.loosened["bounded"]

    @property
    def initial_gap(self) -> Ball:
        """f(w_1) - f*, shape (B,)."""
        return self.f.value(Ball.exact(self.start)) - self._minimum

    def gap(self, name: str) -> Ball:
        """f(w_t) - f* for t = 1 .. T + 1, shape (T + 1, B)."""
        path = self.paths[name]
        return (self.f.value(Ball.exact(path.w)) - self._minimum).widen(path.drift)

    def grad(self, name: str) -> Ball:
        """Gradients at w_1 .. w_{T+1}, shape (T + 1, B, D)."""
        return self.f.gradient(Ball.exact(self.paths[name].w))

    def row(self, index: int) -> dict[str, Any]:
        assert self.eta is not None
        found = self.f.quadratic(index)
        return {
            "H": None if found is None else found[0].tolist(),
            "center": None if found is None else found[1].tolist(),
            "start": self.start[index].tolist(),
            "eta": self.eta[index].item(),
            "smoothness": self.smoothness.mid[index].item(),
            "pl": None if self.f.pl is None else self.pl.mid[index].item(),
        }


pool = covering


def strategy(claim: Claim, family: Family, batch: int = BATCH) -> SearchStrategy[Structure]:
    """What Hypothesis draws for a claim on runs, on functions of that family."""
    return structures(
        family,
        batch,
        HYPERS,
        steps=st.sampled_from([16, 4, 24, 2, 8, 3]),
        fraction=st.sampled_from([1.0, 0.5, 0.9, 0.1]),
    )


def walk(role: str, record: RunRecord, eta: Tensor, rig: Rig) -> Path:
    """Run the production optimizer and bound what its rounding may do to the loss.

    A step is off by what rounding may do to the update and to the gradients behind it, and by twice the update where
    it may turn a gradient's sign, so w is off by `off`; to first order f by ||g|| * off + L off^2 / 2, which the steps
    of a descent method do not amplify: the drifts add up.

    Raises:
        UsageError: it made weights NaN or infinite where every number fits into the dtype.
    """
    f, start, lr = record.f, record.start, eta.unsqueeze(-1)
    subject = rig.subject(role, start, eta, record.hyper, only=rig.only)
    unit, tiny = rig.precision([role])
    moments = AdamMoments.of(start, record.hyper, unit, tiny)
    w, drift, sound = [subject.w], [torch.zeros_like(eta)], torch.ones_like(eta, dtype=torch.bool)
    for _ in range(record.steps):
        g = f.gradient(Ball.exact(w[-1]))
        fed = Ball(rig.narrow(g.mid), g.rad + (rig.narrow(g.mid) - g.mid).abs())
        subject.step(fed.mid)
        moments.add(fed)
        update = moments.definition()
        sound &= rig.in_range([fed.mid]) & stays_finite(w[-1], lr, update, rig)
        w.append(subject.w)
        turned = update.u.where((fed.mid.abs() <= fed.rad) & (fed.rad > 0)).reach
        off = lr * (update.u.rad + update.rounding + 2 * turned) + update.lost
        off = off + SLACK * (rig.unit * (w[-2].abs() + (w[-1] - w[-2]).abs()) + rig.tiny * (tiny < rig.tiny))
        size = off.norm(dim=-1)
        drift.append(drift[-1] + size * g.mid.norm(dim=-1) + f.smoothness * size**2)
    rig.check_finite(role, w[-1], sound)
    return Path(torch.stack(w), torch.stack(drift))


def build(claim: Claim, structure: Structure, *, rig: Rig = OURS) -> tuple[RunRecord, Tensor] | None:
    """The batch of runs and the mask (B,) of rows inside the premise; None if no row is inside."""
    setting = claim.setting
    assert isinstance(setting, Run)
    f = structure.functions(rig.device)
    start = rig.narrow(f.start(generator(structure.seed, "state", device=rig.device)))
    record = RunRecord(f, start, structure.hyper, structure.knobs["steps"], claim.loosened)
    bound = Ball.exact(1 / f.smoothness) if setting.step_size is None else setting.step_size(record)
    chosen = choose_step_sizes(bound, structure.knobs["fraction"], largest=rig.longest_step(record.hyper))
    if chosen is None:
        return None
    eta, inside = chosen
    paths = {name: walk(name, record, eta, rig) for name in setting.optimizers}
    return replace(record, eta=eta, paths=paths), inside
