"""SymPy formulas as a question in SMT-LIB 2, the language that every solver reads.

The formulas are SymPy relations between real expressions built from `+ - * /`, rational powers, `Abs`,
`sign`, `Max`, `Min` and `Piecewise`, joined by And, Or, Not, Implies. A root or a quotient becomes an
auxiliary real that is constrained only where it is defined (s ≥ 0 and sⁿ = x where x ≥ 0; q d = 1 where d ≠ 0) and
arbitrary elsewhere: an implication that is accepted holds whatever one takes for 1/0 or for the root of -1.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import sympy as sp

_OPERATORS = {
    sp.Add: "+",
    sp.Mul: "*",
    sp.Ge: ">=",
    sp.Gt: ">",
    sp.Le: "<=",
    sp.Lt: "<",
    sp.Eq: "=",
    sp.Ne: "distinct",
    sp.And: "and",
    sp.Or: "or",
    sp.Not: "not",
    sp.Implies: "=>",
    sp.Equivalent: "=",
}


class UnsupportedFormula(ValueError):
    """The formula holds something that has no exact translation, such as a floating-point number."""


@dataclass(frozen=True)
class Question:
    """Is there a point at which every assertion of `script` holds?"""

    script: str
    """SMT-LIB 2 declarations and assertions."""
    variables: dict[str, str]
    """The name of each SymPy symbol, and its name in the script."""


def question(formulas: Iterable[Any], refute: Any = None) -> Question:
    """Is there a point at which all `formulas` hold, and `refute` (if given) does not?

    The signs that SymPy symbols carry in their own assumptions hold too.

    Raises:
        UnsupportedFormula: for floats, non-real symbols, and functions without a translation.
    """
    formulas = list(formulas)
    symbols = set().union(*(formula.free_symbols for formula in (*formulas, refute) if formula is not None))
    _check(symbols)
    translate = _Translation()
    assertions = [translate(formula) for formula in (*signs(symbols), *formulas)]
    if refute is not None:
        assertions.append(f"(not {translate(refute)})")
    lines = [*translate.lines, *(f"(assert {assertion})" for assertion in assertions)]
    return Question("\n".join(lines), translate.variables)


def signs(symbols: Iterable) -> list[Any]:
    """The hypotheses that SymPy symbols carry in their own assumptions (positive, nonnegative, ...)."""
    facts = []
    for symbol in sorted(symbols, key=str):
        plain = sp.Symbol(symbol.name, real=True)
        if symbol.is_positive:
            facts.append(sp.Gt(plain, 0))
        elif symbol.is_negative:
            facts.append(sp.Lt(plain, 0))
        elif symbol.is_nonnegative:
            facts.append(sp.Ge(plain, 0))
        elif symbol.is_nonpositive:
            facts.append(sp.Le(plain, 0))
        elif symbol.is_nonzero:
            facts.append(sp.Ne(plain, 0))
    return facts


def _check(symbols: set[Any]) -> None:
    if len({symbol.name for symbol in symbols}) != len(symbols):
        raise UnsupportedFormula("two symbols share a name but not their assumptions; make each symbol once")
    for symbol in symbols:
        if not symbol.is_extended_real:
            raise UnsupportedFormula(f"symbol {symbol} must be real: make it with reals({str(symbol)!r})")
        if symbol.is_integer:
            raise UnsupportedFormula(f"symbol {symbol} is an integer; only real symbols are translated")


class _Translation:
    """Turns expressions into terms, and collects in `lines` what has to be declared before them."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.variables: dict[str, str] = {}
        self._terms: dict[Any, str] = {}

    def __call__(self, expr: Any) -> str:
        if expr not in self._terms:
            self._terms[expr] = self._translate(expr)
        return self._terms[expr]

    def _translate(self, expr: Any) -> str:
        args = expr.args
        match expr:
            case sp.Symbol():
                return self._variable(expr.name)
            case sp.Rational():
                return _number(expr)
            case sp.Pow() if isinstance(expr.exp, sp.Rational):
                return self._power(expr.base, expr.exp)
            case sp.Abs():
                x = self._named(args[0])
                return f"(ite (>= {x} 0.0) {x} (- {x}))"
            case sp.sign():
                x = self._named(args[0])
                return f"(ite (> {x} 0.0) 1.0 (ite (< {x} 0.0) (- 1.0) 0.0))"
            case sp.Max():
                return self._extremum(args, ">=")
            case sp.Min():
                return self._extremum(args, "<=")
            case sp.Piecewise():
                return self._piecewise(args)
        if expr in (sp.true, sp.false):
            return str(expr).lower()
        if operator := _OPERATORS.get(expr.func):
            return f"({operator} {' '.join(map(self, args))})"
        raise UnsupportedFormula(f"{expr} ({type(expr).__name__}) has no exact translation")

    def _variable(self, name: str) -> str:
        """Variables are numbered, as a script cannot quote every name (such as |g|)."""
        if name not in self.variables:
            self.variables[name] = self._declare("x")
        return self.variables[name]

    def _declare(self, letter: str, value: str = "") -> str:
        name = f"{letter}{len(self.lines)}"
        self.lines.append(f"(define-fun {name} () Real {value})" if value else f"(declare-const {name} Real)")
        return name

    def _named(self, expr: Any) -> str:
        """A short term of the same value, for use in several places."""
        term = self(expr)
        return self._declare("t", term) if term.startswith("(") else term

    def _power(self, base: Any, exponent: Any) -> str:
        x = self._named(base)
        root = x if exponent.q == 1 else self._root(x, int(exponent.q))
        power = _repeated(root, abs(int(exponent.p)))
        return power if exponent.p > 0 else self._reciprocal(power)

    def _root(self, x: str, degree: int) -> str:
        s = self._declare("root")
        self.lines.append(f"(assert (=> (>= {x} 0.0) (and (>= {s} 0.0) (= {_repeated(s, degree)} {x}))))")
        return s

    def _reciprocal(self, x: str) -> str:
        q = self._declare("reciprocal")
        self.lines.append(f"(assert (=> (distinct {x} 0.0) (= (* {q} {x}) 1.0)))")
        return q

    def _extremum(self, args: Iterable[Any], beats: str) -> str:
        best, *others = map(self._named, args)
        for x in others:
            best = self._declare("t", f"(ite ({beats} {best} {x}) {best} {x})")
        return best

    def _piecewise(self, branches: Any) -> str:
        *conditional, last = branches
        if last.cond != sp.true:
            raise UnsupportedFormula("a Piecewise must end in a branch with condition True")
        value = self(last.expr)
        for branch in reversed(conditional):
            value = f"(ite {self(branch.cond)} {self(branch.expr)} {value})"
        return value


def _number(q: Any) -> str:
    size = f"{abs(q.p)}.0" if q.q == 1 else f"(/ {abs(q.p)}.0 {q.q}.0)"
    return f"(- {size})" if q < 0 else size


def _repeated(x: str, times: int) -> str:
    return x if times == 1 else f"(* {' '.join([x] * times)})"
