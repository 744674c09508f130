"""ATen's elementwise operations in terms of the few that the C++ prelude has."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

Operand = Any
"""A `Term`, or a number."""
Emit = Callable[..., Operand]
"""emit(name, *operands): the operation of the prelude."""

SAME = {
    "alias", "clone", "contiguous", "copy", "detach", "expand", "lift_fresh", "reshape", "squeeze", "to", "_to_copy",
    "unsqueeze", "view", "_unsafe_view", "_reshape_alias", "slice", "select",
}  # fmt: skip
"""Operations that change the shape or the type and no number."""


def _add(emit: Emit, a: Operand, b: Operand, alpha: float = 1) -> Operand:
    return emit("add", a, b) if alpha == 1 else emit("fused", b, alpha, a)


def _sub(emit: Emit, a: Operand, b: Operand, alpha: float = 1) -> Operand:
    return emit("sub", a, b) if alpha == 1 else emit("fused", b, -alpha, a)


def _lerp(emit: Emit, start: Operand, end: Operand, weight: float) -> Operand:
    """As ATen: from the nearer end."""
    nearer, part = (start, weight) if abs(weight) < 0.5 else (end, weight - 1)
    return emit("fused", emit("sub", end, start), part, nearer)


def _addcmul(emit: Emit, a: Operand, b: Operand, c: Operand, value: float = 1) -> Operand:
    return emit("fused", emit("mul", b, value), c, a)


def _addcdiv(emit: Emit, a: Operand, b: Operand, c: Operand, value: float = 1) -> Operand:
    return emit("add", a, emit("quotient", emit("mul", b, value), c))


def _clamp(emit: Emit, x: Operand, min: Operand | None = None, max: Operand | None = None) -> Operand:
    x = x if min is None else emit("larger", x, min)
    return x if max is None else emit("smaller", x, max)


def _pow(emit: Emit, x: Operand, power: float) -> Operand:
    if power != 2:
        raise NotImplementedError
    return emit("mul", x, x)


def _logsigmoid(emit: Emit, x: Operand) -> Operand:
    """As ATen: min(0, x) - log1p(exp(-|x|))."""
    return emit("sub", emit("smaller", x, 0.0), emit("log1p", emit("exp", emit("neg", emit("size", x)))))


def _sigmoid(emit: Emit, x: Operand) -> Operand:
    return emit("quotient", 1.0, emit("add", emit("exp", emit("neg", x)), 1.0))


def _direct(name: str) -> Callable[..., Operand]:
    return lambda emit, *operands: emit(name, *operands)


POINTWISE: Mapping[str, Callable[..., Operand]] = {
    "add": _add,
    "sub": _sub,
    "rsub": lambda emit, a, b, alpha=1: _sub(emit, b, a, alpha),
    "lerp": _lerp,
    "addcmul": _addcmul,
    "addcdiv": _addcdiv,
    "clamp": _clamp,
    "clamp_min": _clamp,
    "clamp_max": lambda emit, x, max: _clamp(emit, x, None, max),
    "pow": _pow,
    "square": lambda emit, x: emit("mul", x, x),
    "reciprocal": lambda emit, x: emit("quotient", 1.0, x),
    "log_sigmoid_forward": _logsigmoid,
    "sigmoid": _sigmoid,
    **{name: _direct(name) for name in ("mul", "neg", "sign", "where", "lt", "le", "gt", "ge", "eq", "ne")},
    **{
        name: _direct(name) for name in ("exp", "expm1", "log", "log1p", "sin", "cos", "sinh", "cosh", "tanh")
    },
    "div": _direct("quotient"),
    "abs": _direct("size"),
    "sqrt": _direct("root"),
    "maximum": _direct("larger"),
    "minimum": _direct("smaller"),
    "bitwise_and": _direct("and"),
    "logical_and": _direct("and"),
    "bitwise_or": _direct("or"),
    "logical_or": _direct("or"),
    "bitwise_not": _direct("not"),
    "logical_not": _direct("not"),
    "isnan": lambda emit, x: emit("ne", x, x),
}
"""Name -> what to emit for its arguments."""

INFIX = {"add": "+", "sub": "-", "mul": "*", "and": "&", "or": "|"}
COMPARISONS = {"lt", "le", "gt", "ge", "eq", "ne"}


def expression(name: str, arguments: list[str]) -> str:
    """The C++ of an operation of the prelude."""
    if name in INFIX:
        return f"({arguments[0]} {INFIX[name]} {arguments[1]})"
    if name in ("neg", "not"):
        return f"({'-' if name == 'neg' else '~'}{arguments[0]})"
    return f"{name}({', '.join(arguments)})"


def literal(value: float | bool) -> str:
    """A number in C++, exactly."""
    if isinstance(value, bool):
        return "true" if value else "false"
    value = float(value)
    if math.isnan(value):
        return '__builtin_nan("")'
    if math.isinf(value):
        return f"({'-' if value < 0 else ''}__builtin_inf())"
    return value.hex()
