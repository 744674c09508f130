"""Lion in continuous time, and its Hamiltonian H = L(w) + ((1 - e)/a) |m|_1.

    lion       w' = -u,                     m' = a (∇L(w) - m),   u = sign(c),   c = m + e (∇L(w) - m)
    cautious   w' = -u * 1[u*∇L(w) >= 0],   the same m'
    grams      w' = -sign(∇L(w)) * |u|,     the same m'

with a > 0 and 0 < e <= 1; in Lion's own letters e = 1 - beta1, and a is 1 - beta2 per step. By g - m = (c - m)/e,

    dH/dt = -|c|_1 - ((1 - e)/e) <c - m, sign(c) - ξ> <= 0   along lion, for every ξ in the subdifferential of |m|_1.

The right-hand sides jump where c_i = 0 or ∇L_i = 0: there the rates are those of the formula (sign(0) = 0).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from grams_theory.core.algebra import dot
from grams_theory.core.errors import UsageError
from grams_theory.core.function import FunctionBatch
from grams_theory.core.rounding import Ball
from grams_theory.flows._draw import magnitudes, normal, with_zeros
from grams_theory.flows._row import Rows
from grams_theory.flows.directions import Direction, Vector, cautious, direction, grams, momentum, positive

FLOWS: Mapping[str, Direction] = {"lion": momentum, "cautious": cautious, "grams": grams}

OPTIONS: Mapping[str, tuple] = {"e": (0.5, 1.0, 0.125, 2.0**-7), "zeros": (0.0, 0.25)}
"""Powers of two, for which some c are exactly 0."""

PREMISES: Mapping[str, Mapping[str, tuple]] = {"1 - e": {"e": (1.25, 2.0)}}
"""Premises of the theorem, by their names in `State.premise`, and options under which each fails."""


@dataclass(frozen=True)
class State(Rows):
    """What the rates of change at B states depend on."""

    constants: ClassVar[frozenset[str]] = frozenset({"a", "e"})

    g: Vector
    """∇L(w), shape (B, D)."""
    m: Vector
    """Shape (B, D)."""
    a: Vector
    """Shape (B, 1), like `e`."""
    e: Vector

    @property
    def u(self) -> Vector:
        """What the flows' directions are made of: sign(m + e (∇L - m)), shape (B, D)."""
        return (self.m + self.e * (self.g - self.m)).sign()

    def velocity(self, flow: str | Direction) -> tuple[Vector, Vector]:
        """(w', m'). Raises `UnknownNameError`."""
        return -direction(FLOWS, flow)(self.g, self.u), self.a * (self.g - self.m)

    def rate_L(self, flow: str | Direction) -> Any:
        """dL/dt = <∇L, w'>, shape (B,)."""
        return dot(self.g, self.velocity(flow)[0])

    def rate_H(self, flow: str | Direction) -> Any:
        """dH/dt = <∇L, w'> + ((1 - e)/a) <ξ, m'>, shape (B,), for the ξ in the subdifferential with the largest."""
        w_dot, m_dot = self.velocity(flow)
        still = ~(positive(self.m) | positive(-self.m))
        growth = self.m.sign() * m_dot + abs(m_dot).where(still, 0.0)
        return dot(self.g, w_dot) + dot((1 - self.e) / self.a, growth)

    def premise(self) -> dict[str, Any]:
        """What the theorem assumes of a and e, each >= 0, shape (B,)."""
        return {"1 - e": (1 - self.e).sum(-1), "e": self.e.sum(-1), "a": self.a.sum(-1)}


@dataclass(frozen=True)
class System:
    """The ODE for a batch of functions and the constants a > 0 and 0 < e <= 1. Raises `UsageError`."""

    f: FunctionBatch
    a: float = 1.0
    e: float = 0.5

    def __post_init__(self) -> None:
        if not (self.a > 0 and 0 < self.e <= 1):
            raise UsageError(f"a={self.a} must be > 0, and e={self.e} must be > 0 and at most 1")

    def energy(self, w: Tensor, m: Tensor) -> Tensor:
        """H, shape (..., B)."""
        return self.f.value(w) + (1 - self.e) / self.a * m.abs().sum(-1)

    def state(self, w: Tensor, m: Tensor) -> State:
        a, e = (w.new_full((w.shape[-2], 1), constant) for constant in (self.a, self.e))
        return State(self.f.gradient(w), m, a, e)


def sample(generator: torch.Generator, f: FunctionBatch, *, e: float = 0.5, zeros: float = 0.0) -> State:
    """B states, as exact Balls: a over 6 powers of ten, m as large as the gradient to within 3.

    About a share `zeros` of the coordinates of each of g, m and c is 0. A rounded or zeroed gradient is the exact
    gradient of f plus a linear function. An e above 1 is outside the premise and is sampled if asked for.
    """
    B, D = f.shape
    g = with_zeros(generator, f.gradient(f.start(generator)), zeros)
    size = magnitudes(generator, (B, 1), -3, 3) * g.norm(dim=-1, keepdim=True)
    m = with_zeros(generator, size * normal(generator, (B, D)), zeros).float().double()
    g = torch.where(with_zeros(generator, torch.ones_like(g), zeros) > 0, g, (1 - 1 / e) * m)
    a = magnitudes(generator, (B, 1), -3, 3)
    return State(*(Ball.exact(x) for x in (g, m, a, torch.full_like(a, e))))
