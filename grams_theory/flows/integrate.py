"""A flow followed in time, for figures.

The cautious and the Grams right-hand sides jump where a gradient coordinate is 0, and solutions may slide
along that surface: they are solutions in Filippov's sense, which no step-size control can resolve. So sign(x)
is replaced by x/√(x^2 + δ^2), whose solutions tend to Filippov's as δ -> 0. The price is known: H may rise,
by at most the returned `slack`, because |x| (1 - |x|/√(x^2 + δ^2)) <= 0.3003 δ.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from scipy.integrate import solve_ivp
from torch import Tensor

from grams_theory.core.errors import GramsTheoryError, UnknownNameError, UsageError
from grams_theory.core.function import FunctionBatch
from grams_theory.flows.directions import Direction

SHARE: Mapping[str, float] = {"momentum": 0.0, "adam": 0.0, "cautious": 0.5, "grams": 1.0}
"""Where ∇L_i is not 0, a flow's direction is (1 - c) u + c sign(∇L)*|u|: the cautious one is the midpoint."""
RISE = ((5**0.5 - 1) / 2) ** 2.5
"""The largest value of x (1 - x/√(x^2 + 1)), taken at x^2 = (√5 - 1)/2."""


class OrdinarySystem(Protocol):
    """A `System` of this package."""

    @property
    def f(self) -> FunctionBatch: ...
    @property
    def energy(self) -> Callable[..., Tensor]: ...
    @property
    def state(self) -> Callable[..., Any]: ...


@dataclass(frozen=True)
class Path:
    """T instants of B solutions."""

    times: Tensor
    """(T,)."""
    variables: tuple[Tensor, ...]
    """w first, each (T, B, D)."""
    H: Tensor
    """(T, B)."""
    L: Tensor
    """(T, B)."""
    slack: Tensor
    """How far the smoothed sign may have raised H since time 0, (T, B)."""
    switches: Tensor
    """Sign changes of gradient coordinates between the instants, (B,): 0 means that no jump was met."""
    smoothing: float


def smoothed(flow: str, delta: float) -> Direction:
    """The flow's direction with x/√(x^2 + delta^2) for sign(x). Raises `UnknownNameError`."""
    if flow not in SHARE:
        raise UnknownNameError("flow", flow, SHARE)
    c = SHARE[flow]

    def d(g: Tensor, u: Tensor) -> Tensor:
        sign = g / torch.hypot(g, torch.full_like(g, delta)) if delta else g.sign()
        return (1 - c) * u + c * sign * u.abs()

    return d


def integrate(
    system: OrdinarySystem,
    flow: str,
    start: tuple[Tensor, ...],
    duration: float,
    *,
    points: int = 200,
    smoothing: float = 1e-3,
    rtol: float = 1e-8,
    atol: float = 1e-10,
) -> Path:
    """Follow `flow` from `start` (the system's variables, each (B, D) float64) by scipy's LSODA.

    `smoothing` is δ, in units of the gradient; 0 keeps the jump and is right only until the first switch.
    Raises `UsageError` for a bad duration or smoothing, `GramsTheoryError` if the integrator gives up.
    """
    if not duration > 0 or not smoothing >= 0 or points < 2:
        raise UsageError(f"{duration=} must be > 0, {smoothing=} must be >= 0 and {points=} at least 2")
    d = smoothed(flow, smoothing)
    B, D = start[0].shape
    count = len(start)

    def unpack(y: np.ndarray) -> list[Tensor]:
        return [torch.from_numpy(part.copy()) for part in y[: count * B * D].reshape(count, B, D)]

    def velocity(_t: float, y: np.ndarray) -> np.ndarray:
        state = system.state(*unpack(y))
        rates = [x.reshape(-1) for x in state.velocity(d)]
        return torch.cat([*rates, SHARE[flow] * RISE * smoothing * state.u.abs().sum(-1)]).numpy()

    times = np.linspace(0.0, duration, points)
    y0 = torch.cat([*(x.reshape(-1) for x in start), torch.zeros(B, dtype=torch.float64)]).numpy()
    solution = solve_ivp(velocity, (0.0, duration), y0, "LSODA", times, rtol=rtol, atol=atol)
    if not solution.success:
        raise GramsTheoryError(
            f"the {flow} flow could not be followed to time {duration}: {solution.message}; "
            f"increase smoothing={smoothing} or shorten the duration"
        )
    y = torch.from_numpy(solution.y.T.copy())
    variables = tuple(y[:, : count * B * D].reshape(points, count, B, D).unbind(1))
    signs = system.f.gradient(variables[0]).sign()
    return Path(
        times=torch.from_numpy(times),
        variables=variables,
        H=system.energy(*variables),
        L=system.f.value(variables[0]),
        slack=y[:, count * B * D :],
        switches=(signs[1:] * signs[:-1] < 0).sum((0, -1)),
        smoothing=smoothing,
    )
