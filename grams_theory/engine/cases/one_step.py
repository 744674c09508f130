"""One production step from a common state, for a batch of functions.

The state is reached either by feeding an arbitrary gradient history (any momentum that gradients can produce) or by
a real production run on the same functions. Then every optimizer of the claim takes one step from the same weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from torch import Tensor

from grams_theory.core.claim import Claim, OneStep
from grams_theory.core.errors import UsageError
from grams_theory.core.function import Family, FunctionBatch
from grams_theory.core.random import generator
from grams_theory.core.rounding import UNIT, Ball
from grams_theory.engine.cases.structure import HYPERS, Structure, covering, structures
from grams_theory.engine.production import LAYOUTS, OURS, Hyper, Rig
from grams_theory.engine.updates import base_update
from grams_theory.optim.rule import SMALLEST_MEAN
from grams_theory.symbolic.twin import ROLES, role

BATCH = 256
LARGEST = 1 << 20
EXAMPLES = (3, 24)
CASES = 10_000
STEP_SIZES = 8
"""Different step sizes in a batch: each is a parameter group of the optimizer."""
EXACT = True


@dataclass(frozen=True)
class Step:
    """A batch of B one-step cases. Vectors are Balls of shape (B, D)."""

    f: FunctionBatch
    w: Tensor
    g: Ball
    u: Ball
    gradients: tuple[Tensor, ...]
    """What the optimizers were fed, the last at `w`."""
    rounding: Tensor
    smoothness: Ball
    """The L of the statement, shape (B,)."""
    eta: Tensor | None = None
    """Step sizes, shape (B,)."""
    moved: Mapping[str, Tensor] | None = None
    """Optimizer -> w_next - w of its production step, shape (B, D)."""
    unit: float = UNIT
    loosened: Mapping[str, int] = field(default_factory=dict)
    """`Claim.loosened`: L, μ and f* are those of the statement."""

    @property
    def pl(self) -> Ball:
        """The μ of the statement, shape (B,)."""
        assert self.f.pl is not None
        return Ball.exact(self.f.pl * self.loosened.get("pl", 1))

    @property
    def gap(self) -> Ball:
        """f(w) - f*, shape (B,)."""
        if self.f.minimum is None:
            raise UsageError("a claim about f* needs families that certify it; this one does not")
        return (self.f.value(Ball.exact(self.w)) - self.f.minimum) / self.loosened.get("bounded", 1)

    @property
    def aligned(self) -> Tensor:
        return torch.sign(self.u.mid) * torch.sign(self.g.mid) >= 0

    @property
    def misaligned(self) -> Tensor:
        return ~self.aligned

    @property
    def a(self) -> Ball:
        return self.u.where(self.aligned)

    @property
    def b(self) -> Ball:
        return -self.u.where(self.misaligned)

    @property
    def r(self) -> Ball:
        return Ball(torch.sign(self.g.mid) * self.u.mid.abs(), self.u.rad).where(self.g.mid != 0)

    @property
    def share(self) -> Tensor:
        """The mean of the mask u g > 0 over the coordinates, no less than released C-Adam lets it count, (B, 1)."""
        agreeing = torch.sign(self.u.mid) * torch.sign(self.g.mid) > 0
        return agreeing.double().mean(-1, keepdim=True).clamp(SMALLEST_MEAN)

    @property
    def c(self) -> Ball:
        return self.u.where(torch.sign(self.u.mid) * torch.sign(self.g.mid) > 0) / self.share

    def _spread(self, name: str) -> Tensor:
        """What rounding may do to the step of that optimizer, shape (B, D)."""
        return self.rounding / self.share if name in ROLES and role(name).step == "c" else self.rounding

    @property
    def decided(self) -> Tensor:
        """Rows whose signs of g and u no rounding could flip, shape (B,)."""
        sure_g = (self.g.mid.abs() > 2 * self.g.rad) | ((self.g.mid == 0) & (self.g.rad == 0))
        spread = self.u.rad + self.rounding
        sure_u = (self.u.mid.abs() > spread) | ((self.u.mid == 0) & (spread == 0))
        fed = torch.sign(self.gradients[-1]) == torch.sign(self.g.mid)
        return (sure_g & sure_u & fed).all(-1)

    def change(self, name: str) -> Ball:
        """f(w_next) - f(w) of that optimizer, widened by what rounding may do to a correct implementation."""
        assert self.moved is not None and self.eta is not None
        moved = self.moved[name]
        slack = self.eta.unsqueeze(-1) * self._spread(name) + 4 * self.unit * (self.w.abs() + moved.abs())
        return self.f.change(self.w, Ball(moved, slack))

    def agreement(self, name: str) -> Ball:
        """Rounding allowance minus distance between the production step and the definition, worst coordinate, (B,)."""
        assert self.moved is not None and self.eta is not None
        eta = self.eta.unsqueeze(-1)
        defined = getattr(self, role(name).step) * -eta
        allowed = eta * self._spread(name) + 4 * self.unit * (self.w.abs() + self.moved[name].abs())
        distance = (defined - self.moved[name]).abs()
        return Ball(allowed - distance.mid, distance.rad).worst(-1)

    def row(self, index: int) -> dict[str, Any]:
        """One case as plain floats: what the exact recheck starts from."""
        assert self.moved is not None and self.eta is not None
        found = self.f.quadratic(index)
        return {
            "H": None if found is None else found[0].tolist(),
            "g": self.gradients[-1][index].tolist(),
            "u": self.u.mid[index].tolist(),
            "eta": self.eta[index].item(),
            "smoothness": self.smoothness.mid[index].item(),
            "pl": None if self.f.pl is None else self.pl.mid[index].item(),
            "moved": {name: d[index].tolist() for name, d in self.moved.items()},
        }


pool = covering


def strategy(claim: Claim, family: Family, batch: int = BATCH) -> SearchStrategy[Structure]:
    """What Hypothesis draws for a one-step claim on functions of that family."""
    return structures(
        family,
        batch,
        HYPERS,
        reached=st.booleans(),
        history=st.sampled_from([1, 2, 4, 0]),
        memory=st.sampled_from([1.0, 3.0, 0.3, 30.0]),
        near=st.sampled_from([1.0, 1.0, 1e-3, 1e-8, 1e3]),
        layout=st.sampled_from(LAYOUTS),
        zeros=st.sampled_from([0.0, 0.0, 0.3]),
        fraction=st.sampled_from([1.0, 0.999, 0.5, 0.9, 0.1, 0.01]),
    )


def draw(claim: Claim, structure: Structure, rig: Rig = OURS) -> State:
    """The state of a structure: reached by a production run of the claim's subject, or by any gradients at all."""
    setting = claim.setting
    assert isinstance(setting, OneStep)
    f, gen = structure.functions(rig.device), generator(structure.seed, "state", device=rig.device)
    knobs, base = structure.knobs, base_update(setting)
    w = rig.narrow(f.start(gen, knobs["near"]))
    if f.minimizer is not None and knobs["zeros"]:
        hit = torch.rand(w.shape, generator=gen, dtype=torch.float64, device=rig.device) < knobs["zeros"]
        w = torch.where(hit, rig.narrow(f.minimizer), w)
    if not knobs["reached"]:
        size = knobs["memory"] * f.gradient(w).norm(dim=-1, keepdim=True) / structure.dim**0.5
        shape = (knobs["history"], *w.shape)
        noise = torch.randn(shape, generator=gen, dtype=torch.float64, device=rig.device)
        return State(f, w, tuple(rig.narrow(size * noise)), structure.hyper, knobs["layout"])
    lr = (1.0, 0.3, 0.1, 0.01)[int(torch.randint(0, 4, (), generator=gen, device=rig.device))]
    lr /= f.smoothness.max().item() if base.homogeneous else 1.0
    run, history = rig.subject(setting.optimizers[0], w, lr, structure.hyper, knobs["layout"]), []
    for _ in range(4 * knobs["history"]):
        history.append(rig.narrow(f.gradient(run.w)))
        run.step(history[-1])
    if history:
        rig.check_finite(setting.optimizers[0], run.w, rig.in_range(history, structure.hyper))
    return State(f, run.w, tuple(history), structure.hyper, knobs["layout"])


def choose_step_sizes(bound: Ball, fraction: float) -> tuple[Tensor, Tensor] | None:
    """Step sizes at that fraction of the rows' bounds, and the rows that have a bound, both (B,); None if no row has.

    There are at most STEP_SIZES different ones: neighbours in size share the smallest of their bounds.
    """
    low = bound.mid - bound.rad
    usable = torch.isfinite(low) & (low > 0)
    if not bool(usable.any()):
        return None
    ranked = usable.nonzero().squeeze(-1)[low[usable].argsort()]
    eta = torch.full_like(low, fraction * low[ranked[0]].item())
    for rows in ranked.chunk(STEP_SIZES):
        eta[rows] = fraction * low[rows[0]]
    return eta, usable


def _natural_step_size(step: Step) -> Ball:
    """A few times ||g|| / (L ||u||), where first and second order weigh the same; shape (B,)."""
    return Ball.exact(4 * step.g.mid.norm(dim=-1) / (step.smoothness.mid * step.u.mid.norm(dim=-1)))


@dataclass(frozen=True)
class State:
    """B functions, weights, and the gradients that the optimizers were fed before: what a step starts from."""

    f: FunctionBatch
    w: Tensor
    """Shape (B, D), numbers of the weights' dtype."""
    history: tuple[Tensor, ...]
    """Oldest first, each of shape (B, D); the gradient at `w` is fed after them."""
    hyper: Hyper
    layout: str = "whole"


def build(claim: Claim, structure: Structure, *, rig: Rig = OURS) -> tuple[Step, Tensor] | None:
    """The batch of cases and the mask (B,) of rows inside the premise; None if no row is inside."""
    return measure(claim, draw(claim, structure, rig), rig, fraction=structure.knobs["fraction"])


def measure(
    claim: Claim, state: State, rig: Rig = OURS, *, fraction: float = 1.0, eta: Tensor | None = None
) -> tuple[Step, Tensor] | None:
    """One production step of every optimizer of the claim from that state, and the mask (B,) of rows in the premise.

    Step sizes are `eta` of shape (B,), or about that fraction of what the premise allows; None if no row is inside.

    Raises:
        UsageError: a step made weights NaN or infinite where every number fits into the dtype.
    """
    setting = claim.setting
    assert isinstance(setting, OneStep)
    f, w, base = state.f, state.w, base_update(setting)
    g = f.gradient(Ball.exact(w))
    gradients = (*state.history, rig.narrow(g.mid))
    update = base.define(gradients, state.hyper, rig.unit)
    L = Ball.exact(f.smoothness / claim.loosened.get("smooth", 1))
    step = Step(f, w, g, update.u, gradients, update.rounding, L, unit=rig.unit, loosened=claim.loosened)
    bound = _natural_step_size(step) if setting.step_size is None else setting.step_size(step)
    if eta is None:
        chosen = choose_step_sizes(bound, fraction)
        if chosen is None:
            return None
        eta, inside = chosen
    else:
        inside = (eta > 0) if setting.step_size is None else (eta > 0) & (eta <= bound.mid - bound.rad)
    inside = inside & rig.in_range(gradients, state.hyper) & rig.holds(w + eta.unsqueeze(-1) * update.u.mid)
    moved = {
        name: rig.displacement(name, w, gradients, eta, state.hyper, state.layout)
        for name in setting.optimizers
    }
    for name, d in moved.items():
        rig.check_finite(name, d, inside)
    return replace(step, eta=eta, moved=moved), inside
