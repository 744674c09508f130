"""Adam in continuous time, and its Hamiltonian H = L(w) + (1/2a) <m, m/(√v + ε)>.

    adam       w' = -u,                     m' = a (∇L(w) - m),   v' = b (∇L(w)^2 - v),    u = m/(√v + ε)
    cautious   w' = -u * 1[u*∇L(w) >= 0],   the same m' and v'
    grams      w' = -sign(∇L(w)) * |u|,     the same m' and v'

The paper asks a >= b/4. A state keeps the root √v instead of v, so that every rate is rational in it.
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
from grams_theory.flows.directions import Direction, Vector, cautious, direction, grams, momentum

FLOWS: Mapping[str, Direction] = {"adam": momentum, "cautious": cautious, "grams": grams}

OPTIONS: Mapping[str, tuple] = {
    "ratio": (1.0, 0.25, 0.5, 16.0),
    "eps": (1.0, 2.0**-10, 2.0**-27, 0.0),
    "zeros": (0.0, 0.25),
}
"""`ratio` is a/b: the premise is ratio >= 1/4, and powers of two keep a = b/4 exact."""

PREMISES: Mapping[str, Mapping[str, tuple]] = {"a - b/4": {"ratio": (0.125,)}}
"""Premises of the theorem, by their names in `State.premise`, and options under which each fails."""


@dataclass(frozen=True)
class State(Rows):
    """What the rates of change at B states depend on."""

    constants: ClassVar[frozenset[str]] = frozenset({"a", "b", "eps"})

    g: Vector
    """∇L(w), shape (B, D)."""
    m: Vector
    """Shape (B, D)."""
    root: Vector
    """√v > 0, shape (B, D)."""
    a: Vector
    """Shape (B, 1), like `b` and `eps`."""
    b: Vector
    eps: Vector

    @property
    def u(self) -> Vector:
        """What the flows' directions are made of: m/(√v + ε), shape (B, D)."""
        return self.m / (self.root + self.eps)

    def velocity(self, flow: str | Direction) -> tuple[Vector, Vector, Vector]:
        """(w', m', v'). Raises `UnknownNameError`."""
        d = direction(FLOWS, flow)(self.g, self.u)
        return -d, self.a * (self.g - self.m), self.b * (self.g * self.g - self.root * self.root)

    def rate_L(self, flow: str | Direction) -> Any:
        """dL/dt = <∇L, w'>, shape (B,)."""
        return dot(self.g, self.velocity(flow)[0])

    def rate_H(self, flow: str | Direction) -> Any:
        """dH/dt = <∇L, w'> + <∂H/∂m, m'> + <∂H/∂v, v'>, shape (B,)."""
        w_dot, m_dot, v_dot = self.velocity(flow)
        H_m = self.u / self.a
        H_v = -(self.u * self.u) / (self.a * self.root * 4)
        return dot(self.g, w_dot) + dot(H_m, m_dot) + dot(H_v, v_dot)

    def premise(self) -> dict[str, Any]:
        """What the theorem assumes of a and b, and what makes a state of Adam's, each >= 0, shape (B,)."""
        return {
            "a - b/4": (self.a - self.b / 4).sum(-1),
            **{name: getattr(self, name).worst(-1) for name in ("root", "a", "b", "eps")},
        }


@dataclass(frozen=True)
class System:
    """The ODE for a batch of functions and the constants a, b > 0 and ε >= 0. Raises `UsageError`."""

    f: FunctionBatch
    a: float = 1.0
    b: float = 1.0
    eps: float = 2.0**-27

    def __post_init__(self) -> None:
        if not (self.a > 0 and self.b > 0 and self.eps >= 0):
            raise UsageError(f"a={self.a} and b={self.b} must be > 0 and eps={self.eps} must be >= 0")

    def energy(self, w: Tensor, m: Tensor, v: Tensor) -> Tensor:
        """H, shape (..., B)."""
        return self.f.value(w) + dot(m, m / (v.sqrt() + self.eps)) / (2 * self.a)

    def state(self, w: Tensor, m: Tensor, v: Tensor) -> State:
        a, b, eps = (w.new_full((w.shape[-2], 1), c) for c in (self.a, self.b, self.eps))
        return State(self.f.gradient(w), m, v.sqrt(), a, b, eps)


def sample(
    generator: torch.Generator, f: FunctionBatch, *, ratio: float = 1.0, eps: float = 1.0, zeros: float = 0.0
) -> State:
    """B states, as exact Balls: b over 6 and √v over 12 powers of ten, a = ratio * b.

    A rounded or zeroed gradient is the exact gradient of f plus a linear function.
    Ratios below 1/4 are outside the premise and are sampled if asked for.
    """
    B, D = f.shape
    g = with_zeros(generator, f.gradient(f.start(generator)), zeros)
    m = with_zeros(generator, magnitudes(generator, (B, 1), -3, 3) * normal(generator, (B, D)), zeros)
    root = magnitudes(generator, (B, D), -6, 6)
    b = magnitudes(generator, (B, 1), -3, 3)
    constants = (ratio * b, b, torch.full_like(b, eps))
    return State(*(Ball.exact(x) for x in (g, m, root, *constants)))
