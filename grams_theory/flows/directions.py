"""The direction d(g, u) of a flow, w' = -d - ..., from the gradient g = ∇L(w) and a momentum direction u.

Each is coordinatewise, for tensors, `Ball`s and exact arrays; sign(0) = 0, and the cautious mask is u*g >= 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from grams_theory.core.errors import UnknownNameError
from grams_theory.core.rounding import Ball

Vector = Any
Direction = Callable[[Vector, Vector], Vector]


def positive(x: Vector) -> Any:
    """Boolean mask of x > 0; of a Ball, of its midpoint."""
    return (x.mid if isinstance(x, Ball) else x) > 0


def opposed(g: Vector, u: Vector) -> Any:
    """Boolean mask of u*g < 0, from the signs: a product could underflow."""
    return (positive(g) & positive(-u)) | (positive(-g) & positive(u))


def momentum(g: Vector, u: Vector) -> Vector:
    """u."""
    return u


def cautious(g: Vector, u: Vector) -> Vector:
    """u * 1[u*g >= 0]."""
    return u.where(~opposed(g, u), 0.0)


def grams(g: Vector, u: Vector) -> Vector:
    """sign(g) * |u|."""
    return abs(u).where(positive(g), 0.0) - abs(u).where(positive(-g), 0.0)


def direction(flows: Mapping[str, Direction], flow: str | Direction) -> Direction:
    """The flow of that name (or the function itself). Raises `UnknownNameError`."""
    if not isinstance(flow, str):
        return flow
    if flow not in flows:
        raise UnknownNameError("flow", flow, flows)
    return flows[flow]
