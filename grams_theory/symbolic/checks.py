"""The exact checks behind the steps of a proof. Each returns how it checked, or raises `CheckFailed`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sympy as sp

from grams_theory.symbolic import smt
from grams_theory.symbolic.facts import conjuncts
from grams_theory.symbolic.notation import unicode

Expr = Any
"""A SymPy expression."""

CLOSE = sp.Rational(1, 2**20)
"""How near to its roots a polynomial is sampled for a countermodel."""

QUICK_SECONDS = 5.0
"""For the search for a countermodel of an identity that is known not to follow."""


class CheckFailed(Exception):
    """Why the check did not succeed, with a countermodel if one was found."""

    def __init__(self, reason: str, countermodel: str = "") -> None:
        self.reason, self.countermodel = reason, countermodel
        super().__init__(reason)


def check_identity(lhs: Expr, rhs: Expr, relations: Sequence[Expr]) -> str:
    """lhs = rhs as rational functions over QQ, modulo polynomials that vanish."""
    numerator = sp.expand(sp.fraction(sp.together(lhs - rhs))[0])
    if numerator == 0:
        return "SymPy over QQ (expansion)"
    if relations:
        ideal = [sp.fraction(sp.together(r))[0] for r in relations]
        numerator, *ideal = _unknowns([numerator, *ideal])
        generators = sorted(set().union(*(e.free_symbols for e in (numerator, *ideal))), key=str)
        basis = sp.groebner(ideal, *generators, order="grevlex", domain="QQ")
        if basis.exprs == [1]:
            raise CheckFailed("no point satisfies the relations, so the identity says nothing")
        if basis.reduce(numerator)[1] == 0:
            return "SymPy over QQ (reduction by a Gröbner basis of the given relations)"
    try:
        answer = smt.decide([sp.Eq(r, 0) for r in relations], sp.Eq(numerator, 0), QUICK_SECONDS)
    except smt.UnsupportedFormula:
        answer = smt.Answer("unknown")
    raise CheckFailed(f"the two sides differ by {unicode(numerator)}", answer.countermodel)


def _unknowns(expressions: Sequence[Expr]) -> list[Expr]:
    """The expressions with every part that is not rational (a root, |x|) replaced by a symbol of its own."""
    parts = {part for e in expressions for part in e.atoms(sp.Pow, sp.Function, sp.Piecewise)}
    strange = sorted(
        (part for part in parts if not (part.is_Pow and part.exp.is_Integer)), key=sp.default_sort_key
    )
    names = {part: sp.Dummy(str(part), real=True) for part in strange}
    return [e.xreplace(names) for e in expressions]


def powers(*expressions: Any) -> list[tuple[Expr, Expr]]:
    """Base and exponent of every power in the expressions or formulas, in a fixed order."""
    found = set().union(*(sp.sympify(e).atoms(sp.Pow) for e in expressions))
    return [(power.base, power.exp) for power in sorted(found, key=sp.default_sort_key)]


def meant(*expressions: Any) -> list[Any]:
    """Hypotheses under which sums and products of the expressions may be simplified.

    No denominator is 0, since SymPy cancels it, and no radicand is negative, since SymPy makes x of √x √x.
    """
    return meant_by(powers(*expressions))


def meant_by(powers: Iterable[tuple[Expr, Expr]], alone: bool = False) -> list[Any]:
    """The same of bases and exponents. A root that stays `alone` meets no other: one by itself may be of any number."""
    powers = list(dict.fromkeys(powers))
    roots = [base for base, exponent in powers if not exponent.is_Integer]
    nonzero = [sp.Ne(base, 0) for base, exponent in powers if exponent.could_extract_minus_sign()]
    nonnegative = [] if alone and len(roots) < 2 else [sp.Ge(root, 0) for root in roots]
    return list(dict.fromkeys(conjuncts([*nonzero, *nonnegative])))


def meant_after(formula: Any, replaced: Mapping[Any, Any]) -> list[Any]:
    """Hypotheses under which the formula means the same with its symbols replaced, however SymPy simplifies it."""
    replaced = {symbol: value for symbol, value in replaced.items() if symbol in formula.free_symbols}
    if not replaced:
        return []
    inner = [(base.xreplace(replaced), exponent) for base, exponent in powers(formula)]
    values = powers(*replaced.values())
    rooted = any(not exponent.is_Integer for _, exponent in values)
    return meant_by([*inner, *values], alone=not rooted)


def check_real(expression: Expr, name: str) -> None:
    """It is real wherever it means something: it has a translation for the solvers, which know real numbers only."""
    try:
        smt.question([sp.Ge(expression, 0, evaluate=False)])
    except (smt.UnsupportedFormula, TypeError) as error:
        raise CheckFailed(f"{name} must be real: {error}") from error


def check_real_polynomial(expression: Expr, name: str) -> None:
    """Neither a root, nor a quotient, nor the imaginary unit: its value is real, and its square not negative."""
    expression = sp.sympify(expression)
    if expression.is_real is not True or not expression.is_polynomial(*expression.free_symbols):
        raise CheckFailed(f"{name} must be a polynomial with real coefficients, not {unicode(expression)}")


def check_implication(given: Sequence, goal, timeout: float) -> str:
    """given ⇒ goal for all reals; contradictory hypotheses fail unless the goal is `false`."""
    if goal == sp.true:
        raise CheckFailed("SymPy evaluated the goal to true while it was built; state it with evaluate=False")
    try:
        answer = smt.decide(given, goal, timeout)
    except smt.UnsupportedFormula as error:
        raise CheckFailed(str(error)) from error
    if answer.outcome == "fails":
        raise CheckFailed("the implication is false", answer.countermodel)
    if answer.outcome == "unknown":
        undecided = " and ".join(sorted(set(smt.SOLVERS) - set(answer.solvers)))
        raise CheckFailed(f"{undecided} did not decide it within {timeout:g} s")
    if answer.hypotheses == "contradictory" and goal != sp.false:
        raise CheckFailed("no point satisfies the hypotheses, so the implication says nothing")
    satisfiable = "; the hypotheses are satisfiable" if answer.hypotheses == "satisfiable" else ""
    return f"{' and '.join(answer.solvers)} (unsat{satisfiable})"


def check_equal(found: Expr, expected: Expr, method: str) -> str:
    if sp.expand(found - expected) != 0 and sp.simplify(found - expected) != 0:
        raise CheckFailed(f"found {unicode(found)}, not {unicode(expected)}")
    return method


def check_integral(integrand: Expr, variable: sp.Symbol, lower, upper, result: Expr) -> str:
    antiderivative = sp.integrate(integrand, variable)
    if antiderivative.has(sp.Integral):
        raise CheckFailed("SymPy found no antiderivative")
    check_equal(sp.diff(antiderivative, variable), integrand, "")
    value = antiderivative.subs(variable, upper) - antiderivative.subs(variable, lower)
    return check_equal(value, result, "SymPy (antiderivative, differentiated back)")


def check_nonnegative(poly: Expr, variable: sp.Symbol, lower: Expr, upper: Expr) -> str:
    """poly >= 0 on [lower, upper]: no root of odd multiplicity inside, and a positive value inside."""
    polynomial = sp.Poly(poly, variable)
    if not (polynomial.domain.is_ZZ or polynomial.domain.is_QQ):
        raise CheckFailed(f"coefficients must be rational numbers, not {polynomial.domain}")
    if not lower < upper:
        raise CheckFailed(f"the interval from {lower} to {upper} is empty")
    _, factors = polynomial.sqf_list()
    crossings = sum(_roots_inside(f, lower, upper) for f, multiplicity in factors if multiplicity % 2)
    samples: list[Any] = [(p, polynomial.eval(p)) for p in _points(factors, lower, upper)]
    negative = next((point for point, value in samples if value < 0), None)
    if crossings or negative is not None:
        raise CheckFailed("the polynomial is negative somewhere", f"{variable} = {negative}")
    return "SymPy (Sturm's theorem: no change of sign)"


def _roots_inside(factor: Any, lower: Expr, upper: Expr) -> int:
    at_ends = sum(1 for end in (lower, upper) if end.is_finite and factor.eval(end) == 0)
    return factor.count_roots(lower, upper) - at_ends


def _points(factors: list, lower: Expr, upper: Expr) -> list:
    """Rationals of the interval, more of them than roots, and some close to every root."""
    degree = sum(factor.degree() for factor, _ in factors)
    near = [end for f, _ in factors if f.degree() for (pair, _) in f.intervals(eps=CLOSE) for end in pair]
    finite = [end for end in (lower, upper) if end.is_finite]
    low = lower if lower.is_finite else min([*near, *finite, 0]) - 1
    high = upper if upper.is_finite else max([*near, *finite, 0]) + 1
    even = [low + (high - low) * sp.Rational(k, degree + 2) for k in range(1, degree + 2)]
    return [
        *even,
        *(point + step for point in near for step in (-CLOSE, 0, CLOSE) if low < point + step < high),
    ]


def check_positive_definite(matrix: Any, name: str) -> str:
    """All pivots of an exact LDLᵀ factorisation are positive."""
    if not (all(isinstance(entry, sp.Rational) for entry in matrix) and matrix.is_symmetric()):
        raise CheckFailed(f"{name} must be symmetric with rational entries")
    try:
        factor, diagonal = matrix.LDLdecomposition(hermitian=False)
    except ValueError as error:
        raise CheckFailed(f"{name} has no LDLᵀ factorisation: {error}") from error
    if factor * diagonal * factor.T != matrix or not all(pivot > 0 for pivot in diagonal.diagonal()):
        raise CheckFailed(f"{name} is not positive definite: a pivot of LDLᵀ is not positive")
    return "exact LDLᵀ over QQ"
