"""From a record of ATen operations on (B, ...) tensors to one C++ function that does them for 8 rows at a time.

Rows are the lanes of SIMD registers. A value with one number per row is a variable; one with K numbers per row is a
variable of a loop over K, and an array only where another loop needs it. So the whole program becomes a few loops
over the coordinates, one after another where a sum over all coordinates or a product with a matrix comes between, and
nothing but the results is written to memory.

What was recorded `faithfully`, the steps of production, rounds bit by bit as ATen's operations do, up to the order of
sums and to the roots, which are correctly rounded here. Elsewhere a product and a sum may be one operation, two numbers
that multiply one number: `Prior` charges no less.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor

from grams_theory.core.errors import UsageError
from grams_theory.engine.stream.operations import COMPARISONS, POINTWISE, SAME, expression, literal
from grams_theory.engine.stream.record import Constant, Operation, Record, Symbol
from grams_theory.engine.stream.terms import (
    TYPES,
    Shape,
    Table,
    Term,
    Uniform,
    Variable,
    fused,
    learn,
    number,
    rewritten,
    simplified,
)

ELEMENTS = {"D": "double", "F": "float", "M": "bool"}
"""C++ type of a block's numbers -> that of a tensor's."""
UNDERFLOW = 2.0**-900
"""Constants that are no larger are allowances for underflow. They are left out: a block in which anything underflows is
not evaluated by what is made here (see `native`)."""
FOLDS = {
    "sum": ("add", "0.0"),
    "mean": ("add", "0.0"),
    "all": ("and", "true"),
    "any": ("or", "false"),
    "amax": ("larger", literal(-torch.inf)),
    "amin": ("smaller", literal(torch.inf)),
}
"""Reductions -> the operation between two numbers, and what it starts from."""


@dataclass(frozen=True)
class Lowered:
    """The body of the C++ function, and what it must be called with."""

    code: str
    inputs: tuple[str, ...]
    """Names of the tensors that it reads, in order."""
    constants: tuple[Tensor, ...]
    arena: int
    """Scratch memory that a call needs, in numbers of a block."""
    counted: int
    minimised: int


def lower(record: Record) -> Lowered:
    """The record as C++. The first axis of every input is that of the rows.

    Each part of the record gets loops of its own: they are short enough for the caches of instructions.

    Raises:
        UsageError: it contains an operation that has no translation, or that mixes rows.
    """
    return _Lowering(record).finish()


class _Lowering:
    def __init__(self, record: Record) -> None:
        self.record, self.names, self.arena, self.faithful = record, 0, 0, False
        self.terms: dict[Symbol, Term] = {}
        self.stacks: dict[Symbol, list[Term]] = {}
        self.made: dict[Any, Variable] = {}
        self.constants: list[Tensor] = []
        self.loads: dict[str, str] = {}
        """Array of an input -> what fills it."""
        self.once: dict[int, list[str]] = defaultdict(list)
        """Stage -> what is made once per block."""
        self.loops: dict[tuple[int, int], list[tuple[Variable | None, str]]] = defaultdict(list)
        """Stage and length -> the variables of that loop; None for a statement that makes none."""
        for place, symbol in enumerate(record.inputs.values()):
            self.terms[symbol] = self._input(place, symbol.tensor)
        self.first_stage = 0
        """Of the part that is being lowered."""
        for part in record.parts:
            for operation in part.operations:
                self._lower(operation)
            self.first_stage = 1 + max((stage for stage, _ in self.loops), default=0)

    # what there is

    def _input(self, place: int, tensor: Tensor) -> Term:
        """Rows are the last axis of the copy that a block makes for itself."""
        kind, shape, name = TYPES[tensor.dtype], tuple(tensor.shape[1:]), self._name()
        size = prod(shape)
        self.loads[name] = (
            f"{self._array(kind, name, size)} for (int l = 0; l < LANES; l++) for (long i = 0; i < {size}; i++) "
            f"put({name}[i], l, ((const {ELEMENTS[kind]}*)in[{place}])[ROW(l) * {size} + i]);"
        )
        return Term(Table(kind, _strided(name, shape)), shape)

    def _name(self) -> str:
        self.names += 1
        return f"x{self.names}"

    def _array(self, kind: str, name: str, size: int) -> str:
        self.arena += size
        return f"{kind}* const {name} = ({kind}*)(arena + {self.arena - size});"

    def _term(self, x: Any) -> Term:
        """What an argument is. Numbers of which all rows have the same broadcast."""
        if isinstance(x, Symbol):
            return self.terms[x]
        if not isinstance(x, Constant):
            return number(0.0 if 0 < abs(x) <= UNDERFLOW else x)
        flat = x.tensor.flatten()
        if bool((flat == flat[0]).all()):
            return self._term(flat[0].item())
        kind = TYPES[x.tensor.dtype]
        self.constants.append(x.tensor.contiguous())
        pointer = f"((const {ELEMENTS[kind]}*)constants[{len(self.constants) - 1}])"
        return Term(Table(kind, _strided(pointer, tuple(x.tensor.shape))), tuple(x.tensor.shape))

    # operations of ATen

    def _lower(self, operation: Operation) -> None:
        name, out = operation.name.removesuffix("_") or operation.name, operation.out
        self.faithful = operation.faithful
        shape = tuple(out.tensor.shape[1:])
        if name == "stack" and len(operation.args) == 1:
            self.stacks[out] = [self._term(x) for x in operation.args[0]]
        elif operation.args[0] in self.stacks:
            self.terms[out] = self._across(name, operation)
        elif name in SAME:
            self.terms[out] = self._same(self._term(operation.args[name == "copy"]), shape, operation)
        elif name == "transpose":
            self.terms[out] = self._transposed(operation)
        elif name in ("mm", "bmm"):
            self.terms[out] = self._product(
                self._term(operation.args[0]), self._term(operation.args[1]), shape
            )
        elif name in FOLDS or name == "linalg_vector_norm":
            self.terms[out] = self._reduced(name, operation)
        elif name in POINTWISE and out.tensor.dtype in TYPES:
            self.terms[out] = self._pointwise(name, operation, shape)
        else:
            raise _untranslated(operation)

    def _pointwise(self, name: str, operation: Operation, shape: Shape) -> Term:
        kind = TYPES[operation.out.tensor.dtype]
        if kind == "M":
            first, *others = (x.tensor if isinstance(x, Symbol | Constant) else x for x in operation.args)
            for other in others:
                first = torch.empty((), dtype=torch.result_type(first, other))
            kind = TYPES[first.dtype]
        arguments = [self._term(x) if isinstance(x, Symbol | Constant) else x for x in operation.args]

        def emit(symbol: str, *given: Term | float) -> Term:
            return self._emit(
                symbol, [x if isinstance(x, Term) else self._term(x) for x in given], kind, shape
            )

        try:
            return POINTWISE[name](emit, *arguments, **operation.kwargs)
        except NotImplementedError:
            raise _untranslated(operation) from None

    def _same(self, term: Term, shape: Shape, operation: Operation) -> Term:
        """A copy, a cast, or a view that leaves out or adds axes with one place."""
        kind = TYPES[operation.out.tensor.dtype]
        if prod(term.shape) not in (prod(shape), 1):
            raise _untranslated(operation)
        if term.type not in (kind, "U"):
            term = self._emit("cast", [term], kind, term.shape)
        source, single = term.source, prod(term.shape) == 1
        if isinstance(source, Table) and (single or term.shape != shape):
            look, before = source.look, term.shape
            source = Table(
                kind,
                lambda index: look(["0"] * len(before) if single else _aligned(index, shape, before)),
                source.stage,
            )
        return Term(source, () if single else shape)

    def _transposed(self, operation: Operation) -> Term:
        term, rank = self._term(operation.args[0]), operation.out.tensor.dim()
        if {axis % rank for axis in operation.args[1:]} != {rank - 2, rank - 1} or len(term.shape) < 2:
            raise _untranslated(operation)
        *outer, rows, columns = term.shape
        table = Table(
            term.type, lambda index: self._look(term, [*index[:-2], index[-1], index[-2]]), _ready(term)
        )
        return Term(table, (*outer, columns, rows))

    def _product(self, left: Term, right: Term, shape: Shape) -> Term:
        """Rows times matrices: (B, K) @ (K, N) of one matrix for all, or (B, 1, K) @ (B, K, N)."""
        if left.number == 0:
            return left
        kind = left.type
        if right.number is not None:
            return self._emit("mul", [self._fold("sum", left, kind), right], kind, ())
        if left.number is not None or len(right.shape) != 2 or left.axes > 1:
            raise UsageError("only products of a row and a matrix can be streamed; use compiled=False")
        key = ("product", left.source, right.source)
        if key not in self.made:
            inner, length = right.shape
            variable = Variable(
                kind, length, max(_ready(left), _ready(right), self.first_stage), self._name()
            )
            one = self._look(left, ["k" if n > 1 else "0" for n in left.shape])
            other = self._look(right, ["k", "i" if length > 1 else "0"], kind=kind)
            self._make(
                variable,
                f"[&] {{ {kind} t{{}}; for (long k = 0; k < {inner}; k++) t += {one} * {other}; return t; }}()",
            )
            self.made[key] = variable
        return Term(self.made[key], shape)

    def _reduced(self, name: str, operation: Operation) -> Term:
        """A reduction over the only axis that follows that of the rows."""
        term, kind = self._term(operation.args[0]), TYPES[operation.out.tensor.dtype]
        source = operation.args[0].tensor
        place = 2 if name == "linalg_vector_norm" else 1
        given = operation.args[place] if len(operation.args) > place else None
        over = range(source.dim()) if given is None else [given] if isinstance(given, int) else given
        over = {axis % source.dim() for axis in over}
        if 0 in over or {axis for axis, n in enumerate(source.shape) if axis and n > 1} - over:
            raise UsageError(
                f"{operation.name} over axes {sorted(over)} couples rows or leaves some axes, and a stream holds all "
                "problems in one tensor; use compiled=False, or fuzz"
            )
        whole = Term(term.source, tuple(source.shape[1:]))
        if name != "linalg_vector_norm":
            total = self._fold(name, whole, kind)
            return (
                self._emit("quotient", [total, number(float(prod(whole.shape)))], kind, ())
                if name == "mean"
                else total
            )
        if operation.args[1:2] not in ((), (2,)):
            raise _untranslated(operation)
        return self._emit(
            "root", [self._fold("sum", self._emit("mul", [whole, whole], kind, whole.shape), kind)], kind, ()
        )

    def _across(self, name: str, operation: Operation) -> Term:
        """A reduction over the leading axis of a stack."""
        if operation.args[1:] not in (([0],), (0,)) or name not in FOLDS or name == "mean":
            raise _untranslated(operation)
        total, *others = self.stacks[operation.args[0]]
        for other in others:
            total = self._emit(FOLDS[name][0], [total, other], total.type, total.shape)
        return total

    def _fold(self, name: str, term: Term, kind: str) -> Term:
        """The reduction of all numbers of a row."""
        symbol, start = FOLDS[name]
        if prod(term.shape) == 1 or (symbol != "add" and not term.axes):
            return Term(term.source)
        if not isinstance(term.source, Variable) or term.source.length == 1:
            if term.number is not None:
                return number(term.number * prod(term.shape)) if symbol == "add" else Term(term.source)
            if isinstance(term.source, Variable):
                return self._emit("mul", [Term(term.source), number(float(prod(term.shape)))], kind, ())
            term = Term(self._statement("cast", [term], kind, term.shape), term.shape)
        variable = term.source
        assert isinstance(variable, Variable)
        key = ("fold", name, variable)
        if key not in self.made:
            total = Variable(kind, 1, variable.stage + 1, self._name(), nonnegative=variable.nonnegative)
            self.once[variable.stage].append(f"{kind} {total.name} = {kind.lower()}({start});")
            terms = [Term(total), term]
            if not self.faithful:
                symbol, terms = fused(symbol, terms, kind)
            text = self._text(symbol, terms, kind, ["i" if n > 1 else "0" for n in term.shape], variable)
            self.loops[variable.stage, variable.length].append((None, f"{total.name} = {text};"))
            self.made[key] = total
        return Term(self.made[key])

    # statements

    def _emit(self, symbol: str, terms: list[Term], kind: str, shape: Shape) -> Term:
        """A pointwise operation of the prelude on operands of type `kind`."""
        if symbol == "sign" and terms[0].nonnegative:
            positive = self._emit("gt", [terms[0], number(0.0)], kind, shape)
            symbol, terms = "where", [positive, number(1.0), number(0.0)]
        symbol, terms = rewritten(symbol, terms, kind, self.faithful)
        simple = simplified(symbol, terms, kind)
        if simple is not None:
            return simple
        if not self.faithful:
            symbol, terms = fused(symbol, terms, kind)
        if sum(n > 1 for n in shape) > 1:
            result = "M" if symbol in COMPARISONS else kind
            return Term(
                Table(
                    result,
                    lambda index: self._text(symbol, terms, kind, index, None),
                    max(map(_ready, terms)),
                ),
                shape,
            )
        return Term(self._statement(symbol, terms, kind, shape), shape)

    def _statement(self, symbol: str, terms: list[Term], kind: str, shape: Shape) -> Variable:
        key = (symbol, kind, prod(shape), *(_key(term) for term in terms))
        if key not in self.made:
            stages = [term.source.stage for term in terms if not isinstance(term.source, Uniform)]
            result = "M" if symbol in COMPARISONS else kind
            variable = Variable(result, prod(shape), max([*stages, self.first_stage]), self._name())
            index = ["i" if n > 1 else "0" for n in shape]
            self._make(variable, self._text(symbol, terms, kind, index, variable))
            learn(variable, symbol, terms)
            self.made[key] = variable
        return self.made[key]

    def _make(self, variable: Variable, text: str) -> None:
        """Put the statement where the variable belongs."""
        if variable.length == 1:
            self.once[variable.stage].append(f"const {variable.type} {variable.name} = {text};")
        else:
            self.loops[variable.stage, variable.length].append((variable, text))

    def _text(
        self, symbol: str, terms: Sequence[Term], kind: str, index: Sequence[str], user: Variable | None
    ) -> str:
        kinds = ["M" if symbol == "where" and place == 0 else kind for place in range(len(terms))]
        texts = [
            self._look(term, index[len(index) - len(term.shape) :], user, wanted)
            for term, wanted in zip(terms, kinds, strict=True)
        ]
        return texts[0] if symbol == "cast" else expression(symbol, texts)

    def _look(
        self, term: Term, index: Sequence[str], user: Variable | None = None, kind: str | None = None
    ) -> str:
        """The term's number at that index, in type `kind`, as C++ for the loop that makes `user`."""
        source, kind = term.source, kind or term.type
        if isinstance(source, Uniform):
            return f"{kind.lower()}({literal(source.number)})"
        if isinstance(source, Table):
            at = ["0" if n == 1 else i for n, i in zip(term.shape, index, strict=True)]
            return f"{kind.lower()}({source.look(at)})"
        text = source.name
        same_loop = user is not None and (user.stage, user.length) == (source.stage, source.length)
        if source.length > 1 and not same_loop:
            source.stored = True
            text += f"_[{next(i for n, i in zip(term.shape, index, strict=True) if n > 1)}]"
        return text if source.type == kind else f"{kind.lower()}({text})"

    # the whole

    def finish(self) -> Lowered:
        counted = [self._term(x) for part in self.record.parts for x in part.counted]
        minimised = [self._term(x) for part in self.record.parts for x in part.minimised]
        results = [
            f"counts[{place}] += count_of(inside & {self._look(term, [], kind='M')});"
            for place, term in enumerate(counted)
        ] + [
            f"smallest({self._look(term, [], kind='D')}, inside, lane, least[{place}], at[{place}]);"
            for place, term in enumerate(minimised)
        ]
        arrays = [
            self._array(variable.type, f"{variable.name}_", variable.length)
            for loop in self.loops.values()
            for variable, _ in loop
            if variable is not None and variable.stored
        ]
        body = []
        for stage in sorted({*self.once, *(stage for stage, _ in self.loops)}):
            body += self.once[stage]
            for (at, length), statements in sorted(self.loops.items(), key=lambda loop: loop[0]):
                if at == stage:
                    body += [f"for (long i = 0; i < {length}; i++) {{", *map(_line, statements), "}"]
        code = "\n".join([*body, *results])
        loads = [load for name, load in self.loads.items() if f"{name}[" in code]
        return Lowered(
            "\n".join([*arrays, *loads, code]),
            tuple(self.record.inputs),
            tuple(self.constants),
            self.arena,
            len(counted),
            len(minimised),
        )


def _line(statement: tuple[Variable | None, str]) -> str:
    variable, text = statement
    if variable is None:
        return text
    kept = f" {variable.name}_[i] = {variable.name};" if variable.stored else ""
    return f"const {variable.type} {variable.name} = {text};{kept}"


def _ready(term: Term) -> int:
    """The first stage in which all of its numbers can be looked up."""
    if isinstance(term.source, Variable):
        return term.source.stage + (term.source.length > 1)
    return term.source.stage if isinstance(term.source, Table) else 0


def _key(term: Term) -> Any:
    """Equal for equal operands."""
    return repr(term.number) if term.number is not None else term.source


def _strided(pointer: str, shape: Shape) -> Callable[[Sequence[str]], str]:
    """Looks up an array of that shape in row-major order."""
    strides = [prod(shape[axis + 1 :]) for axis in range(len(shape))]
    return lambda index: (
        f"{pointer}[{' + '.join(f'{i} * {n}' for i, n in zip(index, strides, strict=True)) or '0'}]"
    )


def _aligned(index: Sequence[str], shape: Shape, before: Shape) -> list[str]:
    """The index into a shape that differs from `shape` by axes with one place."""
    wide = iter([i for i, n in zip(index, shape, strict=True) if n > 1])
    return [next(wide) if n > 1 else "0" for n in before]


def _untranslated(operation: Operation) -> UsageError:
    return UsageError(f"the operation {operation.name} of ATen has no translation here; use compiled=False")
