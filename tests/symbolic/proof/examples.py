"""Steps that hold and steps that do not, and a small claim with its proof."""

from dataclasses import replace

import sympy as sp

from grams_theory.core.claim import Claim, Formal
from grams_theory.core.verdict import Verdict
from grams_theory.symbolic.proof import reals

x, y, t, X, Y = reals("x y t X Y")
S, T, U, L = reals("S T U L")
HALF = sp.Rational(1, 2)
COLUMN = sp.Matrix([x, y])


def form(matrix):
    return sp.expand((COLUMN.T * sp.Matrix(matrix) * COLUMN)[0]) / 2


def squares(matrix):
    """zᵀQz/2 with z = (x, y), as the terms of a sum of squares."""
    return [(HALF, sp.Matrix(matrix), COLUMN)]


VALID = {
    "identity": lambda p: p.identity("s", (x + y) ** 2, x**2 + 2 * x * y + y**2),
    "identity of quotients": lambda p: p.identity("s", 1 / x - 1 / y, (y - x) / (x * y)),
    "identity under relations": lambda p: p.identity("s", x**4, 4, given=[sp.Eq(x**2, 2)]),
    "implication": lambda p: p.implies("s", [x >= 1], sp.Ge(x**2, x)),
    "derivative": lambda p: p.calculus("s", x**3, x, 3 * x**2),
    "integral": lambda p: p.calculus("s", x * t, t, x / 2, (0, 1)),
    "limit": lambda p: p.limit("s", (x**2 - 1) / (x - 1), x, 1, 2, "+-"),
    "polynomial": lambda p: p.nonnegative_polynomial("s", x**3 - x**2 + x, x, (0, sp.oo)),
    "double root": lambda p: p.nonnegative_polynomial("s", (x**2 - 2) ** 2, x),
    "root at the end": lambda p: p.nonnegative_polynomial("s", x * (3 - x), x, (0, 3)),
    "sum of squares": lambda p: p.sum_of_squares("s", x**2 + x * y + y**2, squares([[2, 1], [1, 2]])),
    "multiplier": lambda p: p.sum_of_squares("s", t * x**2, [(t, sp.Matrix([[1]]), sp.Matrix([x]))]),
}
FALSE = {
    "identity": lambda p: p.identity("s", (x + y) ** 2, x**2 + y**2),
    "identity off by 1 %": lambda p: p.identity(
        "s", (x + y) ** 2, x**2 + sp.Rational(202, 100) * x * y + y**2
    ),
    "identity under relations": lambda p: p.identity("s", x**4, 5, given=[sp.Eq(x**2, 2)]),
    "implication": lambda p: p.implies("s", [x >= 0], sp.Ge(x**2, x)),
    "implication off by 1 %": lambda p: p.implies("s", [sp.Ge(x, sp.Rational(99, 100))], sp.Ge(x**2, x)),
    "polynomial": lambda p: p.nonnegative_polynomial("s", x**2 - 2, x),
    "polynomial off by 1 %": lambda p: p.nonnegative_polynomial("s", x**2 - 2 * x + sp.Rational(99, 100), x),
    "polynomial on an interval": lambda p: p.nonnegative_polynomial("s", x * (3 - x), x, (0, 4)),
}
INVALID = {
    "derivative": lambda p: p.calculus("s", x**3, x, 2 * x**2),
    "integral": lambda p: p.calculus("s", x * t, t, x, (0, 1)),
    "limit": lambda p: p.limit("s", sp.sin(x) / x, x, 0, 0),
    "indefinite matrix": lambda p: p.sum_of_squares("s", form([[1, 2], [2, 1]]), squares([[1, 2], [2, 1]])),
    "singular matrix": lambda p: p.sum_of_squares("s", form([[1, 1], [1, 1]]), squares([[1, 1], [1, 1]])),
    "asymmetric matrix": lambda p: p.sum_of_squares("s", form([[2, 1], [0, 2]]), squares([[2, 1], [0, 2]])),
    "another polynomial": lambda p: p.sum_of_squares("s", x**2 + y**2, squares([[2, 1], [1, 2]])),
    "contradictory hypotheses": lambda p: p.implies("s", [x > 0, x < 0], y > 0),
    "a goal that SymPy swallowed": lambda p: p.implies("s", [], sp.Ge(x**2, 0)),
    "float in an identity": lambda p: p.identity("s", 0.5 * x, x / 2),
    "float in an implication": lambda p: p.implies("s", [x >= 0.5], sp.Gt(x, 0)),
    "float in a polynomial": lambda p: p.nonnegative_polynomial("s", x**2 + 0.1, x),
    "float in a matrix": lambda p: p.sum_of_squares("s", x**2, [(1, sp.Matrix([[1.0]]), sp.Matrix([x]))]),
    "empty interval": lambda p: p.nonnegative_polynomial("s", x, x, (1, 0)),
    "two variables": lambda p: p.nonnegative_polynomial("s", x**2 + y, x),
    "complex symbol": lambda p: p.implies("s", [], sp.Symbol("c") >= 0),
    "integer symbol": lambda p: p.implies("s", [], sp.Symbol("n", integer=True) >= 0),
    "axiom without a reference": lambda p: p.axiom("s", "anything", ""),
}


def stated(*conclusions, premises=()):
    return lambda: Formal({f"part {k}": formula for k, formula in enumerate(conclusions)}, premises)


def order(p):
    p.implies("s", [x >= 1], sp.Ge(x**2, x))
    p.conclude("part 0")


CLAIM = Claim(
    id="planted",
    title="",
    source="",
    statement="",
    latex="",
    recorded=Verdict.PROVED,
    formal=stated(sp.Ge(x**2, x), premises=(x >= 1,)),
    prove=order,
)


def cites(claim, **instance):
    def argument(p):
        fact = p.cite(claim, **instance)
        p.conclude("part 0", [fact, y >= 1])

    return argument


ABOUT_Y = replace(CLAIM, id="about y", formal=stated(sp.Ge(2 * y**2, 2 * y), premises=(y >= 1,)))
