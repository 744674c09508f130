"""Steps that one exact check decides: algebra, implications, calculus, certificates of nonnegativity."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sympy as sp

from grams_theory.symbolic import checks, smt
from grams_theory.symbolic.facts import Formula, conjuncts, difference
from grams_theory.symbolic.gram import Vector, norm2
from grams_theory.symbolic.notation import sequent, unicode
from grams_theory.symbolic.proof.recorder import Recorder


class Steps(Recorder):
    """Each is true for all reals under its hypotheses; the checks are those of `symbolic.checks`."""

    def identity(self, name: str, lhs: Any, rhs: Any, given: Iterable[Any] = ()) -> Formula:
        """lhs = rhs as rational functions over QQ; that all quotients and roots mean something becomes a hypothesis.

        `given`: relations, as `Eq` or as polynomials that vanish; lhs - rhs must lie in the ideal that they
        generate. Whatever is not rational (a root, |x|) counts as an unknown: describe it by a relation.
        """
        left: Any = sp.sympify(lhs)
        right: Any = sp.sympify(rhs)
        given = list(given)
        relations: list[Any] = [difference(r) if isinstance(r, sp.Eq) else sp.sympify(r) for r in given]
        hypotheses = [r if isinstance(r, sp.Eq) else sp.Eq(r, 0, evaluate=False) for r in given]
        formula = sp.Eq(left, right, evaluate=False)
        hypotheses += checks.meant(left, right, *relations)
        return self._record(
            name,
            "identity",
            conjuncts(hypotheses),
            formula,
            lambda: checks.check_identity(left, right, relations),
        )

    def implies(self, name: str, given: Iterable, goal, timeout: float = smt.TIMEOUT_SECONDS) -> Formula:
        """For all reals, given ⇒ goal: Z3 and cvc5 agree that there is no counterexample, each in `timeout` seconds.

        Contradictory hypotheses are an error, unless the goal is `sympy.false`.
        """
        given, goal = conjuncts(given), sp.And(*conjuncts([goal]))
        return self._record(
            name, "implication", given, goal, lambda: checks.check_implication(given, goal, timeout)
        )

    def calculus(
        self, name: str, expression, variable: sp.Symbol, result, limits: tuple | None = None
    ) -> Formula:
        """The derivative of `expression` by `variable`, or its integral over `limits`, is `result`."""
        expression, result = sp.sympify(expression), sp.sympify(result)
        if limits is None:
            formula = sp.Eq(sp.Derivative(expression, variable), result, evaluate=False)

            def check() -> str:
                return checks.check_equal(sp.diff(expression, variable), result, "SymPy (differentiation)")
        else:
            formula = sp.Eq(sp.Integral(expression, (variable, *limits)), result, evaluate=False)

            lower, upper = limits

            def check() -> str:
                return checks.check_integral(expression, variable, lower, upper, result)

        return self._record(name, "calculus", (), formula, check)

    def limit(
        self, name: str, expression, variable: sp.Symbol, point, result, direction: str = "+"
    ) -> Formula:
        """The limit of `expression` as variable → point from `direction` ("+", "-" or "+-") is `result`."""
        expression, result = sp.sympify(expression), sp.sympify(result)
        limit: Any = sp.Limit
        formula = sp.Eq(limit(expression, variable, point, direction), result, evaluate=False)

        def check() -> str:
            return checks.check_equal(
                sp.limit(expression, variable, point, direction), result, "SymPy (limit)"
            )

        return self._record(name, "calculus", (), formula, check)

    def square(self, name: str, vector: Vector) -> Formula:
        """‖vector‖² ≥ 0 in every R^d, expanded in Gram entries; its coefficients must mean something, and be real."""
        formula = sp.Ge(norm2(vector), 0, evaluate=False)
        coefficients = list(vector.coefficients.values())
        given = checks.meant(*coefficients)

        def check() -> str:
            for c in coefficients:
                checks.check_real(c, "a coefficient of a vector of R^d")
            return "a squared norm in R^d"

        return self._record(name, "certificate", given, formula, check)

    def nonnegative_polynomial(
        self, name: str, poly, variable: sp.Symbol, interval: tuple = (-sp.oo, sp.oo)
    ) -> Formula:
        """A univariate polynomial over QQ is ≥ 0 on the closed interval, by Sturm's theorem."""
        poly, (lower, upper) = sp.sympify(poly), map(sp.sympify, interval)
        formula = sp.Ge(poly, 0, evaluate=False)
        given = [variable >= lower] * bool(lower.is_finite) + [variable <= upper] * bool(upper.is_finite)
        return self._record(
            name,
            "certificate",
            given,
            formula,
            lambda: checks.check_nonnegative(poly, variable, lower, upper),
        )

    def sum_of_squares(self, name: str, poly: Any, terms: Iterable[tuple[Any, Any, Any]]) -> Formula:
        """poly ≥ 0 wherever all multipliers are: poly = Σ multiplier · zᵀ Q z, each Q positive definite over QQ.

        `terms` holds (multiplier, symmetric rational matrix Q, column z of monomials).
        """
        terms = list(terms)
        formula = sp.Ge(poly, 0, evaluate=False)

        def check() -> str:
            checks.check_real_polynomial(poly, "what is decomposed")
            for k, (multiplier, matrix, z) in enumerate(terms):
                checks.check_real_polynomial(multiplier, f"the multiplier of Q{k}")
                for monomial in z:
                    checks.check_real_polynomial(monomial, f"an entry of z beside Q{k}")
                checks.check_positive_definite(matrix, f"Q{k}")
            total = sum(multiplier * (z.T * matrix * z)[0] for multiplier, matrix, z in terms)
            checks.check_identity(sp.sympify(poly), total, ())
            return "exact LDLᵀ over QQ, and expansion"

        given = conjuncts(sp.Ge(sp.sympify(multiplier), 0) for multiplier, _, _ in terms)
        squares = " + ".join(f"({unicode(sp.sympify(m))})·zᵀQ{k}z" for k, (m, _, _) in enumerate(terms))
        return self._record(
            name,
            "certificate",
            given,
            formula,
            check,
            f"{sequent(given, formula)[0]}, as it is {squares} with positive definite Q",
            rf"{sequent(given, formula)[1]}",
            [entry for _, matrix, _ in terms for entry in matrix],
        )
