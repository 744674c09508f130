"""An independent slow twin of the optimizers: the paper's definitions in exact rationals and ball arithmetic.

Rationals stay exact until a square root or an inexact input forces a ball (python-flint's `arb`), and a ball
contains the exact value. Numbers are given as int, `Fraction`, `fmpq`, `arb` or a string, "p/q" or "0.9"; floats are
refused, because `Fraction(0.9)` and 9/10 are different numbers and only the caller knows which is meant.

Written from Definitions 3.4 to 3.7 and 4.1 of arXiv 2412.17107 alone; momentum as torch.optim.SGD documents it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Protocol

from flint import arb, ctx, fmpq

from grams_theory.core.errors import GramsTheoryError, UnknownNameError, UsageError

Exact = int | Fraction | fmpq | str
Number = Exact | arb
Real = fmpq | arb
Vector = Sequence[Real]


class UndecidedSignError(GramsTheoryError, ArithmeticError):
    """A ball contains zero without being zero, so its sign is not known."""


def number(x: Number) -> Real:
    """x as fmpq where it is exact, else as the arb that it is.

    Raises:
        UsageError: x is a float or not a number.
    """
    if isinstance(x, arb | fmpq):
        return x
    if isinstance(x, int | Fraction | str):
        exact = Fraction(x)
        return fmpq(exact.numerator, exact.denominator)
    raise UsageError(
        f"{x!r} is a {type(x).__name__}; give an int, a Fraction, an fmpq, an arb or a string 'p/q'"
    )


def sign(x: Number) -> int:
    """-1, 0 or 1, with sign(0) = 0 (Definition 3.4).

    Raises:
        UndecidedSignError: x is a ball that contains zero and other numbers.
    """
    x = number(x)
    if x > 0:
        return 1
    if x < 0:
        return -1
    if x == 0:
        return 0
    raise UndecidedSignError(f"the sign of {x} is undecided at this precision; raise the precision")


class BaseUpdate(Protocol):
    """State from zero; `update` takes the next gradient and returns the base step u."""

    def update(self, gradient: Sequence[Number]) -> Sequence[Real]: ...


@dataclass
class Adam:
    """Adam's moments; `update` takes the next gradient and returns u (Definition 3.5).

    With `amsgrad` the largest v so far takes its place in u, bias correction included, as torch.optim documents it.
    """

    betas: tuple[Number, Number]
    eps: Number
    t: int = 0
    m: list[Real] = field(default_factory=list)
    v: list[Real] = field(default_factory=list)
    amsgrad: bool = False
    largest: list[Real] = field(default_factory=list)

    def update(self, gradient: Sequence[Number]) -> list[Real]:
        beta1, beta2, eps = *map(number, self.betas), number(self.eps)
        g = list(map(number, gradient))
        self.t += 1
        self.m = [beta1 * m_i + (1 - beta1) * g_i for m_i, g_i in zip(self.m or _zeros(g), g, strict=True)]
        self.v = [
            beta2 * v_i + (1 - beta2) * g_i * g_i for v_i, g_i in zip(self.v or _zeros(g), g, strict=True)
        ]
        m_hat = [m_i / (1 - beta1**self.t) for m_i in self.m]
        v = self.v
        if self.amsgrad:
            v = self.largest = list(map(_larger, self.largest or _zeros(g), v))
        v_hat = [v_i / (1 - beta2**self.t) for v_i in v]
        return [_quotient(m_i, _root(v_i) + eps) for m_i, v_i in zip(m_hat, v_hat, strict=True)]


@dataclass
class Lion:
    """Lion's momentum; `update` takes the next gradient and returns u, entries -1, 0, 1 (Definition 3.6)."""

    betas: tuple[Number, Number]
    m: list[Real] = field(default_factory=list)

    def update(self, gradient: Sequence[Number]) -> list[fmpq]:
        beta1, beta2 = map(number, self.betas)
        g = list(map(number, gradient))
        m = self.m or _zeros(g)
        u = [fmpq(sign(beta1 * m_i + (1 - beta1) * g_i)) for m_i, g_i in zip(m, g, strict=True)]
        self.m = [beta2 * m_i + (1 - beta2) * g_i for m_i, g_i in zip(m, g, strict=True)]
        return u


@dataclass
class Momentum:
    """Heavy-ball momentum: `update` takes the next gradient and returns u = mu u + g, from u = 0."""

    mu: Number
    u: list[Real] = field(default_factory=list)

    def update(self, gradient: Sequence[Number]) -> list[Real]:
        mu, g = number(self.mu), list(map(number, gradient))
        self.u = [mu * u_i + g_i for u_i, g_i in zip(self.u or _zeros(g), g, strict=True)]
        return self.u


UPDATES: dict[str, Callable[[tuple[Number, Number], Number], BaseUpdate]] = {
    "adam": Adam,
    "lion": lambda betas, eps: Lion(betas),
    "momentum": lambda betas, eps: Momentum(betas[0]),
}
"""Base update -> its state, from betas and eps; Lion has no eps, and momentum's mu is the first beta."""


def adam_update(
    gradients: Sequence[Sequence[Number]], betas: tuple[Number, Number], eps: Number, precision: int = 256
) -> list[arb]:
    """Adam's u after a history of gradients g_1 .. g_t, oldest first, from zero moments. `precision` is in bits.

    Raises:
        ZeroDivisionError: a coordinate has v_hat = 0 and eps = 0.
    """
    return list(map(arb, _last(Adam(betas, eps), gradients, precision)))


def lion_update(
    gradients: Sequence[Sequence[Number]], betas: tuple[Number, Number], precision: int = 256
) -> list[fmpq]:
    """Lion's u after a history of gradients g_1 .. g_t, oldest first, from zero momentum.

    Raises:
        UndecidedSignError: a gradient is a ball and the precision does not decide a sign.
    """
    return _last(Lion(betas), gradients, precision)


def momentum_update(gradients: Sequence[Sequence[Number]], mu: Number, precision: int = 256) -> list[Real]:
    """Momentum's u after a history of gradients g_1 .. g_t, oldest first: the sum of mu^(t - i) g_i."""
    return _last(Momentum(mu), gradients, precision)


def _unchanged(g: Real, u: Real) -> Real:
    return u


def _cautious(g: Real, u: Real) -> Real:
    """u 1[u g >= 0] (Definition 3.7)."""
    return u if sign(g) == 0 or sign(u) * sign(g) >= 0 else fmpq(0)


def _grams(g: Real, u: Real) -> Real:
    """sign(g) |u| (Definition 4.1)."""
    return sign(g) * abs(u) if sign(g) else fmpq(0)


def _each(step: Callable[[Real, Real], Real]) -> Callable[[Vector, Vector], list[Real]]:
    return lambda g, u: [step(g_i, u_i) for g_i, u_i in zip(g, u, strict=True)]


def _rescaled(g: Vector, u: Vector) -> list[Real]:
    """u 1[u g > 0] over the mean of that mask, as released C-Adam (there no mean counts for less than 1e-3)."""
    mask = [sign(u_i) * sign(g_i) > 0 for g_i, u_i in zip(g, u, strict=True)]
    mean = max(fmpq(sum(mask), len(mask)), fmpq(1, 1000))
    return [u_i / mean if kept else fmpq(0) for u_i, kept in zip(u, mask, strict=True)]


STEPS: dict[str, Callable[[Vector, Vector], list[Real]]] = {
    "u": _each(_unchanged),
    "a": _each(_cautious),
    "r": _each(_grams),
    "c": _rescaled,
}
"""What a step makes of g and u, by the letter of the step."""


@dataclass(frozen=True)
class Role:
    """What an optimizer does: w <- w - eta step, where `step` names one of STEPS, made of a base update of UPDATES."""

    update: str
    step: str


ROLES = {
    "Adam": Role("adam", "u"),
    "CautiousAdam": Role("adam", "a"),
    "ReleasedCautiousAdam": Role("adam", "c"),
    "Grams": Role("adam", "r"),
    "Lion": Role("lion", "u"),
    "CautiousLion": Role("lion", "a"),
    "SGD": Role("momentum", "u"),
}
"""Optimizers by their name in the package, torch's SGD with momentum, and C-Adam as released (the others' masks are
u g >= 0, not rescaled)."""


def role(name: str) -> Role:
    """The role of that optimizer. Raises `UnknownNameError`."""
    if name not in ROLES:
        raise UnknownNameError("optimizer", name, ROLES)
    return ROLES[name]


def displacement(
    name: str, g: Sequence[Number], u: Sequence[Number], eta: Number, precision: int = 256
) -> list[Real]:
    """w_next - w, given the gradient g and the base step u of its role, both of length D.

    `name` is one of ROLES. Entries are fmpq where g, u and eta are exact.

    Raises:
        UnknownNameError: another name.
        UndecidedSignError: a sign that matters is not decided by its ball.
    """
    step, eta = STEPS[role(name).step], number(eta)
    with ctx.workprec(precision):
        return [-eta * s_i for s_i in step(list(map(number, g)), list(map(number, u)))]


def run(
    name: str,
    gradient: Callable[[list[Real]], Sequence[Number]],
    start: Sequence[Number],
    steps: int,
    eta: Number,
    betas: tuple[Number, Number],
    eps: Number,
    precision: int = 256,
) -> list[list[Real]]:
    """The iterates w_1 = start, .., w_{steps + 1} of the named optimizer from zero moments.

    `gradient` maps an iterate to its gradient, entries fmpq or arb. Without a root, as for the Lions and for
    momentum, the iterates stay rational if the gradient does.

    Raises:
        UnknownNameError: the name is not one of `displacement`'s.
        UndecidedSignError: raise the precision.
        ZeroDivisionError: a coordinate has v_hat = 0 and eps = 0.
    """
    with ctx.workprec(precision):
        base = UPDATES[role(name).update](betas, eps)
        iterates = [list(map(number, start))]
        for _ in range(steps):
            w = iterates[-1]
            g = gradient(w)
            move = displacement(name, g, base.update(g), eta, precision)
            iterates.append([w_i + d_i for w_i, d_i in zip(w, move, strict=True)])
        return iterates


def _last(base, gradients: Sequence[Sequence[Number]], precision: int) -> list:
    if not gradients:
        raise UsageError("the history of gradients is empty; give at least one")
    with ctx.workprec(precision):
        return [base.update(g) for g in gradients][-1]


def _zeros(like: list[Real]) -> list[Real]:
    return [fmpq(0)] * len(like)


def _larger(x: Real, y: Real) -> Real:
    return x if x >= y else y if y >= x else arb(x).max(arb(y))


def _root(x: Real) -> arb:
    """The square root of a number that is known to be >= 0."""
    return arb(x).nonnegative_part().sqrt()


def _quotient(numerator: Real, denominator: arb) -> Real:
    if denominator == 0:
        raise ZeroDivisionError("v_hat = 0 and eps = 0: Adam's u is 0/0 there; give eps > 0")
    return numerator / denominator if numerator != 0 else fmpq(0)
