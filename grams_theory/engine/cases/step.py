"""The record of one-step cases: the state that a step starts from, and the step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from grams_theory.core.claim import Claim, OneStep
from grams_theory.core.errors import UsageError
from grams_theory.core.function import FunctionBatch
from grams_theory.core.rounding import UNIT, Ball
from grams_theory.engine.production import Hyper
from grams_theory.engine.updates import SLACK, Definition
from grams_theory.optim.rule import SMALLEST_MEAN
from grams_theory.symbolic.twin import ROLES, role


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
    """What rounding may do to u, shape (B, D)."""
    smoothness: Ball
    """The L of the statement, shape (B,)."""
    eta: Tensor | None = None
    """Step sizes, shape (B,)."""
    moved: Mapping[str, Tensor] | None = None
    """Optimizer -> w_next - w of its production step, shape (B, D)."""
    unit: float = UNIT
    lost: Tensor | float = 0.0
    """What underflow may do to eta times u, shape (B, D)."""
    loosened: Mapping[str, int] = field(default_factory=dict)
    """`Claim.loosened`: L, μ and f* are those of the statement."""

    @classmethod
    def before(
        cls,
        claim: Claim,
        f: FunctionBatch,
        w: Tensor,
        g: Ball,
        gradients: Sequence[Tensor],
        update: Definition,
        unit: float,
    ) -> Step:
        """The cases of a claim before its optimizers have moved."""
        return cls(
            f,
            w,
            g,
            update.u,
            tuple(gradients),
            update.rounding,
            Ball.exact(f.smoothness / claim.loosened.get("smooth", 1)),
            unit=unit,
            lost=update.lost,
            loosened=claim.loosened,
        )

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

    def allowance(self, name: str) -> Tensor:
        """How far the production step of that optimizer may lie from its definition, shape (B, D).

        The step's own rounding, and that of its sum with w.
        """
        assert self.moved is not None and self.eta is not None
        own = self.eta.unsqueeze(-1) * self.rounding + self.lost
        if name in ROLES and role(name).step == "c":
            own = own / self.share
        return own + SLACK * self.unit * (self.w.abs() + self.moved[name].abs())

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
        return self.f.change(self.w, Ball(self.moved[name], self.allowance(name)))

    def unforced(self, name: str) -> Ball:
        """How that optimizer moved the coordinates whose gradient is 0, and 0 for the others, shape (B, D)."""
        assert self.moved is not None
        without = (self.g.mid == 0) & (self.g.rad == 0)
        return Ball(self.moved[name], self.allowance(name)).where(without)

    def agreement(self, name: str) -> Ball:
        """Rounding allowance minus distance between the production step and the definition, worst coordinate, (B,)."""
        assert self.moved is not None and self.eta is not None
        defined = getattr(self, role(name).step) * -self.eta.unsqueeze(-1)
        distance = (defined - self.moved[name]).abs()
        return Ball(self.allowance(name) - distance.mid, distance.rad).worst(-1)

    def row(self, index: int) -> dict[str, Any]:
        """One case as plain floats: what the exact recheck starts from."""
        assert self.moved is not None and self.eta is not None
        found = self.f.quadratic(index)
        return {
            "H": None if found is None else found[0].tolist(),
            "w": self.w[index].tolist(),
            "gradients": [gradient[index].tolist() for gradient in self.gradients],
            "g": self.gradients[-1][index].tolist(),
            "u": self.u.mid[index].tolist(),
            "eta": self.eta[index].item(),
            "smoothness": self.smoothness.mid[index].item(),
            "pl": None if self.f.pl is None else self.pl.mid[index].item(),
            "moved": {name: d[index].tolist() for name, d in self.moved.items()},
        }


def natural_step_size(step: Step) -> Ball:
    """A few times ||g|| / (L ||u||), where first and second order weigh the same; shape (B,)."""
    return Ball.exact(4 * step.g.mid.norm(dim=-1) / (step.smoothness.mid * step.u.mid.norm(dim=-1)))


def longest_step_size(setting: OneStep, step: Step) -> Ball:
    """The largest step size that the premise allows, shape (B,); where it allows any, a natural one."""
    return natural_step_size(step) if setting.step_size is None else setting.step_size(step)
