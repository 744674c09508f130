"""From one coordinate to every dimension.

The lifting rule, stated here once: if φ(x) ≥ 0 was checked for all real values of the coordinate variables x
and of the shared scalars c, and φ = Σ_k c_k e_k(x) with coefficients c_k in the shared scalars alone, then in
every dimension d, Σ_k c_k S_k ≥ 0 where S_k = Σ_{i=1..d} e_k(x_i). (Sum over i. The same for = and ≤.)
`Lifting.lift` checks that the lifted relation has this form. An inner product ⟨x,y⟩ is the sum of x_i y_i. And a sum of
nonnegative terms is at least each of them (`Lifting.summand`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy as sp

from grams_theory.symbolic import checks
from grams_theory.symbolic.facts import Formula, difference
from grams_theory.symbolic.notation import latex, unicode
from grams_theory.symbolic.proof.recorder import Recorder


class Lifting(Recorder):
    """What holds in every coordinate, summed over the coordinates."""

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

        hypotheses |= self._facts.support(checks.meant(conclusion, *sums.values()))

        def check() -> str:
            if relation is None:
                raise checks.CheckFailed(f"no step is named {coordinate_step!r}")
            if type(relation) is not type(conclusion) or not isinstance(relation, sp.Ge | sp.Le | sp.Eq):
                raise checks.CheckFailed("only ≥, ≤ and = are lifted, and to the same relation")
            if clash:
                raise checks.CheckFailed(f"{unicode(clash[0])} already is the sum of another expression")
            lifted = sp.Poly(difference(conclusion), *sums)
            if any(sum(powers) != 1 for powers in lifted.monoms()):
                raise checks.CheckFailed("the lifted relation must be linear in the sums, without a constant")
            try:
                self._facts.lift(sums, lifted.coeffs(), hypotheses)
            except ValueError as error:
                raise checks.CheckFailed(str(error)) from error
            pointwise = difference(conclusion).subs(sums, simultaneous=True)
            checks.check_equal(pointwise, difference(relation), "")
            self._facts.lifted |= hypotheses
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
            self._facts.lifted |= hypotheses
            return f"one summand of nonnegative ones, by “{coordinate_step}”"

        conclusion = sp.true if term is None else sp.Le(term, total)
        return self._record(
            name, "lift", (), conclusion, check, hypotheses=hypotheses, rests_on=(coordinate_step,)
        )
