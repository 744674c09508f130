"""The paper's definitions in exact numbers, written by hand: no engine, no solver, no floating point.

Vectors are lists of `Fraction`s. Where a square root is irrational, the same code runs on `Decimal`s.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import combinations
from math import isqrt
from typing import Any

Vector = Sequence[Any]
Matrix = Sequence[Vector]
Rule = Callable[[Vector, Vector], Vector]
"""Adam's update u and the gradient g -> the step s of w ← w − ηs."""

CALCULUS = ("fundamental theorem of calculus", "monotone integrals")
"""What the descent lemma rests on, and with it every claim about L-smooth functions."""


def exactly(data: Any, number: Callable[[Any], Any] = Fraction) -> Any:
    """The numbers "p/q" in nested data, as `Fraction`s (or what `number` makes of a `Fraction`)."""
    if isinstance(data, Mapping):
        return {name: exactly(value, number) for name, value in data.items()}
    if isinstance(data, list | tuple):
        return [exactly(value, number) for value in data]
    return number(Fraction(data))


def decimal(x: Fraction) -> Decimal:
    """x to the digits of the decimal context."""
    return Decimal(x.numerator) / Decimal(x.denominator)


def sign(x: Any) -> int:
    return (x > 0) - (x < 0)


def dot(x: Vector, y: Vector) -> Any:
    return sum(a * b for a, b in zip(x, y, strict=True))


def times(c: Any, x: Vector) -> list[Any]:
    return [c * a for a in x]


def minus(x: Vector, y: Vector) -> list[Any]:
    return [a - b for a, b in zip(x, y, strict=True)]


def absolute(x: Vector) -> Vector:
    """|x|, coordinatewise."""
    return [abs(a) for a in x]


def apply(H: Matrix, x: Vector) -> Vector:
    return [dot(row, x) for row in H]


def adam(u: Vector, g: Vector) -> Vector:
    return u


def cautious(u: Vector, g: Vector) -> Vector:
    """u∘1[u∘g ≥ 0] (Definition 3.7)."""
    return [a if a * b >= 0 else 0 * a for a, b in zip(u, g, strict=True)]


def released(u: Vector, g: Vector) -> Vector:
    """u∘1[u∘g > 0] over the mask's mean, as in the released code of Cautious."""
    mask = [a * b > 0 for a, b in zip(u, g, strict=True)]
    return [a * len(mask) / sum(mask) if kept else 0 * a for a, kept in zip(u, mask, strict=True)]


def grams(u: Vector, g: Vector) -> Vector:
    """sign(g)∘|u| (Definition 4.1)."""
    return [sign(b) * abs(a) for a, b in zip(u, g, strict=True)]


def quadratic(g: Vector, H: Matrix) -> Callable[[Vector], Any]:
    """x ↦ f(w + x) − f(w) = ⟨g, x⟩ + ½⟨x, Hx⟩."""
    return lambda x: dot(g, x) + dot(x, apply(H, x)) / 2


def scaled_identity(c: Any, size: int) -> Matrix:
    return [[c if i == j else 0 * c for j in range(size)] for i in range(size)]


def reflection(x: Vector, y: Vector, c: Any) -> Matrix:
    """c times the reflection that takes the direction of x to that of y; their lengths must be rational."""
    n = minus(times(1 / root(dot(x, x)), x), times(-1 / root(dot(y, y)), y))
    size = range(len(n))
    return [[c * (2 * n[i] * n[j] / dot(n, n) - (i == j)) for j in size] for i in size]


def determinant(A: Matrix) -> Any:
    if not A:
        return 1
    minors = ([row[:j] + row[j + 1 :] for row in map(list, A[1:])] for j in range(len(A)))
    return sum((-1) ** j * A[0][j] * determinant(minor) for j, minor in enumerate(minors))


def within(H: Matrix, low: Any, high: Any) -> bool:
    """Whether every curvature of the symmetric H lies in [low, high]: no principal minor is negative."""
    size = range(len(H))
    subsets = [s for k in range(1, len(H) + 1) for s in combinations(size, k)]
    above = [[H[i][j] - low * (i == j) for j in size] for i in size]
    below = [[high * (i == j) - H[i][j] for j in size] for i in size]
    return all(determinant([[A[i][j] for j in s] for i in s]) >= 0 for A in (above, below) for s in subsets)


def root(x: Fraction) -> Fraction:
    """√x, if it is rational. Raises ValueError."""
    found = Fraction(isqrt(x.numerator), isqrt(x.denominator))
    if found * found != x:
        raise ValueError(f"the root of {x} is irrational")
    return found


def moments(gradients: Sequence[Vector], betas: Vector) -> tuple[Vector, Vector]:
    """Adam's bias-corrected m̂ and v̂ after these gradients (Definition 3.5)."""
    (beta1, beta2), m, v = betas, times(0, gradients[0]), times(0, gradients[0])
    for g in gradients:
        m = [beta1 * a + (1 - beta1) * b for a, b in zip(m, g, strict=True)]
        v = [beta2 * a + (1 - beta2) * b * b for a, b in zip(v, g, strict=True)]
    t = len(gradients)
    return times(1 / (1 - beta1**t), m), times(1 / (1 - beta2**t), v)


def is_adams(u: Vector, gradients: Sequence[Vector], betas: Vector, eps: Fraction) -> bool:
    """Whether u (√v̂ + ε) = m̂ in every coordinate, decided without a root."""
    roots = (
        (a, m, v, m / a - eps if a else None) for a, m, v in zip(u, *moments(gradients, betas), strict=True)
    )
    return all(m == 0 if r is None else r >= 0 and r * r == v for _, m, v, r in roots)


def run(
    rule: Rule,
    H: Matrix,
    start: Vector,
    steps: int,
    eta: Any,
    betas: Vector,
    eps: Any,
    sqrt: Callable[[Any], Any] = root,
) -> list[list[Any]]:
    """The iterates w_1 .. w_{steps + 1} on f(w) = ½⟨w, Hw⟩; rational if β₂ = 0, since then √v̂ = |g|."""
    (beta1, beta2), w, m, v = betas, list(start), times(0, start), times(0, start)
    iterates = [w]
    for t in range(1, steps + 1):
        g = apply(H, w)
        m = [beta1 * a + (1 - beta1) * b for a, b in zip(m, g, strict=True)]
        v = [beta2 * a + (1 - beta2) * b * b for a, b in zip(v, g, strict=True)]
        u = [a / (1 - beta1**t) / (sqrt(b / (1 - beta2**t)) + eps) for a, b in zip(m, v, strict=True)]
        w = minus(w, times(eta, rule(u, g)))
        iterates.append(w)
    return iterates


def loss(H: Matrix, w: Vector) -> Any:
    """f(w) = ½⟨w, Hw⟩, smallest at 0."""
    return dot(w, apply(H, w)) / 2
