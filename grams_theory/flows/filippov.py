"""Hamiltonian descent where the right-hand side jumps, in Filippov's sense.

    momentum   w' = -∇K(s) - Φ(∇L(w)),                        s' = ∇L(w) - Ψ(s)
    cautious   w' = -(∇K(s) + ξ*|∇K(s)|)/2 - Φ(∇L(w)),        the same s'
    grams      w' = -ξ*|∇K(s)| - Φ(∇L(w)),                    the same s'

with ξ_i = sign(∇L_i) where ∇L_i != 0, which gives the flows of `hamiltonian`; where ∇L_i = 0 the inclusion allows
every ξ_i in [-1, 1].
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from grams_theory.core.function import FunctionBatch
from grams_theory.core.rounding import Ball
from grams_theory.flows import hamiltonian
from grams_theory.flows._draw import with_zeros
from grams_theory.flows.directions import Direction, Vector, direction, momentum

FLOWS: Mapping[str, Direction] = {
    "momentum": momentum,
    "cautious": lambda xi, k: (k + xi * abs(k)) / 2,
    "grams": lambda xi, k: xi * abs(k),
}
"""Directions d(ξ, ∇K)."""

OPTIONS: Mapping[str, tuple] = {**hamiltonian.OPTIONS, "zeros": (0.25, 0.0, 0.75)}
PREMISES = hamiltonian.PREMISES


@dataclass(frozen=True)
class State(hamiltonian.State):
    """B states, and the velocity that the inclusion takes there."""

    xi: Vector
    """ξ, shape (B, D)."""

    def velocity(self, flow: str | Direction) -> tuple[Vector, Vector]:
        """(w', s'). Raises `UnknownNameError`."""
        d = direction(FLOWS, flow)(self.xi, self.k)
        return -(d + self.phi), self.g - self.psi

    def premise(self) -> dict[str, Any]:
        """What the theorem assumes of Φ and Ψ here, and what makes ξ a selection, each >= 0, shape (B,)."""
        return {
            **super().premise(),
            "ξ*∇L - |∇L|": (self.xi * self.g - abs(self.g)).worst(-1),
            "1 - |ξ|": (1 - abs(self.xi)).worst(-1),
        }


def sample(generator: torch.Generator, f: FunctionBatch, *, zeros: float = 0.25, **options: str) -> State:
    """B states of `hamiltonian`, about a share `zeros` of the ∇L_i being 0; there ξ_i is uniform, or at an end."""
    state = hamiltonian.sample(generator, f, zeros=zeros, **options)
    signs = state.g.mid.sign()
    inside = 2 * torch.rand(f.shape, generator=generator, dtype=torch.float64, device=generator.device) - 1
    ends = with_zeros(generator, inside.sign(), 0.5)
    xi = torch.where(signs != 0, signs, torch.where(ends != 0, ends, inside))
    return State(state.g, state.k, state.phi, state.psi, Ball.exact(xi))
