"""What exact arithmetic knows of each base update: which u it can take, and which gradients lead there."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Any

from flint import fmpq, fmpq_mat

from grams_theory.engine.exact import apply, rational
from grams_theory.engine.shrink import Case
from grams_theory.symbolic.twin import UPDATES, Real, sign

Vector = list[fmpq]
Matrix = list[Vector]

HALF = fmpq(1, 2)
RATIOS: tuple[tuple[fmpq, fmpq], ...] = tuple(
    (fmpq(p, q), fmpq(s, t))
    for p, q, s, t in (
        (-1, 3, -5, 1),
        (1, 1, 1, 1),
        (1, 3, -1, 1),
        (7, 9, 5, 1),
        (7, 11, -5, 13),
        (-17, 33, -19, 1),
        (-7, 57, -29, 11),
        (-1, 17, -25, 11),
    )
)
"""(u / sign(g), h / g): Adam's update after the gradients h, g with betas (1/2, 1/2) and eps 0 is rational there.

They are rational points of the conic (h/g)^2 + 2 = 3 s^2, with u = sign(g) (h/g + 2) / (3 s).
"""
STEP_SIZES = tuple(sorted({Fraction(p, q) for p in range(1, 13) for q in range(1, 9)}))
NEAREST = 12
"""Step sizes that are tried with each direction of Adam's u."""
FACTORS = tuple(fmpq(p, q) for p, q in ((1, 1), (1, 2), (3, 4), (2, 1), (1, 4), (4, 1), (7, 8), (8, 1)))
"""Times the case's step size: what is tried for two steps on one function."""
BETAS = (HALF, fmpq(9, 10))
LARGEST = 3
"""Most coordinates of a case for which runs are sought by enumeration."""


@dataclass(frozen=True)
class ExactUpdate:
    """One base update over exact numbers.

    Attributes:
        admits: whether u can be such an update at all.
        normalise: the same case with L = 1 and eta = 1.
        reached: cases near the given one, with a "run" in which that update is u after two gradients from zero state.
    """

    admits: Callable[[Vector], bool]
    normalise: Callable[[Case], Case]
    reached: Callable[[Case], Iterator[Case]]


def _scaled(case: Case, H: fmpq, g: fmpq, u: fmpq) -> Case:
    scaled = {
        **case,
        "H": [[x * H for x in line] for line in case["H"]],
        "g": [x * g for x in case["g"]],
        "u": [x * u for x in case["u"]],
        "eta": fmpq(1),
        "smoothness": fmpq(1),
    }
    return {**scaled, "pl": case["pl"] * H} if "pl" in case else scaled


def absorb(case: Case) -> Case:
    """f is divided by L, and u takes up the step size."""
    return _scaled(case, 1 / case["smoothness"], 1 / case["smoothness"], case["eta"])


def zoom(case: Case) -> Case:
    """f(w + x) becomes f(w + eta x) / (L eta^2): signs stay as they are."""
    return _scaled(case, 1 / case["smoothness"], 1 / (case["smoothness"] * case["eta"]), fmpq(1))


def _run(case: Case, h: Vector, beta1: fmpq, **changes: Any) -> Case:
    """The case with changes, and the gradients h and g that are fed to get there."""
    case = {**case, **changes}
    return {**case, "run": {"betas": [beta1, HALF], "eps": fmpq(0), "gradients": [h, case["g"]]}}


def _float(x: fmpq) -> float:
    return int(x.p) / int(x.q)


def _after_adam(case: Case) -> Iterator[Case]:
    """Gradients h, g with betas (1/2, 1/2) and eps 0: met by a run on a diagonal quadratic, else fed.

    The first step is sign(h), so a run meets g = h - eta H sign(h). What is fed leads in directions near that of u.
    """
    g, size, L = case["g"], len(case["g"]), case["smoothness"]
    if size > LARGEST or any(x == 0 for x in g) or all(x == 0 for x in case["u"]):
        return
    wanted = [_float(u) for u in case["u"]]

    def after(choice: tuple) -> tuple[Vector, Vector]:
        """(h, u)."""
        pairs = [(t * x, ratio * sign(x)) for (ratio, t), x in zip(choice, g, strict=True)]
        return [h for h, _ in pairs], [u for _, u in pairs]

    def angle(choice: tuple) -> float:
        u = [_float(x) for x in after(choice)[1]]
        return -sum(x * y for x, y in zip(u, wanted, strict=True)) / (math.hypot(*u) * math.hypot(*wanted))

    choices = sorted(product(RATIOS, repeat=size), key=angle)
    for choice in choices:
        h, u = after(choice)
        bends = [(x - y) * sign(x) for x, y in zip(h, g, strict=True)]
        if any(bends):
            eta = max(map(abs, bends)) / L
            H = [[bends[i] / eta * (i == j) for j in range(size)] for i in range(size)]
            yield _run(case, h, HALF, H=H, eta=eta, u=u)
    for choice in choices:
        h, u = after(choice)
        scale = math.hypot(*wanted) / math.hypot(*(_float(x) for x in u))
        for eta in sorted(STEP_SIZES, key=lambda s: abs(math.log(float(s) / scale)))[:NEAREST]:
            yield _run(case, h, HALF, u=u, eta=rational(eta))


First = Callable[[Matrix, fmpq, Vector], Iterable[Vector]]
"""H, eta, g -> gradients h from which one step by the update that h alone gives leads to the gradient g."""


def _first_by_momentum(H: Matrix, eta: fmpq, g: Vector) -> Iterator[Vector]:
    """g = h - eta H h."""
    size = range(len(g))
    system = fmpq_mat([[(i == j) - eta * H[i][j] for j in size] for i in size])
    if system.det() != 0:
        yield system.solve(fmpq_mat([[x] for x in g])).entries()


def _first_by_lion(H: Matrix, eta: fmpq, g: Vector) -> Iterator[Vector]:
    """g = h - eta H sign(h)."""
    for signs in product((fmpq(1), fmpq(-1)), repeat=len(g)):
        h = [x + eta * y for x, y in zip(g, apply(H, list(signs)), strict=True)]
        if [sign(x) for x in h] == list(signs):
            yield h


def _after_two(update: str, first: First) -> Callable[[Case], Iterator[Case]]:
    """Two gradients met by a run on the function of the case, or on a bowl; else two that were fed, h = 2 (u - g).

    With betas (1/2, 1/2) the latter give u for every u: momentum has h/2 + g = u, Lion sign(h/4 + g/2) = sign(u/2).
    """

    def after(h: Vector, g: Vector, beta1: fmpq) -> Sequence[Real]:
        state = UPDATES[update]((beta1, HALF), 0)
        return [state.update(gradient) for gradient in (h, g)][-1]

    def reached(case: Case) -> Iterator[Case]:
        g, size = case["g"], range(len(case["g"]))
        bowl = [[case["smoothness"] * (i == j) for j in size] for i in size]
        if len(g) <= LARGEST:
            for H, beta1, factor in product((case["H"], bowl), BETAS, FACTORS):
                eta = factor * case["eta"]
                for h in first(H, eta, g):
                    yield _run(case, h, beta1, H=H, eta=eta, u=after(h, g, beta1))
        h = [2 * (u - x) for u, x in zip(case["u"], g, strict=True)]
        yield _run(case, h, HALF, u=after(h, g, HALF))

    return reached


def _anything(u: Vector) -> bool:
    return True


def _signs(u: Vector) -> bool:
    return all(x in (-1, 0, 1) for x in u)


EXACT_UPDATES: Mapping[str, ExactUpdate] = {
    "adam": ExactUpdate(_anything, absorb, _after_adam),
    "lion": ExactUpdate(_signs, zoom, _after_two("lion", _first_by_lion)),
    "momentum": ExactUpdate(_anything, absorb, _after_two("momentum", _first_by_momentum)),
}
"""Base update -> what is known of it."""
