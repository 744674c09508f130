"""The proof kernel: a step is recorded only after its check has run.

A proof is a function that receives a `Proof` and calls its methods; `prove(claim)` runs it and returns
evidence. All symbols of a step are universally quantified over the reals, and its hypotheses are part of it:
"given ⇒ goal". Floating-point numbers are refused.

The lifting rule, stated here once: if φ(x) ≥ 0 was checked for all real values of the coordinate variables x
and of the shared scalars c, and φ = Σ_k c_k e_k(x) with coefficients c_k in the shared scalars alone, then in
every dimension d, Σ_k c_k S_k ≥ 0 where S_k = Σ_{i=1..d} e_k(x_i). (Sum over i. The same for = and ≤.)
`Proof.lift` checks that the lifted relation has this form.

Vector statements use `gram.Space`: an identity between Gram entries holds in every R^d.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

import sympy as sp

from grams_theory.core.claim import Claim
from grams_theory.core.errors import UsageError
from grams_theory.core.evidence import ProofEvidence, ProofStep, StepKind
from grams_theory.symbolic import checks, smt
from grams_theory.symbolic.gram import Vector, norm2
from grams_theory.symbolic.notation import latex, sequent, unicode

Formula = Any
"""A SymPy Boolean."""


class ProofFailed(Exception):
    """A step did not check. `countermodel` names exact values that violate it, if any were found."""

    def __init__(self, step: str, reason: str, countermodel: str = "") -> None:
        self.step, self.reason, self.countermodel = step, reason, countermodel
        super().__init__(f"{step}: {reason}" + (f" [{countermodel}]" if countermodel else ""))


def reals(names: str) -> tuple[Any, ...]:
    """Real symbols, one per word. State signs as hypotheses of a step, so that the report shows them."""
    return tuple(sp.Symbol(name, real=True) for name in names.split())


class Proof:
    """Records the steps of one proof. Every method checks first and records second.

    Each method returns the formula that it established, for use as a hypothesis of later steps.

    Raises (every method):
        ProofFailed: the check did not succeed.
    """

    def __init__(self, uses: Iterable[str] = ()) -> None:
        self._may_cite = frozenset(uses)
        self._steps: list[ProofStep] = []
        self._established: dict[str, tuple[tuple[Formula, ...], Formula]] = {}
        self._summands: dict[sp.Symbol, Any] = {}

    @property
    def steps(self) -> tuple[ProofStep, ...]:
        return tuple(self._steps)

    @property
    def cited(self) -> tuple[str, ...]:
        """Ids of the claims that the steps cite, each once."""
        return tuple(
            dict.fromkeys(step.name.partition(":")[0] for step in self._steps if step.kind == "citation")
        )

    def axiom(
        self, name: str, statement: str, reference: str, formula: Formula = sp.true, latex: str = ""
    ) -> Formula:
        """A fact that no machine checked, listed by name in the report. `formula`: the instance in use."""
        if not reference:
            raise ProofFailed(name, "an axiom needs a reference")
        return self._record(name, "axiom", (), formula, lambda: reference, statement, latex)

    def cite(self, claim_id: str, statement: str, formula: Formula = sp.true, latex: str = "") -> Formula:
        """An instance of another claim, which must be listed in `uses`.

        "descent-lemma: at y" cites descent-lemma; the part after the colon tells several instances apart.
        """
        if claim_id.partition(":")[0] not in self._may_cite:
            raise ProofFailed(claim_id, "the claim's `uses` does not list it")
        return self._record(claim_id, "citation", (), formula, lambda: "cited claim", statement, latex)

    def identity(self, name: str, lhs: Any, rhs: Any, given: Iterable[Any] = ()) -> Formula:
        """lhs = rhs as rational functions over QQ (where denominators do not vanish).

        `given`: relations, as `Eq` or as polynomials that vanish; lhs - rhs must lie in the ideal that they
        generate. Whatever is not rational (a root, |x|) counts as an unknown: describe it by a relation.
        """
        left: Any = sp.sympify(lhs)
        right: Any = sp.sympify(rhs)
        given = list(given)
        relations: list[Any] = [_difference(r) if isinstance(r, sp.Eq) else sp.sympify(r) for r in given]
        hypotheses = [r if isinstance(r, sp.Eq) else sp.Eq(r, 0, evaluate=False) for r in given]
        formula = sp.Eq(left, right, evaluate=False)
        return self._record(
            name, "identity", hypotheses, formula, lambda: checks.check_identity(left, right, relations)
        )

    def implies(self, name: str, given: Iterable, goal, timeout: float = smt.TIMEOUT_SECONDS) -> Formula:
        """For all reals, given ⇒ goal: Z3 finds no counterexample within `timeout` seconds.

        Contradictory hypotheses are an error, unless the goal is `sympy.false`.
        """
        given, goal = _flat(given), sp.And(*_flat([goal]))
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

    def lift(self, name: str, coordinate_step: str, conclusion, sums: Mapping[sp.Symbol, Any]) -> Formula:
        """Sum what `coordinate_step` established over the coordinates (the rule in the module docstring).

        `sums` maps the symbol of each sum over coordinates to the coordinate expression that is summed; a symbol
        keeps its meaning throughout the proof. `conclusion` is a relation (≥, ≤ or =) between those symbols and
        shared scalars. Hypotheses of the coordinate step are hypotheses on every coordinate.
        """
        given: tuple[Formula, ...]
        relation: Any
        given, relation = self._established.get(coordinate_step, ((), None))
        sums = {total: sp.sympify(summand) for total, summand in sums.items()}

        def check() -> str:
            if relation is None:
                raise checks.CheckFailed(f"no step is named {coordinate_step!r}")
            if type(relation) is not type(conclusion) or not isinstance(relation, sp.Ge | sp.Le | sp.Eq):
                raise checks.CheckFailed("only ≥, ≤ and = are lifted, and to the same relation")
            for total, summand in sums.items():
                if self._summands.get(total, summand) != summand:
                    raise checks.CheckFailed(f"{unicode(total)} already is the sum of another expression")
            lifted = sp.Poly(_difference(conclusion), *sums)
            if any(sum(powers) != 1 for powers in lifted.monoms()):
                raise checks.CheckFailed("the lifted relation must be linear in the sums, without a constant")
            coordinates = set().union(*(summand.free_symbols for summand in sums.values()))
            shared = set().union(*(coefficient.free_symbols for coefficient in lifted.coeffs()))
            if mixed := sorted(map(str, shared & coordinates)):
                raise checks.CheckFailed(f"{', '.join(mixed)} would have to be the same in every coordinate")
            pointwise = _difference(conclusion).subs(sums, simultaneous=True)
            checks.check_equal(pointwise, _difference(relation), "")
            self._summands |= sums
            return f"summation over i = 1..d of “{coordinate_step}”"

        legend = ", ".join(f"{unicode(total)} = Σᵢ {unicode(summand)}" for total, summand in sums.items())
        shown = r",\ ".join(rf"{latex(total)}=\sum_i {latex(summand)}" for total, summand in sums.items())
        condition = f"; in every coordinate {' ∧ '.join(map(unicode, given))}" if given else ""
        statement = f"{unicode(conclusion)}, where {legend}{condition}"
        return self._record(
            name,
            "lift",
            (),
            conclusion,
            check,
            statement,
            rf"{latex(conclusion)},\quad {shown}",
            sums.values(),
        )

    def square(self, name: str, vector: Vector) -> Formula:
        """‖vector‖² ≥ 0 in every R^d, expanded in Gram entries."""
        formula = sp.Ge(norm2(vector), 0, evaluate=False)
        return self._record(name, "certificate", (), formula, lambda: "a squared norm in R^d")

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

    def positive_definite(self, name: str, matrix: Any) -> Formula:
        """A symmetric matrix of rational numbers is positive definite, by an exact LDLᵀ factorisation."""
        return self._record(
            name,
            "certificate",
            (),
            sp.true,
            lambda: checks.check_positive_definite(matrix),
            f"{matrix.tolist()} is positive definite",
            rf"{latex(matrix)}\succ0",
            tuple(matrix),
        )

    def _record(
        self,
        name: str,
        kind: StepKind,
        given: Iterable[Formula],
        goal: Formula,
        check: Callable[[], str],
        statement: str = "",
        shown: str = "",
        parts: Iterable = (),
    ) -> Formula:
        given, parts = tuple(given), tuple(parts)
        symbols = {
            symbol for formula in (*given, goal, *parts) for symbol in sp.sympify(formula).free_symbols
        }
        given = (*smt.signs(symbols), *given)
        if name in self._established:
            raise ProofFailed(name, "a step of this name was already recorded")
        floats = set().union(*(sp.sympify(part).atoms(sp.Float) for part in (*given, goal, *parts)))
        if floats:
            raise ProofFailed(name, f"floats {sorted(map(str, floats))} are not exact; write Rational(1, 2)")
        start = time.perf_counter()
        try:
            method = check()
        except checks.CheckFailed as error:
            raise ProofFailed(name, error.reason, error.countermodel) from error
        seconds = time.perf_counter() - start
        if not statement:
            statement, shown = sequent(given, goal)
        self._steps.append(
            ProofStep(name, kind, statement, shown or rf"\text{{{statement}}}", method, seconds)
        )
        self._established[name] = (given, goal)
        return goal


def prove(claim: Claim, target: Literal["claim", "vacuity"] | None = None) -> ProofEvidence:
    """Run the proof of a claim, or of its vacuity; a failure is returned as evidence that is not complete.

    `target` defaults to the one that the claim has, the claim itself first.

    Raises:
        UsageError: if the claim has no such proof.
    """
    target = target or ("vacuity" if claim.prove is None else "claim")
    argument = claim.prove if target == "claim" else claim.prove_vacuous
    if argument is None:
        raise UsageError(f"claim {claim.id!r} has no proof of target {target!r}; write `prove` in its file")
    proof, failure = Proof(claim.uses), None
    start = time.perf_counter()
    try:
        argument(proof)
        _check_finished(claim, proof)
    except ProofFailed as error:
        failure = str(error)
    return ProofEvidence(
        target, proof.steps, proof.cited, failure is None, failure, time.perf_counter() - start
    )


def _check_finished(claim: Claim, proof: Proof) -> None:
    if all(step.kind in ("axiom", "citation") for step in proof.steps):
        raise ProofFailed(claim.id, "the proof checks nothing: it has only axioms and citations")
    uncited = sorted(set(claim.uses) - set(proof.cited))
    if uncited:
        raise ProofFailed(claim.id, f"`uses` lists {', '.join(uncited)}, which the proof does not cite")


def _difference(relation: Any) -> Any:
    return relation.lhs - relation.rhs


def _flat(formulas: Iterable) -> list:
    """Booleans, with tuples and lists taken as conjunctions."""
    flat = []
    for formula in formulas:
        flat.extend(_flat(formula) if isinstance(formula, list | tuple) else [sp.sympify(formula)])
    return [formula for formula in flat if formula != sp.true]
