"""Classical inequalities as sequences of checked steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sympy as sp

from grams_theory.symbolic.gram import Expr, Space, Vector, dot, norm2

if TYPE_CHECKING:
    from grams_theory.symbolic.facts import Formula
    from grams_theory.symbolic.proof import Proof


def cauchy_schwarz(p: Proof, name: str, x: Vector, y: Vector) -> Formula:
    """⟨x, y⟩² ≤ ‖x‖²‖y‖² in every R^d: checked for two unknown vectors, taken at x and y."""
    a, b = Space("ξ υ").vectors()
    aa, bb, ab = norm2(a), norm2(b), dot(a, b)
    squares = [
        p.square(f"{name}: the part of ξ across υ", bb * a - ab * b),
        p.square(f"{name}: the case υ = 0", 2 * ab * a - (aa + 1) * b),
    ]
    inequality = p.implies(f"{name}: for vectors ξ, υ", squares, sp.Le(ab**2, aa * bb))
    return p.instance(name, inequality, {}, {"ξ": x, "υ": y})


def substitute(p: Proof, name: str, at_least: Formula, equal: Formula) -> Formula:
    """x − z ≥ 0 from x ≥ y and y = z, for terms that are too large to be decided as they stand."""
    x, y, z = (sp.Symbol(letter, real=True) for letter in "xyz")
    rule = p.implies(f"{name}: for numbers", [sp.Ge(x, y), sp.Eq(y, z)], sp.Ge(x - z, 0))
    return p.instance(name, rule, {x: at_least.lhs, y: equal.lhs, z: equal.rhs})


def exceeds(
    p: Proof, name: str, smaller: Expr, larger: Expr, factor: Expr, vector: Vector, given: list[Formula]
) -> Formula:
    """smaller ≤ larger: larger − smaller = factor · ‖vector‖² by the relations `given`, and factor ≥ 0 is known."""
    square = p.square(f"{name}: a square", vector)
    p.identity(f"{name}: the difference", larger - smaller, factor * square.lhs, given)
    a, b, c, d = (sp.Symbol(letter, real=True) for letter in "abcd")
    rule = p.implies(f"{name}: for numbers", [sp.Eq(b - a, c * d), c >= 0, d >= 0], sp.Le(a, b))
    return p.instance(name, rule, {a: smaller, b: larger, c: factor, d: square.lhs})
