"""What the probes of a watched run have seen, point by point, and the trajectory that they make up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from torch import Tensor

from grams_theory.landscape.alignment import Alignment, align, align_groups
from grams_theory.landscape.descent import Move, Trajectory
from grams_theory.landscape.objective.modules import Places


@dataclass(frozen=True)
class Point:
    """What one probe saw, at the weights before a step (the last: after all steps)."""

    step: int
    """The first is 1."""
    f: float
    grad_norm: float
    distance: float
    """‖w − w_1‖ from the first point."""
    alignment: Alignment | None
    """Of ∇f with the u of the step taken here; None if one is 0, or no step was taken."""
    groups: Mapping[str, Alignment | None]
    """The same per parameter group of the optimizer."""
    lr: tuple[float, ...]
    """Per parameter group, as it was in this step."""


@dataclass
class Probe:
    """Values before a step that is still to be taken; vectors of shape (D,)."""

    step: int
    f: float
    grad_norm: float
    w: Tensor
    g: Tensor
    lr: tuple[float, ...]
    signs: Tensor | None = None
    """Of the gradient that the optimizer was given."""


class Probes:
    """Points, with the first weights and the last probe for the distances between them."""

    def __init__(self, groups: Places) -> None:
        self.groups = groups
        self.points: list[Point] = []
        self.moves: list[Move] = []
        self.start: Tensor | None = None
        self.last: Probe | None = None

    def add(self, probe: Probe, u: Tensor | None) -> None:
        """A probe, with the update u of its step, or None where none was taken."""
        g, w = probe.g, probe.w
        if self.start is None or self.last is None:
            self.start = w
        else:
            self.moves.append(Move(_norm(w - self.last.w), _norm(g - self.last.g)))
        point = Point(
            probe.step,
            probe.f,
            probe.grad_norm,
            _norm(w - self.start),
            None if u is None else align(g, u),
            dict.fromkeys(self.groups) if u is None else align_groups(g, u, self.groups),
            probe.lr,
        )
        self.points.append(point)
        self.last = replace(probe, signs=None)

    def trajectory(
        self, method: str, optimizer: str, u: str, betas: tuple[float, float], eps: float, unit: float
    ) -> Trajectory:
        """`u` says where the update comes from; betas and eps are those it was made with; for `unit` see there."""
        points, rates = self.points, {rate for point in self.points for rate in point.lr}
        return Trajectory(
            f=tuple(point.f for point in points),
            grad_norm=tuple(point.grad_norm for point in points),
            alignment=tuple(point.alignment for point in points),
            checkpoints=(),
            method=method,
            optimizer=optimizer,
            groups={name: tuple(point.groups[name] for point in points) for name in self.groups},
            distance=tuple(point.distance for point in points),
            start_norm=0.0 if self.start is None else _norm(self.start),
            moves=tuple(self.moves),
            lr=rates.pop() if len(rates) == 1 else None,
            betas=betas,
            eps=eps,
            u=u,
            unit=unit,
            steps=tuple(point.step for point in points),
        )


def _norm(v: Tensor) -> float:
    return v.double().norm().item()
