"""One coordinate of each update direction in SymPy, from Adam's update u and the gradient g.

The step is w ← w - η · direction; sign(0) = 0, and the cautious mask is u g ≥ 0 as in Definition 3.7.
"""

import sympy as sp

from grams_theory.symbolic.gram import Expr


def aligned(u: Expr, g: Expr, value: Expr) -> Expr:
    """value · 1[u g ≥ 0]."""
    return sp.Piecewise((value, sp.Ge(u * g, 0)), (0, True))


def misaligned(u: Expr, g: Expr, value: Expr) -> Expr:
    """value · 1[u g < 0]."""
    return sp.Piecewise((value, sp.Lt(u * g, 0)), (0, True))


def cautious(u: Expr, g: Expr) -> Expr:
    """u · 1[u g ≥ 0] (Definition 3.7)."""
    return aligned(u, g, u)


def grams(u: Expr, g: Expr) -> Expr:
    """sign(g) · |u| (Definition 4.1)."""
    return sp.sign(g) * sp.Abs(u)
