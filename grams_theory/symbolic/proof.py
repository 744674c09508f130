"""The proof kernel: a step is recorded only after its check has run, and knows what it rests on.

A proof is a function that receives a `Proof` and calls its methods; `prove(claim)` runs it and returns evidence. All
symbols of a step are universally quantified over the reals. A hypothesis ("given") that an earlier step established
is thereby used; any other becomes a hypothesis of the step, and of all that uses the step. In the end every part of
the claim's `formal` must have been concluded from nothing but its premises, definitions, instances of its assumptions,
instances of proved claims, and named axioms. Floating-point numbers are refused.

The lifting rule, stated here once: if φ(x) ≥ 0 was checked for all real values of the coordinate variables x
and of the shared scalars c, and φ = Σ_k c_k e_k(x) with coefficients c_k in the shared scalars alone, then in
every dimension d, Σ_k c_k S_k ≥ 0 where S_k = Σ_{i=1..d} e_k(x_i). (Sum over i. The same for = and ≤.)
`Proof.lift` checks that the lifted relation has this form. An inner product ⟨x,y⟩ is the sum of x_i y_i. And a sum of
nonnegative terms is at least each of them (`Proof.summand`).

Vector statements use `gram.Space`: an identity between Gram entries holds in every R^d.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, Literal

import sympy as sp

from grams_theory.core.claim import Claim
from grams_theory.core.definitions import Assumption, Definition
from grams_theory.core.errors import UsageError
from grams_theory.core.evidence import FOUNDATIONS, ProofEvidence, ProofStep, Stated, StepKind
from grams_theory.symbolic import checks, smt
from grams_theory.symbolic.facts import (
    Facts,
    Formula,
    Hypotheses,
    Theorem,
    conjuncts,
    gram_names,
    symbols_of,
)
from grams_theory.symbolic.gram import Vector, norm2
from grams_theory.symbolic.notation import latex, sequent, unicode

Target = Literal["claim", "vacuity"]


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

    def __init__(self, claim: Claim | None = None) -> None:
        self._claim = claim
        self._formal = claim.formal() if claim is not None and claim.formal is not None else None
        self._steps: list[ProofStep] = []
        self._established: dict[str, tuple[tuple[Formula, ...], Formula, Hypotheses]] = {}
        self._facts = Facts()
        self._concluded: dict[str, Formula] = {}
        self._cited: dict[str, ProofEvidence] = {}
        self._used: dict[str, None] = {}

    @property
    def steps(self) -> tuple[ProofStep, ...]:
        return tuple(self._steps)

    # What a proof starts from

    def axiom(
        self, name: str, statement: str, reference: str, formula: Formula = sp.true, latex: str = ""
    ) -> Formula:
        """A fact that no machine checked, listed by name in the report. `formula`: the instance in use."""
        if not reference:
            raise ProofFailed(name, "an axiom needs a reference")
        return self._record(
            name, "axiom", (), formula, lambda: reference, statement, latex, hypotheses=frozenset()
        )

    def assume(self, assumption: Assumption, where: str, *quantities: Any) -> Formula:
        """The instance of one of the claim's assumptions in these quantities (see the assumption's `build`)."""
        name = f"{assumption.title}: {where}"
        if self._claim is not None and assumption.id not in _granted(self._claim):
            raise ProofFailed(name, f"the claim does not assume that {assumption.text}")
        formula = assumption(*quantities)
        self._used[assumption.id] = None
        return self._record(
            name,
            "assumption",
            (),
            formula,
            lambda: f"assumed: {assumption.text}",
            f"{unicode(formula)} ({where})",
            rf"{latex(formula)}\quad\text{{({where})}}",
            hypotheses=frozenset(),
        )

    def use(self, definition: Definition, *quantities: Any) -> Any:
        """What the definition makes of these quantities, an expression; records that the proof rests on it."""
        self._used[definition.id] = None
        return definition(*quantities)

    def define(self, symbol: sp.Symbol, expression: Any) -> Formula:
        """Abbreviate: symbol = expression. The symbol must be new, so that nothing is assumed."""
        expression, name = sp.sympify(expression), f"definition of {unicode(symbol)}"
        seen = symbols_of([*self._facts.hypotheses, *self._facts.hypotheses.values()])
        if symbol in seen | expression.free_symbols or self._facts.summand(symbol) is not None:
            raise ProofFailed(name, "the symbol already has a meaning; take another one")
        if gram_names(symbol):
            raise ProofFailed(
                name, "an inner product means what its vectors make of it; it cannot be defined"
            )
        formula = sp.Eq(symbol, expression, evaluate=False)
        self._facts.definitions[symbol] = expression
        return self._record(name, "definition", (), formula, lambda: "abbreviation", hypotheses=frozenset())

    def coordinates(self, **vectors: Any) -> None:
        """What one coordinate of each named vector is: every ⟨x,y⟩ of theirs gets the summand x_i y_i."""
        for name, coordinate in vectors.items():
            if self._facts.coordinates.setdefault(name, sp.sympify(coordinate)) != coordinate:
                raise ProofFailed(f"coordinates of {name}", "the vector already has other coordinates")

    def basis(self, vector: Vector, components: Mapping[str, Any]) -> Formula:
        """Take `vector` for the i-th basis vector: it has length 1, and ⟨x,vector⟩ is the i-th component of each x.

        `components` maps the names of vectors to one coordinate of theirs. The vector must be new.
        """
        (name,) = vector.coefficients
        entries = {x: vector.space.entry(x, name) for x in (*components, name)}
        seen = symbols_of([*self._facts.hypotheses, *self._facts.hypotheses.values()])
        if name in self._facts.coordinates or any(name in (gram_names(s) or ()) for s in seen):
            raise ProofFailed(f"basis vector {name}", "the vector already has a meaning; take another one")
        lengths = {**components, name: sp.Integer(1)}
        facts: list[Any] = [sp.Eq(entries[x], component) for x, component in lengths.items()]
        return self._record(
            f"basis vector {name}",
            "definition",
            (),
            sp.And(*facts),
            lambda: "the i-th basis vector",
            hypotheses=frozenset(),
        )

    def shared(self, *symbols: sp.Symbol) -> None:
        """Declare symbols the same in every coordinate, so that a summand may hold them beside its coordinates."""
        if used := self._facts.summed & set(symbols):
            raise ProofFailed("shared", f"{sorted(map(str, used))[0]} already is the symbol of a coordinate")
        for symbol in symbols:
            if symbol in self._facts.definitions:
                raise ProofFailed("shared", f"{symbol} abbreviates something; declare what it is made of")
        self._facts.declared |= set(symbols)
        self._facts.shared |= set(symbols)

    def cite(
        self,
        claim: Claim,
        at: str = "",
        scalars: Mapping[sp.Symbol, Any] | None = None,
        vectors: Mapping[str, Vector] | None = None,
        parts: Iterable[str] | None = None,
    ) -> Formula:
        """An instance of what another claim's proof concluded, with its symbols and vectors replaced.

        `at` says in words which instance. `parts` selects conclusions. The premises of the instance, where no step
        established them, become hypotheses. The claim is proved first, if it was not in this process.
        """
        name = f"{claim.id}: {at}" if at else claim.id
        theorem, evidence = _theorem(claim, name)
        granted = _granted(claim) if self._claim is None else _granted(self._claim)
        if lacking := [a.text for a in claim.assumptions if a.id not in granted]:
            texts = ", ".join(lacking)
            raise ProofFailed(name, f"the cited claim assumes more than this one: {texts}")
        wanted = list(theorem.conclusions) if parts is None else list(parts)
        if unknown := set(wanted) - theorem.conclusions.keys():
            raise ProofFailed(
                name, f"{claim.id} concludes no {sorted(unknown)}; it has {list(theorem.conclusions)}"
            )
        try:
            premises, conclusions = (
                [theorem.instance(formula, scalars or {}, vectors or {}) for formula in formulas]
                for formulas in (theorem.premises, [theorem.conclusions[part] for part in wanted])
            )
        except ValueError as error:
            raise ProofFailed(name, str(error)) from error
        self._import(name, theorem, [*premises, *conclusions])
        self._cited[claim.id] = evidence
        for node in evidence.definitions + evidence.assumptions:
            self._used[node] = None
        goal = sp.And(*conclusions)
        return self._record(name, "citation", premises, goal, lambda: f"instance of {claim.id}")

    def _import(self, name: str, theorem: Theorem, formulas: list[Formula]) -> None:
        """Take over what the symbols that were not replaced mean in the theorem."""
        left = symbols_of(formulas)
        for symbol in left & theorem.sums.keys():
            if self._facts.sums.setdefault(symbol, theorem.sums[symbol]) != theorem.sums[symbol]:
                raise ProofFailed(name, f"{unicode(symbol)} is the sum of another expression here")
        vectors = {vector for symbol in left for vector in gram_names(symbol) or ()}
        for vector in vectors & theorem.coordinates.keys():
            coordinate = theorem.coordinates[vector]
            if self._facts.coordinates.setdefault(vector, coordinate) != coordinate:
                raise ProofFailed(name, f"{vector} has other coordinates here")
        self._facts.summed |= left & theorem.bound

    # Steps

    def identity(self, name: str, lhs: Any, rhs: Any, given: Iterable[Any] = ()) -> Formula:
        """lhs = rhs as rational functions over QQ; that no denominator is 0 becomes a hypothesis.

        `given`: relations, as `Eq` or as polynomials that vanish; lhs - rhs must lie in the ideal that they
        generate. Whatever is not rational (a root, |x|) counts as an unknown: describe it by a relation.
        """
        left: Any = sp.sympify(lhs)
        right: Any = sp.sympify(rhs)
        given = list(given)
        relations: list[Any] = [_difference(r) if isinstance(r, sp.Eq) else sp.sympify(r) for r in given]
        hypotheses = [r if isinstance(r, sp.Eq) else sp.Eq(r, 0, evaluate=False) for r in given]
        formula = sp.Eq(left, right, evaluate=False)
        hypotheses += [sp.Ne(d, 0) for d in checks.denominators(left, right)]
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

    def lift(
        self, name: str, coordinate_step: str, conclusion, sums: Mapping[sp.Symbol, Any] | None = None
    ) -> Formula:
        """Sum what `coordinate_step` established over the coordinates (the rule in the module docstring).

        `sums` maps the symbol of each sum over coordinates to the coordinate expression that is summed; a symbol
        keeps its meaning throughout the proof, and inner products of `coordinates` need not be listed. `conclusion`
        is a relation (≥, ≤ or =) between those symbols and shared scalars. Hypotheses of the coordinate step are
        hypotheses on every coordinate.
        """
        relation: Any
        given, relation, hypotheses = self._established.get(coordinate_step, ((), None, frozenset()))
        sums = {total: sp.sympify(summand) for total, summand in (sums or {}).items()}
        ordered = sorted(conclusion.free_symbols, key=str)
        known = {s: summand for s in ordered if (summand := self._facts.summand(s)) is not None}
        clash = [total for total, summand in sums.items() if known.get(total, summand) != summand]
        sums = known | sums

        def check() -> str:
            if relation is None:
                raise checks.CheckFailed(f"no step is named {coordinate_step!r}")
            if type(relation) is not type(conclusion) or not isinstance(relation, sp.Ge | sp.Le | sp.Eq):
                raise checks.CheckFailed("only ≥, ≤ and = are lifted, and to the same relation")
            if clash:
                raise checks.CheckFailed(f"{unicode(clash[0])} already is the sum of another expression")
            lifted = sp.Poly(_difference(conclusion), *sums)
            if any(sum(powers) != 1 for powers in lifted.monoms()):
                raise checks.CheckFailed("the lifted relation must be linear in the sums, without a constant")
            try:
                self._facts.lift(sums, lifted.coeffs())
            except ValueError as error:
                raise checks.CheckFailed(str(error)) from error
            pointwise = _difference(conclusion).subs(sums, simultaneous=True)
            checks.check_equal(pointwise, _difference(relation), "")
            return f"summation over i = 1..d of “{coordinate_step}”"

        legend = ", ".join(f"{unicode(total)} = Σᵢ {unicode(summand)}" for total, summand in sums.items())
        shown = r",\ ".join(rf"{latex(total)}=\sum_i {latex(summand)}" for total, summand in sums.items())
        condition = f"; in every coordinate {' ∧ '.join(map(unicode, given))}" if given else ""
        return self._record(
            name,
            "lift",
            (),
            conclusion,
            check,
            f"{unicode(conclusion)}, where {legend}{condition}",
            rf"{latex(conclusion)},\quad {shown}",
            sums.values(),
            hypotheses=hypotheses,
            rests_on=(coordinate_step,),
        )

    def summand(self, name: str, coordinate_step: str, total: sp.Symbol) -> Formula:
        """A sum over the coordinates is at least each summand, where `coordinate_step` established that all are ≥ 0."""
        _, relation, hypotheses = self._established.get(coordinate_step, ((), None, frozenset()))
        term = self._facts.summand(total)

        def check() -> str:
            if term is None or relation != sp.Ge(term, 0, evaluate=False):
                raise checks.CheckFailed(
                    f"{coordinate_step!r} does not say that the summands of {unicode(total)} are ≥ 0"
                )
            try:
                self._facts.lift({total: term}, ())
            except ValueError as error:
                raise checks.CheckFailed(str(error)) from error
            return f"one summand of nonnegative ones, by “{coordinate_step}”"

        conclusion = sp.true if term is None else sp.Le(term, total)
        return self._record(
            name, "lift", (), conclusion, check, hypotheses=hypotheses, rests_on=(coordinate_step,)
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

    def sum_of_squares(self, name: str, poly: Any, terms: Iterable[tuple[Any, Any, Any]]) -> Formula:
        """poly ≥ 0 wherever all multipliers are: poly = Σ multiplier · zᵀ Q z, each Q positive definite over QQ.

        `terms` holds (multiplier, symmetric rational matrix Q, column z of monomials).
        """
        terms = list(terms)
        formula = sp.Ge(poly, 0, evaluate=False)

        def check() -> str:
            for k, (_, matrix, _) in enumerate(terms):
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

    # Rules about hypotheses

    def discharge(self, name: str, goal: Formula, *hypotheses: Any) -> Formula:
        """hypotheses ⇒ goal, where `goal` was established from these hypotheses among others."""
        local = conjuncts(hypotheses)

        def check() -> str:
            bound = self._facts.summed | self._facts.stepped
            if not self._facts.established(goal):
                raise checks.CheckFailed(f"{unicode(goal)} was not established")
            if fixed := symbols_of(local) & bound:
                raise checks.CheckFailed(f"{sorted(map(str, fixed))[0]} speaks of every coordinate or step")
            return "discharge of hypotheses"

        rest = self._facts.support([goal]) - set(local)
        formula = sp.Implies(sp.And(*local), goal, evaluate=False)
        return self._record(name, "discharge", (), formula, check, hypotheses=rest)

    def instance(
        self,
        name: str,
        formula: Formula,
        scalars: Mapping[sp.Symbol, Any],
        vectors: Mapping[str, Vector] | None = None,
    ) -> Formula:
        """An established formula with its symbols and vectors replaced, and its hypotheses likewise."""
        parts = conjuncts([formula])
        facts = self._facts
        bound = frozenset(facts.summed | facts.stepped | facts.definitions.keys())
        source = Theorem("this proof", (), {}, facts.sums, facts.coordinates, bound, self._constants())
        try:
            replaced = [source.instance(f, scalars, vectors or {}) for f in parts]
            given = [source.instance(h, scalars, vectors or {}) for h in self._facts.support(parts)]
        except ValueError as error:
            raise ProofFailed(name, str(error)) from error

        def check() -> str:
            if not self._facts.established(formula):
                raise checks.CheckFailed(f"{unicode(formula)} was not established")
            return "instance of an earlier step"

        return self._record(name, "instance", given, sp.And(*replaced), check)

    def induction(
        self,
        name: str,
        invariant: Any,
        first: Mapping[sp.Symbol, Any],
        successor: Mapping[sp.Symbol, Any],
    ) -> Formula:
        """The invariant holds at every step: it holds at the first, and a step hands it on to the next.

        `first` replaces the symbols of a step by their values at the first, `successor` by those of the next step. Both
        instances must have been established, the second with the invariant among its hypotheses.
        """
        facts, parts = self._facts, conjuncts([invariant])
        at_first, at_next = (conjuncts([f.xreplace(dict(m)) for f in parts]) for m in (first, successor))
        hypotheses = (facts.support(at_next) - set(parts)) | facts.support(at_first)
        symbols = {s for s in {*successor, *symbols_of(successor.values())} if isinstance(s, sp.Symbol)}

        def check() -> str:
            for formula in (*at_first, *at_next):
                if not facts.established(formula):
                    raise checks.CheckFailed(f"{unicode(formula)} was not established")
            if hypotheses & set(parts):
                raise checks.CheckFailed("the start rests on the invariant itself")
            facts.stepped |= symbols
            return "induction over the steps"

        return self._record(
            name, "induction", (), sp.And(*parts), check, hypotheses=hypotheses, supersede=True
        )

    def conclude(
        self, part: str, given: Iterable | None = None, timeout: float = smt.TIMEOUT_SECONDS
    ) -> Formula:
        """A part of the claim's `formal` follows from `given`, and in the end from the claim's premises alone.

        Where the part is itself an implication, its own hypothesis may be used. Without `given` it must already be
        established, up to that hypothesis.
        """
        if self._formal is None or part not in self._formal.conclusions:
            raise ProofFailed(part, "the claim's `formal` has no such conclusion")
        goal: Any = self._formal.conclusions[part]
        if given is not None:
            given = conjuncts(given)
            self.implies(part, given, goal, timeout)
            if (
                isinstance(goal, sp.Implies)
                and smt.decide([*given, goal.args[0]], sp.false).outcome == "holds"
            ):
                raise ProofFailed(
                    part, f"its condition {unicode(goal.args[0])} is never met, so it says nothing"
                )
        elif isinstance(goal, sp.Implies) and not self._facts.established(goal):
            self.discharge(part, goal.args[1], goal.args[0])
        rest = [h for h in self._facts.support([goal]) - self._premises() if not self._never_zero(h)]
        if rest or not self._facts.established(goal):
            shown = "; ".join(sorted(map(unicode, rest)))
            raise ProofFailed(part, f"it rests on what is neither premise nor established: {shown}")
        self._concluded[part] = goal
        return goal

    def _never_zero(self, hypothesis: Formula) -> bool:
        """Whether it says that a denominator is not 0, and the premises say so too."""
        if not isinstance(hypothesis, sp.Ne):
            return False
        known = [sp.Eq(s, e, evaluate=False) for s, e in self._facts.definitions.items()]
        return smt.decide([*self._premises(), *known], hypothesis).outcome == "holds"

    def _premises(self) -> Hypotheses:
        assert self._formal is not None
        return frozenset(conjuncts(self._formal.premises))

    # What the proof has come to

    def rests_on(self) -> Hypotheses:
        """The premises that the conclusions need, as this proof reached them."""
        return self._facts.support(self._concluded.values()) & self._premises()

    def unfinished(self) -> str | None:
        """What is still missing, or None."""
        if all(step.kind in FOUNDATIONS for step in self._steps):
            return "the proof checks nothing: it has only axioms and citations"
        if self._claim is None or self._formal is None:
            return "the claim has no `formal`, so the proof concludes nothing; state what it proves"
        if missing := [part for part in self._formal.conclusions if part not in self._concluded]:
            return f"not concluded: {', '.join(missing)}"
        idle = [a.text for a in self._claim.assumptions if a.id not in self._used]
        if idle and self._claim.prove:  # that the premises are empty may be shown without them
            return f"the proof never uses that {', '.join(idle)}; drop the assumption"
        return None

    def theorem(self) -> Theorem:
        """The statement that this proof established, for others to cite."""
        assert self._claim is not None and self._formal is not None
        facts = self._facts
        premises = tuple(facts.unfold(f) for f in conjuncts(self._formal.premises))
        conclusions = {part: facts.unfold(f) for part, f in self._concluded.items()}
        named = symbols_of([*premises, *conclusions.values()])
        sums = {s: facts.sums[s] for s in named if s in facts.sums}
        return Theorem(
            self._claim.id,
            premises,
            conclusions,
            sums,
            dict(facts.coordinates),
            frozenset(facts.summed | facts.stepped),
            self._constants(),
        )

    def _constants(self) -> frozenset[sp.Symbol]:
        """Symbols that stand for the constants of the claim's assumptions."""
        assumptions = self._claim.assumptions if self._claim is not None else ()
        return frozenset(sp.Symbol(name, real=True) for a in assumptions for name in a.constants)

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
        *,
        hypotheses: Hypotheses | None = None,
        rests_on: tuple[str, ...] = (),
        supersede: bool = False,
    ) -> Formula:
        given, parts = tuple(given), tuple(parts)
        given = (*smt.signs(symbols_of([*given, goal, *parts])), *given)
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
        rests_on = rests_on or self._names(given)
        self._steps.append(
            ProofStep(name, kind, statement, shown or rf"\text{{{statement}}}", method, seconds, rests_on)
        )
        hypotheses = self._facts.support(given) if hypotheses is None else hypotheses
        self._established[name] = (given, goal, hypotheses)
        if supersede:
            for part in conjuncts([goal]):
                self._facts.hypotheses.pop(part, None)
        self._facts.add(goal, hypotheses)
        return goal

    def _names(self, formulas: Iterable[Formula]) -> tuple[str, ...]:
        """The steps that established these formulas."""
        wanted = set(formulas)
        return tuple(
            name for name, (_, goal, _) in self._established.items() if wanted & {goal, *conjuncts([goal])}
        )


class CheckedProof(ProofEvidence):
    """The evidence of a proof that ran: only `Proof` records steps, and only from one is this made."""

    def __init__(self, proof: Proof, target: Target, failure: str | None, seconds: float) -> None:
        formal, facts, cited = proof._formal, proof._facts, proof._cited
        stated = None
        if formal is not None and failure is None:
            named = sorted(symbols_of([*formal.premises, *formal.conclusions.values()]), key=str)
            meanings = {unicode(s): f"Σᵢ {unicode(facts.sums[s])}" for s in named if s in facts.sums} | {
                unicode(s): unicode(facts.definitions[s]) for s in named if s in facts.definitions
            }
            stated = Stated(
                tuple(unicode(f) for f in formal.premises),
                {part: unicode(f) for part, f in formal.conclusions.items()},
                tuple(latex(f) for f in formal.premises),
                {part: latex(f) for part, f in formal.conclusions.items()},
                {**meanings, **formal.legend},
            )
        own = [step.name for step in proof.steps if step.kind == "axiom"]
        inherited = [axiom for evidence in cited.values() for axiom in evidence.axioms]
        assumptions = {a.id for a in proof._claim.assumptions} if proof._claim else set()
        super().__init__(
            target,
            proof.steps,
            tuple(cited),
            failure is None,
            failure,
            seconds,
            tuple(dict.fromkeys([*own, *inherited])),
            tuple(node for node in proof._used if node in assumptions),
            tuple(node for node in proof._used if node not in assumptions),
            stated,
        )


def prove(claim: Claim, target: Target | None = None) -> ProofEvidence:
    """Run the proof of a claim, or of its vacuity; a failure is returned as evidence that is not complete.

    `target` defaults to the one that the claim has, the claim itself first.

    Raises:
        UsageError: if the claim has no such proof.
    """
    return _run(claim, target)[1]


def _run(claim: Claim, target: Target | None) -> tuple[Proof, ProofEvidence]:
    target = target or ("vacuity" if claim.prove is None else "claim")
    argument = claim.prove if target == "claim" else claim.prove_vacuous
    if argument is None:
        raise UsageError(f"claim {claim.id!r} has no proof of target {target!r}; write `prove` in its file")
    proof, failure = Proof(claim), None
    start = time.perf_counter()
    try:
        argument(proof)
        if missing := proof.unfinished():
            raise ProofFailed(claim.id, missing)
    except ProofFailed as error:
        failure = str(error)
    return proof, CheckedProof(proof, target, failure, time.perf_counter() - start)


def _granted(claim: Claim) -> set[str]:
    """Ids of what the claim assumes, and of what that entails."""
    return {id for a in claim.assumptions for id in (a.id, *a.entails)}


_underway: list[str] = []
"""Ids of the claims that are being proved because one cites the other."""


def _theorem(claim: Claim, step: str) -> tuple[Theorem, ProofEvidence]:
    """What the claim's proof establishes. Raises `ProofFailed` if it has none, if it fails, or if it cites itself."""
    if claim.id in _underway:
        circle = " uses ".join([*_underway[_underway.index(claim.id) :], claim.id])
        raise ProofFailed(step, f"the proofs rest on each other: {circle}; break the circle")
    if claim.prove is None or claim.formal is None:
        raise ProofFailed(step, f"{claim.id} has no proof with a formal statement, so it cannot be cited")
    _underway.append(claim.id)
    try:
        proof, evidence = _proved(claim)
    finally:
        _underway.pop()
    if not evidence.complete:
        raise ProofFailed(step, f"the cited claim is not proved: {evidence.failure}")
    return proof.theorem(), evidence


@cache
def _proved(claim: Claim) -> tuple[Proof, ProofEvidence]:
    return _run(claim, "claim")


def _difference(relation: Any) -> Any:
    return relation.lhs - relation.rhs
