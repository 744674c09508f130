"""Exact moments of m ← β m + θ ξ with independent noise ξ: the expectation of a polynomial by its moments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sympy as sp

from grams_theory.symbolic.gram import Expr

Moments = Sequence[Expr]
"""E[X^k] at index k, with 1 at index 0."""


def discrete_moments(law: Mapping[int, Expr], order: int) -> list[Expr]:
    """Moments up to `order` of the value -> probability table `law`."""
    return [sp.Add(*(prob * sp.Integer(value) ** k for value, prob in law.items())) for k in range(order + 1)]


def expect(poly: Expr, moments: Mapping[sp.Symbol, Moments]) -> Expr:
    """E[poly] for independent variables with those moments (linearity and independence)."""
    for variable, known in moments.items():
        terms = sp.Poly(sp.expand(poly), variable).all_terms()
        poly = sp.Add(*(coefficient * known[power] for (power,), coefficient in terms))
    return sp.expand(poly)


def stationary_moments(beta: Expr, theta: Expr, noise: Moments) -> list[Expr]:
    """The moments that m ← β m + θ ξ reproduces, one order after the other (for |β| < 1 there is one such list)."""
    m, xi = sp.symbols("m ξ", real=True)
    moments: list[Expr] = [sp.Integer(1)]
    for k in range(1, len(noise)):
        lower = [*moments, sp.Integer(0)]
        rest = expect((beta * m + theta * xi) ** k, {m: lower, xi: noise})
        moments.append(sp.factor(rest / (1 - beta**k)))
    return moments
