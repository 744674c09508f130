"""Greedy shrinking of a case toward few coordinates and simple rationals, while it still violates the claim."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

from flint import fmpq

Case = dict[str, Any]
"""Name -> fmpq, vector (list of fmpq) or symmetric matrix (list of lists); other values are left alone."""
Holds = Callable[[Case], bool]

DENOMINATORS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 32, 64, 256, 1024, 2**16)

SCALES = tuple(Fraction(2) ** k for k in range(-4, 5))


def complexity(x: fmpq) -> int:
    """Bits of numerator and denominator; zero is simplest, and a sign costs a little."""
    return 2 * (int(abs(x.p)).bit_length() + int(x.q).bit_length()) + (x < 0)


def numbers(value: Any) -> Iterator[fmpq]:
    """Every number in nested data."""
    if isinstance(value, fmpq):
        yield value
    elif isinstance(value, dict):
        for entry in value.values():
            yield from numbers(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from numbers(entry)


def largest(case: Case) -> int:
    """The largest numerator or denominator, but for those of the betas."""
    free = {name: value for name, value in case.items() if name != "betas"}
    return max((max(abs(int(x.p)), int(x.q)) for x in numbers(free)), default=0)


def total(case: Case) -> int:
    """The complexity of all numbers together."""
    return sum(map(complexity, numbers(case)))


def simpler(x: fmpq) -> Iterator[fmpq]:
    """Rationals that are simpler than x, simplest first."""
    exact = Fraction(int(x.p), int(x.q))
    near = {exact.limit_denominator(d) for d in DENOMINATORS} | {Fraction(0), Fraction(1), Fraction(-1)}
    near |= {scale if exact > 0 else -scale for scale in SCALES}
    candidates = sorted((fmpq(c.numerator, c.denominator) for c in near), key=complexity)
    return (c for c in candidates if complexity(c) < complexity(x))


def _paths(case: Case) -> list[tuple]:
    """Addresses of the numbers: (name,), (name, i), or (name, i, j) with i <= j for a symmetric matrix."""
    found: list[tuple] = []
    for name, value in case.items():
        if isinstance(value, fmpq):
            found.append((name,))
        elif isinstance(value, list) and value and isinstance(value[0], list):
            found += [(name, i, j) for i in range(len(value)) for j in range(i, len(value))]
        elif isinstance(value, list) and value and isinstance(value[0], fmpq):
            found += [(name, i) for i in range(len(value))]
    return found


def _get(case: Case, path: tuple) -> fmpq:
    value = case
    for key in path:
        value = value[key]  # type: ignore[index]
    return value  # type: ignore[return-value]


def _with(case: Case, path: tuple, x: fmpq) -> Case:
    changed = copy.deepcopy(case)
    if len(path) == 1:
        changed[path[0]] = x
    elif len(path) == 2:
        changed[path[0]][path[1]] = x
    else:
        name, i, j = path
        changed[name][i][j] = changed[name][j][i] = x
    return changed


def _without_coordinate(case: Case, index: int) -> Case:
    def drop(value: Any) -> Any:
        if isinstance(value, list) and value and isinstance(value[0], list):
            return [[x for j, x in enumerate(row) if j != index] for i, row in enumerate(value) if i != index]
        if isinstance(value, list) and value and isinstance(value[0], fmpq):
            return [x for i, x in enumerate(value) if i != index]
        return value

    return {name: drop(value) for name, value in case.items()}


def _dimension(case: Case) -> int:
    return next((len(v) for v in case.values() if isinstance(v, list)), 0)


def _fewer_coordinates(case: Case, accepts: Holds) -> Case:
    smaller: Case | None = case
    while smaller is not None and _dimension(case := smaller) > 1:
        candidates = (_without_coordinate(case, index) for index in range(_dimension(case)))
        smaller = next((c for c in candidates if accepts(c)), None)
    return case


Simpler = Callable[[fmpq], Iterator[fmpq]]


def shrink(case: Case, holds: Holds, attempts: int = 5000, simpler: Simpler = simpler) -> Case:
    """The simplest case found for which `holds`, which must hold for `case`, asking it at most `attempts` times.

    `simpler` gives numbers to try in place of one, simplest first.
    """
    left = iter(range(attempts))

    def accepts(candidate: Case) -> bool:
        return next(left, None) is not None and holds(candidate)

    improving = True
    while improving:
        case, improving = _fewer_coordinates(case, accepts), False
        for path in _paths(case):
            candidates = (_with(case, path, x) for x in simpler(_get(case, path)))
            simplest = next((c for c in candidates if accepts(c)), None)
            if simplest is not None:
                case, improving = simplest, True
    return case
