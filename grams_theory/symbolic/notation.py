"""SymPy formulas as one line of readable Unicode, and as LaTeX."""

import re
from functools import lru_cache

import sympy as sp
from sympy.printing.latex import LatexPrinter
from sympy.printing.precedence import PRECEDENCE
from sympy.printing.pretty.pretty_symbology import pretty_symbol
from sympy.printing.str import StrPrinter

_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_RELATIONS = {">=": "≥", "<=": "≤", ">": ">", "<": "<", "==": "=", "!=": "≠"}
_LATEX = {
    "⟨": r"\langle ",
    "⟩": r"\rangle ",
    "‖": r"\|",
    "Δ": r"\Delta ",
    "²": "^2",
    "−": "-",
    "₁": "_1",
    "₂": "_2",
}


_SQUARE = re.compile(r"⟨([^,⟨⟩]+),\1⟩")
FORMULAS = 4096
"""So many are remembered with their text: the steps of a proof name the same hypotheses again and again."""


class _UnicodePrinter(StrPrinter):
    def _print_Symbol(self, expr):
        if square := _SQUARE.fullmatch(expr.name):
            return f"‖{square[1]}‖²"
        return expr.name if re.search(r"_\w\w", expr.name) else pretty_symbol(expr.name)

    def _print_Relational(self, expr):
        return f"{self._print(expr.lhs)} {_RELATIONS[expr.rel_op]} {self._print(expr.rhs)}"

    def _print_And(self, expr):
        return " ∧ ".join(map(self._nested, expr.args))

    def _print_Or(self, expr):
        return " ∨ ".join(map(self._nested, expr.args))

    def _print_Not(self, expr):
        return f"¬{self._nested(expr.args[0])}"

    def _print_Implies(self, expr):
        return " ⇒ ".join(map(self._nested, expr.args))

    def _nested(self, expr):
        text = unicode(expr)
        return text if expr.is_Atom or isinstance(expr, sp.core.relational.Relational) else f"({text})"

    def _print_BooleanFalse(self, expr):
        return "a contradiction"

    def _print_Abs(self, expr):
        return f"|{self._print(expr.args[0])}|"

    def _print_Piecewise(self, expr):
        (value, condition), *others = expr.args
        if [(o.expr, o.cond) for o in others] == [(sp.S.Zero, sp.true)]:
            return self._print(value) + f"·1[{self._print(condition)}]"
        cases = ", ".join(f"{self._print(e)} if {self._print(c)}" for e, c in expr.args[:-1])
        return f"({cases}, else {self._print(expr.args[-1].expr)})"

    def _print_Integral(self, expr):
        ((variable, *ends),) = expr.limits
        lower, upper = map(self._print, ends)
        return f"∫ {self._print(expr.function)} d{self._print(variable)} from {lower} to {upper}"

    def _print_Derivative(self, expr):
        return f"d/d{self._print(expr.variables[0])} [{self._print(expr.expr)}]"

    def _print_Limit(self, expr):
        expression, variable, point, _ = expr.args
        return f"lim [{self._print(expression)}] as {self._print(variable)} → {self._print(point)}"

    def _print_Pow(self, expr, rational=False):
        if expr.exp == sp.S.Half:
            return f"√({self._print(expr.base)})"
        if expr.exp.is_Integer and expr.exp > 1:
            base = self.parenthesize(expr.base, PRECEDENCE["Pow"], strict=False)
            return base + str(expr.exp).translate(_SUPERSCRIPTS)
        return super()._print_Pow(expr, rational=rational)

    def _print_Mul(self, expr):
        return super()._print_Mul(expr).replace("*", "·")


class _LatexPrinter(LatexPrinter):
    def _print_Symbol(self, expr, style="plain"):
        if expr.name.isascii():
            return super()._print_Symbol(expr, style)
        if square := _SQUARE.fullmatch(expr.name):
            return rf"\|{square[1]}\|^2"
        name = re.sub(r"_(\w+)", r"_{\1}", expr.name)
        name = re.sub(r"\b([a-z])(\d)", r"\1_\2", name)
        for character, command in _LATEX.items():
            name = name.replace(character, command)
        return name


@lru_cache(FORMULAS, typed=True)
def unicode(formula) -> str:
    """`formula` on one line: |x|, √(x), x², ≥, ∧, ⇒; x·1[P] for a Piecewise that is 0 outside P."""
    return _UnicodePrinter().doprint(formula)


@lru_cache(FORMULAS, typed=True)
def latex(formula) -> str:
    """`formula` in LaTeX; Unicode brackets in the names of symbols become commands."""
    return _LatexPrinter().doprint(formula)


def sequent(given, goal) -> tuple[str, str]:
    """ "given ⇒ goal" in Unicode and in LaTeX."""
    readable, typeset = unicode(goal), latex(goal)
    if given := list(given):
        readable = " ∧ ".join(map(_UnicodePrinter()._nested, given)) + f" ⇒ {readable}"
        typeset = r" \wedge ".join(rf"\left({latex(g)}\right)" for g in given) + rf" \Rightarrow {typeset}"
    return readable, typeset
