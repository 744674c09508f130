"""What exact arithmetic knows of each base update: which u it can take, and which gradients lead there."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Any

from flint import fmpq, fmpq_mat

from grams_theory.engine.exact import apply, floats, rational
from grams_theory.engine.shrink import Case
from grams_theory.symbolic.twin import UPDATES, Adam, Real, sign

Vector = list[fmpq]
Matrix = list[Vector]

HALF = fmpq(1, 2)
SMALL = 16
"""No numerator or denominator exceeds it in what is called simple."""


def _ratios(length: int) -> tuple[tuple[fmpq, tuple[fmpq, ...]], ...]:
    """(u / sign(g), h / g) for Adam's u after earlier gradients h and then g, betas (1/2, 1/2), eps 0; simplest first.

    Where sqrt(v_hat) is rational: with gradients that are integers over g = q, and weights 1, 2, 4, .. that sum to w,
    the weighted sum of their squares has to be w s^2, and u = (their weighted sum) / (w s).
    """
    weights = [2**k for k in range(length)]
    found: dict[fmpq, tuple[fmpq, ...]] = {}
    pool = product(range(1, 5), *[range(-SMALL, SMALL + 1)] * (length - 1))
    for q, *earlier in sorted(pool, key=lambda entry: (max(map(abs, entry)), -sum(entry))):
        gradients = [*earlier, q]
        square, rest = divmod(sum(c * x * x for c, x in zip(weights, gradients, strict=True)), sum(weights))
        s = math.isqrt(square)
        if rest or s * s != square:
            continue
        u = fmpq(sum(c * x for c, x in zip(weights, gradients, strict=True)), sum(weights) * s)
        if max(abs(int(u.p)), int(u.q)) <= SMALL:
            found.setdefault(u, tuple(fmpq(x, q) for x in earlier))
    return tuple(found.items())


RATIOS = {length: _ratios(length) for length in (2, 3)}
"""Number of gradients -> what they may be, and Adam's update after them, in each coordinate."""
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
        rational: whether u is rational in the gradients.
    """

    admits: Callable[[Vector], bool]
    normalise: Callable[[Case], Case]
    reached: Callable[[Case], Iterator[Case]]
    rational: bool = True


def update_after(update: str, gradients: Sequence[Vector], betas: tuple[fmpq, fmpq], eps: fmpq) -> list[Real]:
    """u after gradients from zero state; rational wherever the root of v_hat is.

    Raises:
        UndecidedSignError: raise the precision.
        ZeroDivisionError: a coordinate has v_hat = 0 and eps = 0.
    """
    state = UPDATES[update](betas, eps)
    u = [state.update(g) for g in gradients][-1]
    if not isinstance(state, Adam):
        return list(u)
    m, v = (
        [x / (1 - beta**state.t) for x in moment]
        for beta, moment in zip(betas, (state.m, state.v), strict=True)
    )
    roots = [_root(x) for x in v]
    return [
        u_i if root is None or root + eps == 0 else m_i / (root + eps)
        for u_i, m_i, root in zip(u, m, roots, strict=True)
    ]


def _root(x: Real) -> fmpq | None:
    """The root of a rational square."""
    if not isinstance(x, fmpq):
        return None
    p, q = math.isqrt(int(x.p)), math.isqrt(int(x.q))
    return fmpq(p, q) if p * p == x.p and q * q == x.q else None


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


def _run(case: Case, earlier: list[Vector], beta1: fmpq, **changes: Any) -> Case:
    """The case with changes, and the gradients that are fed to get there: the earlier ones, and g."""
    case = {**case, **changes}
    return {**case, "run": {"betas": [beta1, HALF], "eps": fmpq(0), "gradients": [*earlier, case["g"]]}}


def _after_silence(case: Case) -> Case:
    """Gradients h = sign(u) and 0: with betas (1/2, 1/8) and eps 0, m_hat = h/3 and v_hat = (h/3)^2, so u is h."""
    h = [fmpq(sign(u)) for u in case["u"]]
    run = {"betas": [HALF, fmpq(1, 8)], "eps": fmpq(0), "gradients": [h, case["g"]]}
    return {**case, "u": h, "eta": fmpq(1), "run": run}


def _after_adam(case: Case) -> Iterator[Case]:
    """Gradients with betas (1/2, 1/2) and eps 0: two that a run on a diagonal quadratic meets, else some that are fed.

    The first step is sign(h), so a run meets g = h - eta H sign(h). What is fed leads in directions near that of u.
    """
    g, size, L = case["g"], len(case["g"]), case["smoothness"]
    if all(x == 0 for x in g):
        yield _after_silence(case)
    if size > LARGEST or any(x == 0 for x in g) or all(x == 0 for x in case["u"]):
        return
    wanted = floats(case["u"])

    def update(choice: Choice) -> Vector:
        return [ratio * sign(x) for (ratio, _), x in zip(choice, g, strict=True)]

    def angle(choice: Choice) -> float:
        u = floats(update(choice))
        return -sum(x * y for x, y in zip(u, wanted, strict=True)) / (math.hypot(*u) * math.hypot(*wanted))

    def after(choice: Choice) -> tuple[list[Vector], Vector]:
        """The earlier gradients, and u."""
        times = zip(*(t for _, t in choice), strict=True)
        return [[t * x for t, x in zip(row, g, strict=True)] for row in times], update(choice)

    moving = [pair for pair in RATIOS[2] if pair[0] != 0]
    for choice in sorted(product(moving, repeat=size), key=angle):
        (h,), u = after(choice)
        bends = [(x - y) * sign(x) for x, y in zip(h, g, strict=True)]
        if any(bends):
            eta = max(map(abs, bends)) / L
            H = [[bends[i] / eta * (i == j) for j in range(size)] for i in range(size)]
            yield _met(case, h, HALF, H=H, eta=eta, u=u)
    choices = [choice for table in RATIOS.values() for choice in product(table, repeat=size)]
    choices = [choice for choice in choices if any(ratio != 0 for ratio, _ in choice)]
    for choice in sorted(choices, key=angle):
        earlier, u = after(choice)
        scale = math.hypot(*wanted) / math.hypot(*floats(u))
        for eta in sorted(STEP_SIZES, key=lambda s: abs(math.log(float(s) / scale)))[:NEAREST]:
            yield _run(case, earlier, HALF, u=u, eta=rational(eta))


Choice = tuple[tuple[fmpq, tuple[fmpq, ...]], ...]
"""For each coordinate the ratio of u to sign(g), and those of the earlier gradients to g."""


def _met(case: Case, h: Vector, beta1: fmpq, **changes: Any) -> Case:
    """The case with changes, met by a run from "start" on f(w) = w'Hw/2 itself; no start is known if H is singular."""
    case = _run(case, [h], beta1, **changes)
    try:
        return {**case, "start": fmpq_mat(case["H"]).solve(fmpq_mat(len(h), 1, list(h))).entries()}
    except ZeroDivisionError:
        return case


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
                    yield _met(case, h, beta1, H=H, eta=eta, u=after(h, g, beta1))
        h = [2 * (u - x) for u, x in zip(case["u"], g, strict=True)]
        yield _run(case, [h], HALF, u=after(h, g, HALF))

    return reached


def _anything(u: Vector) -> bool:
    return True


def _signs(u: Vector) -> bool:
    return all(x in (-1, 0, 1) for x in u)


EXACT_UPDATES: Mapping[str, ExactUpdate] = {
    "adam": ExactUpdate(_anything, absorb, _after_adam, rational=False),
    "lion": ExactUpdate(_signs, zoom, _after_two("lion", _first_by_lion)),
    "momentum": ExactUpdate(_anything, absorb, _after_two("momentum", _first_by_momentum)),
}
"""Base update -> what is known of it."""
