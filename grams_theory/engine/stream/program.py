"""What a stream does to one chunk: T production steps from zero state, and the claim's margins at each of them.

It is written with tensors, the claim's own formulas and the optimizers' own `step`. It runs as it is, and it is what
the compilers trace.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from grams_theory.core.claim import Claim, OneStep
from grams_theory.core.rounding import Ball
from grams_theory.engine.cases.one_step import stays_finite
from grams_theory.engine.cases.step import State, Step
from grams_theory.engine.production import DTYPES, Hyper, Rig, build
from grams_theory.engine.stream.definitions import DEFINITIONS
from grams_theory.engine.stream.record import faithfully
from grams_theory.engine.updates import base_update


def tensors(state: State) -> dict[str, Tensor]:
    """Every tensor of the state, by its place in it."""
    found = {"w": state.w, **{f"history.{index}": g for index, g in enumerate(state.history)}}
    for name, value in vars(state.f).items():
        if isinstance(value, Tensor):
            found[f"f.{name}"] = value
        elif isinstance(value, Ball):
            found[f"f.{name}.mid"], found[f"f.{name}.rad"] = value.mid, value.rad
    return found


def filled(state: State, held: Mapping[str, Tensor]) -> State:
    """The same state with other tensors in the same places."""
    f = copy.copy(state.f)
    for name, value in vars(state.f).items():
        if isinstance(value, Tensor):
            setattr(f, name, held[f"f.{name}"])
        elif isinstance(value, Ball):
            setattr(f, name, Ball(held[f"f.{name}.mid"], held[f"f.{name}.rad"]))
    history = tuple(held[f"history.{index}"] for index in range(len(state.history)))
    return replace(state, f=f, w=held["w"], history=history)


class _Player:
    """One optimizer on the whole chunk, in one tensor."""

    def __init__(self, role: str, w: Tensor, lr: float, hyper: Hyper, rig: Rig) -> None:
        self.w = w.to(DTYPES[rig.dtype], copy=True)
        self.optimizer = build(rig.optimizer(role), [self.w], lr, hyper, rig.implementation)

    def step(self, w: Tensor, gradient: Tensor) -> Tensor:
        """w_next - w of a production step on that gradient at w, all of shape (B, D) in float64."""
        with torch.no_grad():
            self.w.copy_(w)
        self.w.grad = gradient.to(self.w.dtype, copy=True)
        with faithfully():
            self.optimizer.step()
        return self.w.detach().to(torch.float64, copy=True) - w


@dataclass(frozen=True)
class Rows:
    """What one step says about each row."""

    inside: Tensor
    """Inside the premise, shape (B,)."""
    undecided: Tensor
    """Inside the premise, and some part inside its rounding error, shape (B,)."""
    violated: Mapping[str, Tensor]
    """By part: violated beyond rounding, shape (B,)."""
    relative: Mapping[str, Tensor]
    """By part: margin over the magnitude of its terms where the margin's sign is sure, else +inf, shape (B,)."""
    margin: Mapping[str, Tensor]
    """By part: the margin where its sign is sure, else +inf, shape (B,)."""
    moved: Mapping[str, tuple[Tensor, Tensor]]
    """By optimizer: the largest and the smallest coordinate of its production step, shape (B,)."""

    @property
    def counted(self) -> list[Tensor]:
        """The truth values."""
        return [self.inside, self.undecided, *self.violated.values()]

    @property
    def minimised(self) -> list[Tensor]:
        """The numbers."""
        moved = (extreme for extremes in self.moved.values() for extreme in extremes)
        return [*self.relative.values(), *self.margin.values(), *moved]


class Sure(Step):
    """A step that asks fewer questions, where nothing underflows and rows with a NaN are outside the premise.

    `rounding` is no less than the radius of u, as a correct implementation may do what `Definition.u` does.
    """

    @property
    def decided(self) -> Tensor:
        """As `Step.decided`. Bounds are rounded up unless they are 0, and what is fed has the signs of g."""
        sure_g, sure_u = self.g.mid.abs() >= 2 * self.g.rad, self.u.mid.abs() >= self.rounding
        return sure_g.all(-1) & sure_u.all(-1)

    def stays_finite(self, rig: Rig) -> Tensor:
        """As `one_step.stays_finite`, of a step size of 1 + eta."""
        assert self.eta is not None
        return rig.holds(self.w.abs() + (1 + self.eta.unsqueeze(-1)) * (self.u.mid.abs() + 2 * self.rounding))


@dataclass(frozen=True)
class Program:
    """T steps of a one-step claim at one step size."""

    claim: Claim
    hyper: Hyper
    rig: Rig
    lr: float
    steps: int
    prior: bool = False
    """Calculate with `Prior` balls. It does not allow for underflow."""

    def records(self, state: State) -> Iterator[tuple[Step, Tensor]]:
        """At each step, the record of the claim and the rows inside its premise, shape (B,).

        The weights follow the first optimizer of the claim; every other takes its step from the same state.
        """
        setting = self.claim.setting
        assert isinstance(setting, OneStep)
        f, w, rig, hyper = state.f, state.w, self.rig, self.hyper
        define, tiny, kind = base_update(setting).define, rig.tiny, Step
        if self.prior:
            define, tiny, kind = DEFINITIONS.get(setting.update, define), 0.0, Sure
        players = {name: _Player(name, w, self.lr, hyper, rig) for name in setting.optimizers}
        for gradient in state.history:
            for player in players.values():
                player.step(w, gradient)
        eta = torch.full_like(f.smoothness, self.lr)
        history = list(state.history)
        fits = torch.ones_like(f.smoothness, dtype=torch.bool)
        for gradient in history:
            fits = fits & rig.in_range([gradient])
        for _ in range(self.steps):
            with faithfully():
                g = f.gradient(Ball.exact(w))
            history.append(rig.narrow(g.mid))
            fits = fits & rig.in_range(history[-1:])
            update = define(history, hyper, rig.unit, tiny)
            moved = {name: player.step(w, history[-1]) for name, player in players.items()}
            step = kind.before(self.claim, f, w, g, history, update, rig.unit)
            step = replace(step, eta=eta, moved=moved)
            inside = fits & (
                step.stays_finite(rig) if isinstance(step, Sure) else stays_finite(w, self.lr, update, rig)
            )
            if setting.step_size is not None:
                inside = inside & (eta <= setting.step_size(step).low)
            yield step, inside
            w = players[setting.optimizers[0]].w.detach().to(torch.float64, copy=True)

    def rows(self, state: State) -> Iterator[Rows]:
        """What each step says about each row."""
        for step, inside in self.records(state):
            yield judge(self.claim, step, inside)


def judge(claim: Claim, step: Step, inside: Tensor) -> Rows:
    """What a record says about each row, where `inside`, shape (B,), are those inside the premise."""
    assert claim.margin is not None
    assert step.moved is not None
    decided = inside & step.decided
    undecided = inside & ~step.decided
    violated, relative, least = {}, {}, {}
    for part, margin in claim.margin(step).items():
        negative, nonnegative = margin.surely_negative(), margin.surely_nonnegative()
        clear = decided & (negative | nonnegative)
        violated[part] = decided & negative
        undecided = undecided | (inside & ~(negative | nonnegative))
        relative[part] = torch.where(clear, margin.relative, torch.inf)
        least[part] = torch.where(clear, margin.mid, torch.inf)
    moved = {name: (d.amax(-1), d.amin(-1)) for name, d in step.moved.items()}
    return Rows(inside, undecided, violated, relative, least, moved)
