"""Hamiltonian descent: H(w, s) = L(w) + K(s).

    momentum   w' = -∇K(s) - Φ(∇L(w)),                          s' = ∇L(w) - Ψ(s)
    cautious   w' = -1[∇L(w)*∇K(s) >= 0] * ∇K(s) - Φ(∇L(w)),    the same s'
    grams      w' = -sign(∇L(w)) * |∇K(s)| - Φ(∇L(w)),          the same s'

with <x, Φ(x)> >= 0 and <∇K(s), Ψ(s)> >= 0. The last two right-hand sides jump where ∇L_i = 0: there the rates
below are those of the formula (sign(0) = 0), one of the velocities that Filippov's inclusion allows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from grams_theory.core.algebra import dot, norm2
from grams_theory.core.errors import UnknownNameError
from grams_theory.core.function import FunctionBatch
from grams_theory.core.rounding import Ball
from grams_theory.flows._draw import magnitudes, normal, with_zeros
from grams_theory.flows._row import Rows
from grams_theory.flows.directions import Direction, Vector, cautious, direction, grams, momentum

FLOWS: Mapping[str, Direction] = {"momentum": momentum, "cautious": cautious, "grams": grams}


@dataclass(frozen=True)
class Kinetic:
    """A convex K, smallest at K(0) = 0, and its gradient: (..., D) -> (...,) and (..., D)."""

    value: Callable[[Tensor], Tensor]
    gradient: Callable[[Tensor], Tensor]


def _neighbours(x: Tensor) -> Tensor:
    """A x for the positive definite tridiagonal A with 2 on the diagonal and -1 beside it."""
    left, right = torch.zeros_like(x), torch.zeros_like(x)
    left[..., 1:], right[..., :-1] = x[..., :-1], x[..., 1:]
    return 2 * x - left - right


def _turned(x: Tensor) -> Tensor:
    """x + S x for the skew S that subtracts a coordinate's two cyclic neighbours: <x, x + S x> = |x|^2."""
    return x + torch.roll(x, 1, -1) - torch.roll(x, -1, -1)


KINETIC: Mapping[str, Kinetic] = {
    "quadratic": Kinetic(lambda s: norm2(s) / 2, lambda s: s),
    "coupled": Kinetic(lambda s: dot(s, _neighbours(s)) / 2, _neighbours),
    "log-cosh": Kinetic(lambda s: (torch.logaddexp(s, -s) - math.log(2)).sum(-1), torch.tanh),
    "pseudo-huber": Kinetic(
        lambda s: (torch.sqrt(1 + s * s) - 1).sum(-1), lambda s: s / torch.sqrt(1 + s * s)
    ),
    "quartic": Kinetic(lambda s: norm2(s) ** 2 / 4, lambda s: norm2(s).unsqueeze(-1) * s),
}
"""Kinetic energies by name, simplest first. "coupled" is s'As/2 with A not diagonal."""

DAMPING: Mapping[str, Callable[[Tensor], Tensor]] = {
    "zero": torch.zeros_like,
    "linear": lambda x: x / 2,
    "sign": torch.sign,
    "saturating": lambda x: x / (1 + x.abs()),
    "cubic": lambda x: x**3,
    "turning": _turned,
}
"""Laws D with <x, D(x)> >= 0, simplest first; "turning" is the one that is not odd coordinatewise.
Φ(x) = D(x) and Ψ(s) = D(∇K(s)): where ∇K is one-to-one every Ψ has that form."""

DRIVING: Mapping[str, Callable[[Tensor], Tensor]] = {"driving": lambda x: -x / 2}
"""Laws D with <x, D(x)> <= 0: no dampings."""
LAWS = {**DAMPING, **DRIVING}

OPTIONS: Mapping[str, tuple] = {
    "kinetic": tuple(KINETIC),
    "phi": tuple(DAMPING),
    "psi": tuple(DAMPING),
    "zeros": (0.0, 0.25),
}

PREMISES: Mapping[str, Mapping[str, tuple]] = {
    "<∇L, Φ(∇L)>": {"phi": tuple(DRIVING)},
    "<∇K, Ψ(s)>": {"psi": tuple(DRIVING)},
}
"""Premises of the theorem, by their names in `State.premise`, and options under which each fails."""


@dataclass(frozen=True)
class State(Rows):
    """What the rates of change at B states depend on, each of shape (B, D)."""

    g: Vector
    """∇L(w)."""
    k: Vector
    """∇K(s)."""
    phi: Vector
    """Φ(∇L(w))."""
    psi: Vector
    """Ψ(s)."""

    @property
    def u(self) -> Vector:
        """What the flows' directions are made of: ∇K(s), shape (B, D)."""
        return self.k

    def velocity(self, flow: str | Direction) -> tuple[Vector, Vector]:
        """(w', s'). Raises `UnknownNameError`."""
        d = direction(FLOWS, flow)(self.g, self.u)
        return -(d + self.phi), self.g - self.psi

    def rate_L(self, flow: str | Direction) -> Any:
        """dL/dt = <∇L, w'>, shape (B,)."""
        w_dot, _ = self.velocity(flow)
        return dot(self.g, w_dot)

    def rate_H(self, flow: str | Direction) -> Any:
        """dH/dt = <∇L, w'> + <∇K, s'>, shape (B,)."""
        w_dot, s_dot = self.velocity(flow)
        return dot(self.g, w_dot) + dot(self.k, s_dot)

    def premise(self) -> dict[str, Any]:
        """What the theorem assumes of Φ and Ψ here, each >= 0, shape (B,)."""
        return {"<∇L, Φ(∇L)>": dot(self.g, self.phi), "<∇K, Ψ(s)>": dot(self.k, self.psi)}


@dataclass(frozen=True)
class System:
    """The ODE of a batch of functions; kinetic energy, and a damping or driving law, by name.

    Raises `UnknownNameError`.
    """

    f: FunctionBatch
    kinetic: str = "quadratic"
    phi: str = "zero"
    psi: str = "zero"

    def __post_init__(self) -> None:
        for kind, name, known in (
            ("kinetic energy", self.kinetic, KINETIC),
            ("damping", self.phi, LAWS),
            ("damping", self.psi, LAWS),
        ):
            if name not in known:
                raise UnknownNameError(kind, name, known)

    def energy(self, w: Tensor, s: Tensor) -> Tensor:
        """H, shape (..., B)."""
        return self.f.value(w) + KINETIC[self.kinetic].value(s)

    def state(self, w: Tensor, s: Tensor) -> State:
        return self._at(self.f.gradient(w), KINETIC[self.kinetic].gradient(s))

    def _at(self, g: Tensor, k: Tensor) -> State:
        return State(g, k, LAWS[self.phi](g), LAWS[self.psi](k))


def sample(
    generator: torch.Generator,
    f: FunctionBatch,
    *,
    kinetic: str = "quadratic",
    phi: str = "zero",
    psi: str = "zero",
    zeros: float = 0.0,
) -> State:
    """B states, as exact Balls, whose float64 vectors satisfy the premise exactly unless a law is a driving one.

    A rounded or zeroed gradient is the exact gradient of f plus a linear function, and its damping a value
    that some Φ with <x, Φ(x)> >= 0 takes. Where rounding leaves the premise in doubt, the damping is 0.
    """
    system = System(f, kinetic, phi, psi)
    shape = f.shape
    w = f.start(generator)
    s = magnitudes(generator, (shape[0], 1), -3, 3) * normal(generator, shape)
    g = with_zeros(generator, f.gradient(w), zeros)
    k = with_zeros(generator, KINETIC[kinetic].gradient(s), zeros)
    at = system._at(g, k)
    damped = _admissible(phi, g, at.phi), _admissible(psi, k, at.psi)
    return State(*(Ball.exact(x) for x in (g, k, *damped)))


def _admissible(law: str, x: Tensor, damping: Tensor) -> Tensor:
    if law in DRIVING:
        return damping
    sure = dot(Ball.exact(x), Ball.exact(damping)).surely_nonnegative()
    return torch.where(sure.unsqueeze(-1), damping, torch.zeros_like(damping))
