"""Classical inequalities as sequences of checked steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sympy as sp

from grams_theory.symbolic.gram import Vector, dot, norm2

if TYPE_CHECKING:
    from grams_theory.symbolic.proof import Formula, Proof


def cauchy_schwarz(p: Proof, name: str, x: Vector, y: Vector) -> Formula:
    """⟨x, y⟩² ≤ ‖x‖²‖y‖² in every R^d, from the squares of two vectors (the last serves y = 0)."""
    xx, yy, xy = norm2(x), norm2(y), dot(x, y)
    squares = [
        p.square(f"{name}: the part of x across y", yy * x - xy * y),
        p.square(f"{name}: the case y = 0", 2 * xy * x - (xx + 1) * y),
    ]
    return p.implies(name, squares, sp.Le(xy**2, xx * yy))
