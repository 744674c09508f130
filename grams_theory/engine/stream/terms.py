"""What the operations of a lowered program are made of, and the algebra that spares some of them.

No rule here changes a rounding, unless a result underflows, and only radii and margins of exact zeros come near that.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

TYPES = {torch.float64: "D", torch.float32: "F", torch.bool: "M"}
"""Element type -> the C++ type of one number in each row of a block."""
DTYPES = {name: dtype for dtype, name in TYPES.items()}

Shape = tuple[int, ...]
"""Of one row: without the axis of the rows."""


@dataclass(frozen=True)
class Uniform:
    """One number, the same everywhere."""

    number: float | bool


@dataclass(eq=False)
class Variable:
    """Numbers that a statement makes: in a loop over `length`, or, with length 1, once per block of rows.

    `stage` is the round of loops that makes them. What is made once per block is made before the loops of its stage.
    """

    type: str
    length: int
    stage: int
    name: str
    stored: bool = False
    """Whether an array must hold them for other loops."""
    nonnegative: bool = False
    """Whether they are known to be >= 0, or NaN."""
    nonnegative_with: Variable | None = None
    """They are so where this one is > 0."""
    chosen: tuple[Term, float, float] | None = None
    """They are the first number where this term holds, and the second elsewhere."""
    positive: Variable | None = None
    """They tell where this variable is > 0."""
    product: tuple[Term, Term] | None = None
    """They are the product of these."""
    sign_of: Term | None = None
    """They are the signs of this."""


@dataclass(eq=False)
class Table:
    """Numbers that are looked up by indices, as C++ text."""

    type: str
    look: Callable[[Sequence[str]], str]
    stage: int = 0


@dataclass(frozen=True)
class Term:
    """An operand. Its shape broadcasts, as torch's do."""

    source: Uniform | Variable | Table
    shape: Shape = ()

    @property
    def number(self) -> float | bool | None:
        """Its value where it is the same everywhere."""
        return self.source.number if isinstance(self.source, Uniform) else None

    @property
    def type(self) -> str:
        """Its C++ type; U for a number, which may be of any."""
        return "U" if isinstance(self.source, Uniform) else self.source.type

    @property
    def variable(self) -> Variable | None:
        return self.source if isinstance(self.source, Variable) else None

    @property
    def nonnegative(self) -> bool:
        return (
            self.number >= 0 if self.number is not None else bool(self.variable and self.variable.nonnegative)
        )

    @property
    def axes(self) -> int:
        """The number of axes with more than one place."""
        return sum(n > 1 for n in self.shape)


def number(x: float | bool) -> Term:
    """A number as a term."""
    return Term(Uniform(x))


def rewritten(symbol: str, terms: list[Term], kind: str, faithful: bool) -> tuple[str, list[Term]]:
    """The same by a cheaper operation, where one operand is a number or a choice of two.

    Where it need not be `faithful`, two numbers that multiply are made one: two roundings, as before.
    """
    if len(terms) != 2 or kind == "M":
        return symbol, terms
    if symbol in ("mul", "larger", "smaller") and terms[0].number is not None:
        terms = terms[::-1]
    a, b = terms
    if symbol == "mul" and a.nonnegative and b.variable and b.variable.sign_of:
        return "signed_as", [a, b.variable.sign_of]
    choice = a.variable.chosen if a.variable else None
    if symbol == "mul" and b.variable and b.variable.chosen and choice and choice[1:] == (1.0, 0.0):
        return "where", [choice[0], b, number(0.0)]
    c = b.number
    if c is None:
        return symbol, terms
    if symbol == "mul" and a.type == "M":
        return "where", [a, b, number(0.0)]
    if symbol == "mul" and choice:
        return "where", [choice[0], *(number(folded("mul", (x, c), kind)) for x in choice[1:])]
    if symbol == "mul" and kind == "D" and a.variable and a.variable.product:
        source, other = a.variable.product
        factor = other.number
        if factor is not None and (
            (not faithful and _is_moderate(factor * c)) or _is_power_of_two(factor) or _is_power_of_two(c)
        ):
            return "mul", [source, number(factor * c)]
    if symbol == "quotient" and _is_power_of_two(c):
        return "mul", [a, number(1 / c)]
    if symbol in ("quotient", "larger", "smaller"):
        return f"{symbol}_constant", terms
    return symbol, terms


def fused(symbol: str, terms: list[Term], kind: str) -> tuple[str, list[Term]]:
    """A sum with a product by one operation, which drops a rounding."""
    if symbol in ("add", "sub") and kind != "M":
        a, b = terms
        for name, one, other in (("fused_from", b, a), ("fused_less", a, b)):
            if one.variable and one.variable.product and one.type == kind:
                return "fused" if symbol == "add" else name, [*one.variable.product, other]
    return symbol, terms


def simplified(symbol: str, terms: Sequence[Term], kind: str) -> Term | None:
    """What the operation comes to where no operation is needed.

    0 x is 0 here, and x >= c x holds for x >= 0 and c <= 1, also for x infinite or NaN: no such row is in the premise.
    """
    numbers = [term.number for term in terms]
    known = [x for x in numbers if x is not None]
    if len(known) == len(numbers):
        return number(folded(symbol, known, kind))
    if symbol == "where":
        mask, yes, no = terms
        if mask.number is not None:
            return yes if mask.number else no
        return yes if yes.number is not None and yes.source == no.source else None
    if symbol == "size" and terms[0].nonnegative:
        return terms[0]
    if len(terms) != 2 or kind == "M":
        return None
    (a, b), (x, y) = terms, numbers
    if symbol == "sub" and a.source is b.source:
        return number(0.0)
    if symbol == "ge" and a.nonnegative and b.variable and b.variable.product:
        part, factor = b.variable.product
        if part.source is a.source and factor.number is not None and factor.number <= 1:
            return number(True)
    if (symbol == "mul" and 0 in (x, y)) or (symbol in ("quotient", "quotient_constant") and x == 0):
        return number(0.0)
    if symbol == "add" and x == 0:
        a, b, x, y = b, a, y, x
    unchanged = (
        (symbol in ("add", "sub") and y == 0)
        or (symbol in ("mul", "quotient_constant") and y == 1)
        or (symbol in ("larger", "smaller") and a.source is b.source)
        or (symbol == "larger_constant" and y == 0 and a.nonnegative)
    )
    return a if unchanged and a.type == kind else None


KEEPING_SIGN = {
    *("add", "mul", "fused", "quotient", "quotient_constant", "cast"),
    *("larger", "larger_constant", "smaller", "smaller_constant"),
}
"""Operations whose result is >= 0 if their operands are."""


def learn(variable: Variable, symbol: str, terms: Sequence[Term]) -> None:
    """Note what later operations can profit from."""
    first, *others = terms
    if symbol == "sign":
        variable.sign_of = first
    if symbol == "mul":
        variable.product = first, others[0]
    if symbol == "gt" and others[0].number == 0:
        variable.positive = first.variable
    if symbol == "where":
        yes, no = others
        if variable.type == "D" and yes.number is not None and no.number is not None:
            variable.chosen = first, yes.number, no.number
        tested = first.variable.positive if first.variable else None
        sure = tested is not None and yes.variable is not None and yes.variable.nonnegative_with is tested
        variable.nonnegative = (yes.nonnegative or sure) and no.nonnegative
        return
    signs = [term.nonnegative for term in terms]
    variable.nonnegative = (
        symbol in ("size", "root")
        or (symbol == "mul" and first.source is others[0].source)
        or (symbol in KEEPING_SIGN and all(signs))
        or (symbol in ("larger", "larger_constant") and any(signs))
    )
    if symbol == "quotient" and first.nonnegative:
        variable.nonnegative_with = others[0].variable
    if symbol == "add" and first.variable and others[0].nonnegative:
        variable.nonnegative_with = first.variable.nonnegative_with


NAMES = {
    "quotient": "div",
    "size": "abs",
    "root": "sqrt",
    "larger": "maximum",
    "smaller": "minimum",
    "quotient_constant": "div",
    "larger_constant": "maximum",
    "smaller_constant": "minimum",
    "and": "logical_and",
    "or": "logical_or",
    "not": "logical_not",
    "cast": "clone",
}
"""Operations that torch calls otherwise."""


def folded(symbol: str, numbers: Sequence[float | bool], kind: str) -> float | bool:
    """The operation on numbers, in type `kind`."""
    given = [torch.tensor(x, dtype=DTYPES[kind]) for x in numbers]
    if symbol == "where":
        given[0] = given[0].bool()
    return getattr(torch, NAMES.get(symbol, symbol))(*given).item()


def _is_moderate(x: float) -> bool:
    return 2.0**-900 <= abs(x) <= 2.0**900


def _is_power_of_two(x: float) -> bool:
    """And of a moderate size, so that multiplying by it is exact."""
    return abs(math.frexp(x)[0]) == 0.5 and _is_moderate(x)
