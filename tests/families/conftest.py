"""Slow twins: f and its gradient in 50-digit arithmetic, from the numbers that a batch stores."""

from types import SimpleNamespace
from typing import Any

import mpmath
import pytest

from grams_theory.families import _links
from grams_theory.families._composition import LinearComposition
from grams_theory.families._empirical_risk import EmpiricalRisk

mp = mpmath.mp.clone()
mp.dps = 50

LINKS = {
    _links.LOG_COSH: (lambda x: mp.log(mp.cosh(x)), mp.tanh),
    _links.SOFTPLUS: (lambda x: mp.log1p(mp.exp(x)), lambda x: 1 / (1 + mp.exp(-x))),
    _links.PSEUDO_HUBER: (lambda x: mp.sqrt(1 + x * x) - 1, lambda x: x / mp.sqrt(1 + x * x)),
    _links.SQUARE: (lambda x: x * x / 2, lambda x: x),
    _links.COSINE: (mp.cos, lambda x: -mp.sin(x)),
    _links.SQUARE_PLUS_SINE: (lambda x: x * x + 3 * mp.sin(x) ** 2, lambda x: 2 * x + 3 * mp.sin(2 * x)),
}
"""φ and φ′."""


def numbers(tensor) -> Any:
    """A tensor of one or two dimensions as (a list of) lists of exact numbers."""
    return [numbers(row) if row.ndim else mp.mpf(row.item()) for row in tensor]


def inner(x, y):
    return mp.fdot(x, y)


def evaluate(f, row, w):
    """(f(w), gradient) of that row at w, a list of numbers."""
    if isinstance(f, LinearComposition):
        phi, slope = LINKS[f.link]
        x = [a - b for a, b in zip(w, numbers(f.centre[row]), strict=True)]
        matrix, scale = numbers(f.matrix[row]), mp.mpf(f.scale[row].item())
        shift = [mp.mpf(0)] * len(matrix) if f.offset is None else numbers(f.offset[row])
        z = [inner(a, x) + b for a, b in zip(matrix, shift, strict=True)]
        turned = [inner([slope(s) for s in z], column) for column in zip(*matrix, strict=True)]
        return scale * mp.fsum(map(phi, z)), [scale * t for t in turned]
    if isinstance(f, EmpiricalRisk):
        phi, slope = LINKS[f.link]
        matrix, ridge = numbers(f.features), mp.mpf(f.ridge[row].item())
        sign, offset = numbers(f.sign[row]), numbers(f.offset[row])
        z = [s * inner(x, w) - t for s, x, t in zip(sign, matrix, offset, strict=True)]
        slopes = [s * slope(t) for s, t in zip(sign, z, strict=True)]
        turned = [inner(slopes, column) / len(matrix) for column in zip(*matrix, strict=True)]
        value = mp.fsum(map(phi, z)) / len(matrix) + ridge / 2 * inner(w, w)
        return value, [t + ridge * x for t, x in zip(turned, w, strict=True)]
    hessian, centre = map(numbers, f.quadratic(row))
    x = [a - b for a, b in zip(w, centre, strict=True)]
    turned = [inner(h, x) for h in hessian]
    return inner(x, turned) / 2, turned


def encloses(ball, exact) -> bool:
    """Whether a ball of no dimension contains that number."""
    return abs(exact - mp.mpf(ball.mid.item())) <= mp.mpf(ball.rad.item())


@pytest.fixture(scope="session")
def exact():
    """The slow twins, as one namespace: a test asks for `exact` and calls `exact.evaluate(f, row, w)`."""
    return SimpleNamespace(evaluate=evaluate, encloses=encloses, numbers=numbers, LINKS=LINKS, mp=mp)
