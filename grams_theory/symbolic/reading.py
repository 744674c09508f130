"""From a claim's formulas to its margins: the statement that is proved is the statement that is fuzzed.

A reading maps the symbols of a formula to what they are in a batch of cases; inner products ⟨x,y⟩ follow the vectors x
and y. A relation becomes its slack, and the connectives take the robust semantics of signal temporal logic: ∧ is
the minimum, ∨ the maximum, ¬ the negative, so P ⇒ Q is max(−P, Q). A margin ≥ 0 means that the formula holds, < 0
that it does not. A formula that is violated at equality alone (x < y at x = y) has margin 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from math import prod
from typing import Any

from grams_theory.core.algebra import dot
from grams_theory.core.claim import Formal, Margins

Reading = Callable[[Any], Mapping[str, Mapping[str, Any]]]
"""Case -> instance of the claim (such as the optimizer that it is about) -> symbol or vector -> its value, shape (B,)
or (..., B, D) for a vector. Values with a leading axis of steps, (T, B), mean: at every step."""


@dataclass(frozen=True)
class Read:
    """The margin of a claim from its `formal`, as a callable for `Claim.margin`."""

    formal: Callable[[], Formal]
    reading: Reading

    def __call__(self, case: Any) -> Margins:
        return {
            name: at_every_step(margin(formula, values)) for name, formula, values in self.instances(case)
        }

    def instances(self, case: Any) -> Iterator[tuple[str, Any, Mapping[str, Any]]]:
        """Name, formula and values of each part of each instance."""
        formulas, instances = _formal(self.formal).conclusions, self.reading(case)
        for label, values in instances.items():
            for part, formula in formulas.items():
                yield part if len(instances) == 1 else f"{part}, {label}", formula, values


read = Read


@cache
def _formal(build: Callable[[], Formal]) -> Formal:
    """A statement, built once."""
    return build()


def at_every_step(value: Any) -> Any:
    """The smallest over a leading axis of steps, if there is one: (T, B) -> (B,)."""
    return value.worst(0) if len(value.shape) > 1 else value


def sides(formula: Any, values: Mapping[str, Any]) -> tuple[Any, Any] | None:
    """The two sides (smaller, larger) of a relation, both >= 0: it holds where smaller <= larger.

    These are the sums of the negative and of the positive terms of its slack. Of P ⇒ Q the sides of Q. None for other
    connectives, and for the sign of a single term.
    """
    import sympy as sp

    if isinstance(formula, sp.Implies):
        return sides(formula.args[1], values)
    if not isinstance(formula, sp.Ge | sp.Gt | sp.Le | sp.Lt):
        return None
    summands = _summands(formula)
    if len(summands) < 2:
        return None
    terms = [evaluate(term, values) for term in summands]
    halves = [((abs(term) - term) / 2, (abs(term) + term) / 2) for term in terms]
    smaller, larger = (sum(half[1:], start=half[0]) for half in zip(*halves, strict=True))
    return smaller, larger


@cache
def _summands(relation: Any) -> tuple[Any, ...]:
    import sympy as sp

    return sp.Add.make_args(sp.expand(slack(relation)))


def slack(relation: Any) -> Any:
    """The expression that an inequality asserts to be ≥ 0 (or > 0)."""
    import sympy as sp

    left, right = relation.args
    return right - left if isinstance(relation, sp.Le | sp.Lt) else left - right


def margin(formula: Any, values: Mapping[str, Any]) -> Any:
    """The slack of the formula, shape (..., B)."""
    import sympy as sp

    match formula:
        case sp.Ge() | sp.Gt() | sp.Le() | sp.Lt():
            return evaluate(slack(formula), values)
        case sp.Not():
            return -margin(formula.args[0], values)
        case sp.And():
            return _extreme([margin(arg, values) for arg in formula.args], largest=False)
        case sp.Or():
            return _extreme([margin(arg, values) for arg in formula.args], largest=True)
        case sp.Implies():
            premise, conclusion = formula.args
            return _extreme([-margin(premise, values), margin(conclusion, values)], largest=True)
    raise TypeError(f"{formula} has no margin; state it with ≥, ≤, ∧, ∨, ¬ and ⇒")


def _extreme(margins: list[Any], largest: bool) -> Any:
    sign = 1 if largest else -1
    best, *others = margins
    for other in others:
        best = (best + other + abs(best - other) * sign) / 2
    return best


def evaluate(expression: Any, values: Mapping[str, Any]) -> Any:
    """The expression on tensors, balls or exact numbers. Raises TypeError for a symbol without a reading."""
    import sympy as sp

    from grams_theory.symbolic.facts import gram_names

    def of(e: Any) -> Any:
        args = e.args
        match e:
            case sp.Symbol() if e.name in values:
                return values[e.name]
            case sp.Symbol() if (names := gram_names(e)) and set(names) <= values.keys():
                return dot(values[names[0]], values[names[1]])
            case sp.Integer():
                return int(e)
            case sp.Rational() if int(e.q).bit_count() == 1:
                return int(e.p) / int(e.q)
            case sp.Add():
                return sum((of(arg) for arg in args[1:]), start=of(args[0]))
            case sp.Mul():
                return _product(e)
            case sp.Pow() if e.exp.is_Integer and e.exp > 0:
                return prod([of(e.base)] * int(e.exp))
            case sp.Pow() if e.exp == sp.S.Half:
                return of(e.base).sqrt()
            case sp.Pow() if (2 * e.exp).is_Integer and e.exp > 0:
                return of(e.base ** (e.exp - sp.S.Half)) * of(e.base).sqrt()
            case sp.Pow() if e.exp.is_Rational and e.exp < 0:
                return 1 / of(e.base ** (-e.exp))
            case sp.Abs():
                return abs(of(args[0]))
            case sp.Max() | sp.Min():
                return _extreme([of(arg) for arg in args], largest=isinstance(e, sp.Max))
        raise TypeError(f"{e} has no reading; known: {', '.join(values)}")

    def _product(e: Any) -> Any:
        number, rest = e.as_coeff_Mul()
        upper, lower = rest.as_numer_denom()
        factors = [of(factor) for factor in sp.Mul.make_args(upper) if factor != 1]
        value = prod(factors, start=int(number.p)) if factors else int(number.p)
        divisors = [of(factor) for factor in sp.Mul.make_args(lower) if factor != 1]
        for divisor in (*divisors, int(number.q)):
            value = value / divisor
        return value

    return of(expression)
