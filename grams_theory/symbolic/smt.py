"""Decide "for all reals: given ⇒ goal" by asking Z3 for a counterexample.

The formulas are SymPy relations between real expressions built from `+ - * /`, rational powers, `Abs`,
`sign`, `Max`, `Min` and `Piecewise`, joined by And, Or, Not, Implies. A root or a quotient becomes an
auxiliary real that is constrained only where it is defined (s ≥ 0 and sⁿ = x where x ≥ 0; q d = 1 where d ≠ 0) and
arbitrary elsewhere: an implication that is accepted holds whatever one takes for 1/0 or for the root of -1.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import sympy as sp
import z3

TIMEOUT_SECONDS = 20.0


class UnsupportedFormula(ValueError):
    """The formula holds something that has no exact translation, such as a floating-point number."""


State = Literal["satisfiable", "contradictory", "unknown"]
_STATE: dict[str, State] = {"sat": "satisfiable", "unsat": "contradictory", "unknown": "unknown"}


@dataclass(frozen=True)
class Answer:
    """`holds`, `fails` with a countermodel "x = 1/2, y = -1", or `unknown`."""

    outcome: Literal["holds", "fails", "unknown"]
    countermodel: str = ""
    hypotheses: State = "unknown"
    """An implication from contradictory hypotheses is empty."""


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


def _check_real(symbols: Iterable) -> None:
    for symbol in symbols:
        if not symbol.is_extended_real:
            raise UnsupportedFormula(f"symbol {symbol} must be real: make it with reals({str(symbol)!r})")
        if symbol.is_integer:
            raise UnsupportedFormula(f"symbol {symbol} is an integer; only real symbols are translated")


class Translation:
    """SymPy to Z3, with the defining constraints of the auxiliary reals in `definitions`."""

    def __init__(self) -> None:
        self.symbols: dict[str, Any] = {}
        self.definitions: list[Any] = []
        self._memo: dict[Any, Any] = {}

    def __call__(self, expr: Any) -> Any:
        if expr not in self._memo:
            self._memo[expr] = self._translate(expr)
        return self._memo[expr]

    def _translate(self, expr: Any) -> Any:
        args = expr.args
        match expr:
            case sp.Symbol():
                return self.symbols.setdefault(expr.name, z3.Real(expr.name))
            case sp.Rational():
                return z3.Q(int(expr.p), int(expr.q))
            case sp.Add():
                return z3.Sum([self(arg) for arg in args])
            case sp.Mul():
                return z3.Product([self(arg) for arg in args])
            case sp.Pow() if isinstance(expr.exp, sp.Rational):
                return self._power(expr.base, expr.exp)
            case sp.Abs():
                x = self(args[0])
                return z3.If(x >= 0, x, -x)
            case sp.sign():
                x = self(args[0])
                return z3.If(x > 0, z3.RealVal(1), z3.If(x < 0, z3.RealVal(-1), z3.RealVal(0)))
            case sp.Max() | sp.Min():
                return self._extremum([self(arg) for arg in args], largest=isinstance(expr, sp.Max))
            case sp.Piecewise():
                return self._piecewise(args)
            case sp.Ge():
                return self(args[0]) >= self(args[1])
            case sp.Gt():
                return self(args[0]) > self(args[1])
            case sp.Le():
                return self(args[0]) <= self(args[1])
            case sp.Lt():
                return self(args[0]) < self(args[1])
            case sp.Eq():
                return self(args[0]) == self(args[1])
            case sp.Ne():
                return self(args[0]) != self(args[1])
            case sp.And():
                return z3.And([self(arg) for arg in args])
            case sp.Or():
                return z3.Or([self(arg) for arg in args])
            case sp.Not():
                return z3.Not(self(args[0]))
            case sp.Implies():
                return z3.Implies(self(args[0]), self(args[1]))
            case sp.Equivalent():
                return z3.And([self(args[0]) == self(arg) for arg in args[1:]])
        if expr in (sp.true, sp.false):
            return z3.BoolVal(bool(expr))
        raise UnsupportedFormula(f"{expr} ({type(expr).__name__}) has no exact translation")

    def _power(self, base: Any, exponent: Any):
        root = self(base) if exponent.q == 1 else self._root(base, int(exponent.q))
        power = root ** abs(int(exponent.p)) if abs(exponent.p) != 1 else root
        return power if exponent.p > 0 else self._reciprocal(power)

    def _root(self, base: Any, degree: int):
        x, s = self(base), z3.FreshReal("root")
        product = z3.Product([s] * degree)
        self.definitions.append(z3.Implies(x >= 0, z3.And(s >= 0, product == x)))
        return s

    def _reciprocal(self, x):
        q = z3.FreshReal("reciprocal")
        self.definitions.append(z3.Implies(x != 0, q * x == 1))
        return q

    @staticmethod
    def _extremum(values, largest: bool):
        best = values[0]
        for value in values[1:]:
            best = z3.If((value > best) if largest else (value < best), value, best)
        return best

    def _piecewise(self, branches):
        if branches[-1].cond != sp.true:
            raise UnsupportedFormula("a Piecewise must end in a branch with condition True")
        value = self(branches[-1].expr)
        for branch in reversed(branches[:-1]):
            value = z3.If(self(branch.cond), self(branch.expr), value)
        return value


def _solver(formulas: list[Any], timeout: float) -> z3.Solver:
    """A fresh solver for every question: Z3's incremental mode is far slower on nonlinear ones."""
    solver = z3.SolverFor("QF_NRA")
    solver.set("timeout", int(1000 * timeout))
    solver.add(*formulas)
    return solver


def decide(given: Iterable[Any], goal: Any, timeout: float = TIMEOUT_SECONDS) -> Answer:
    """Whether `given` implies `goal` for all real values of their symbols; `timeout` in seconds.

    Raises:
        UnsupportedFormula: for floats, non-real symbols, and functions without a translation.
    """
    formulas = [*map(sp.sympify, given), sp.sympify(goal)]
    symbols = {symbol for formula in formulas for symbol in formula.free_symbols}
    if len({str(symbol) for symbol in symbols}) != len(symbols):
        raise UnsupportedFormula("two symbols share a name but not their assumptions; make each symbol once")
    _check_real(symbols)
    translate = Translation()
    hypotheses = [translate(formula) for formula in (*signs(symbols), *formulas[:-1])]
    conclusion = translate(formulas[-1])
    premise = [*hypotheses, *translate.definitions]
    state = _STATE[str(_solver(premise, timeout).check())]
    solver = _solver([*premise, z3.Not(conclusion)], timeout)
    result = solver.check()
    if result == z3.unsat:
        return Answer("holds", hypotheses=state)
    if result == z3.sat:
        model = solver.model()
        found = {name: model.eval(real, model_completion=True) for name, real in translate.symbols.items()}
        return Answer("fails", ", ".join(f"{name} = {found[name]}" for name in sorted(found)), "satisfiable")
    return Answer("unknown", hypotheses=state)
