"""What rounding may make of an optimizer's step: balls that hold the exact value and that of every implementation.

The definition is computed in ball arithmetic, and wherever production rounds the ball is widened: by the standard model
with underflow, fl(x op y) = (x op y)(1 + d) + e, |d| <= unit roundoff, |e| <= half the smallest number of the format,
where e = 0 for a sum and a root (Higham, "Accuracy and Stability of Numerical Algorithms", section 2.2). So the bound
is the derivation: `docs/numerics.md` writes it out by hand for the case without underflow and cancellation.

Rounded are, of one coordinate of one step:

    constants    in float64: beta^t (one ulp), 1 - beta^t, its root (one ulp), the rate lr / (1 - beta1^t), 1 - beta,
                 1 - lr weight_decay (twice); then each once more, to the format of constants
    m            lerp, from the nearer end: the difference, its product with the weight, the sum; for Lion, and for an
                 L2 penalty: two products and a sum
    v            two products of g, one of v, the sum; the larger of two numbers is exact
    denominator  the root, its quotient by the constant, the sum with eps. A fused kernel multiplies eps and the rate by
                 the constant in float64 instead
    direction    where lam is not 0, 1, -1: a product. A rescaled mask: its sum, its mean, the quotient, the product
    step         the product with the rate, the quotient
    w            the product with 1 - lr weight_decay, the sum

and what is stored between these operations, where that is narrower than they are. A sign is not decided where a ball
holds 0: then the step is anything between what either sign would make of it. Where something may overflow, or a
denominator may be 0, the ball is infinite: there is no bound.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from flint import arb, ctx
from torch import Tensor

from grams_theory.optim import RuleOptimizer, rule
from grams_theory.testing.twin import PRECISION, Definition, numbers

INFINITE = arb(0, float("inf"))


@dataclass(frozen=True)
class Format:
    """A floating-point format, rounding to nearest."""

    dtype: torch.dtype

    @cached_property
    def unit(self) -> float:
        """Unit roundoff."""
        return torch.finfo(self.dtype).eps / 2

    @cached_property
    def lost(self) -> arb:
        """Half the smallest number: what underflow may lose where subnormal numbers are kept."""
        limits = torch.finfo(self.dtype)
        return arb(limits.smallest_normal) * limits.eps / 2

    @cached_property
    def _largest(self) -> arb:
        return arb(torch.finfo(self.dtype).max)

    @cached_property
    def _once(self) -> arb:
        return arb(1, self.unit)

    @cached_property
    def _loss(self) -> arb:
        return arb(0, 1) * self.lost

    def sum(self, x: arb) -> arb:
        """What a sum, a difference or a root that is x may be rounded to."""
        return self._held(x * self._once)

    def product(self, x: arb) -> arb:
        """What a product or a quotient that is x, or any number that is stored, may be rounded to."""
        return x if x.is_zero() else self._held(x * self._once + self._loss)

    def _held(self, x: arb) -> arb:
        return x if x.abs_upper() <= self._largest else INFINITE


DOUBLE, SINGLE = Format(torch.float64), Format(torch.float32)


@dataclass(frozen=True)
class Arithmetic:
    """In which formats an implementation computes and stores."""

    kernel: Format
    """Of the operations."""
    weights: Format
    moments: Format
    between: Format
    """Of tensors between the operations."""
    constants: Format
    fused: bool = False
    """Whether eps and the rate take up the second bias correction."""
    on_device: bool = False
    """Whether the step count is a float32 tensor, so that the bias corrections are computed in float32."""
    stochastic: bool = False
    """Whether what is stored in 16 bits is rounded to either of its neighbours."""

    @classmethod
    def of(cls, optimizer: RuleOptimizer, p: Tensor, group: int = 0) -> Arithmetic:
        """How an optimizer of ours computes the steps of a parameter of that group."""
        options = optimizer.param_groups[group]
        weights, moments = Format(p.dtype), Format(options["state_dtype"] or p.dtype)
        kernel = DOUBLE if p.dtype is torch.float64 else SINGLE
        fused = bool(options["fused"])
        widened = fused or bool(options["state_dtype"] or options["stochastic_rounding"])
        between = kernel if widened else weights
        return cls(
            kernel,
            weights,
            moments,
            between,
            between if options["foreach"] else kernel,
            fused=fused,
            on_device=bool(options["capturable"]),
            stochastic=bool(options["stochastic_rounding"]),
        )

    def stored(self, x: arb, format: Format) -> arb:
        """What is left of x when it is stored in a format, rounded to nearest."""
        return x if format == self.kernel else format.product(x)

    def kept(self, x: arb, format: Format) -> arb:
        """What is left of x when it is stored for the next step."""
        if not self.stochastic or format.dtype.itemsize > 2:
            return self.stored(x, format)
        x = x if self.kernel == SINGLE else SINGLE.product(x)
        return x + arb(0, 1) * (x.abs_upper() * 2 * format.unit + 2 * format.lost)

    def constant(self, x: arb) -> arb:
        """A number that was computed in float64, as the operations know it."""
        return x if self.constants == DOUBLE else self.constants.product(x)

    def added(self, x: arb) -> arb:
        """A number that was computed in float64, as the factor of `add`."""
        return self.stored(self.constant(x), self.between)

    def placed(self, x: arb) -> arb:
        """A weight: a sum x in the operations, then stored."""
        return self.kept(self.kernel.sum(x), self.weights)


class Enclosure:
    """One parameter of an optimizer, from zero state: its moments and weights as balls.

    `unrounded` are the last weights before the last rounding.
    """

    def __init__(self, definition: Definition, arithmetic: Arithmetic, precision: int = PRECISION) -> None:
        self.definition, self.arithmetic, self.precision = definition, arithmetic, precision
        self.t, self.unrounded = 0, []
        self.m: list[arb] = []
        self.v: list[arb] = []
        self.largest: list[arb] = []
        with ctx.workprec(precision):
            self._constants()

    def _constants(self) -> None:
        wanted, double, constant = self.definition, DOUBLE, self.arithmetic.constant
        self.betas = [arb(beta) for beta in wanted.betas]
        self.keep = [constant(beta) for beta in self.betas]
        self.weight = [constant(double.sum(1 - beta)) if beta else arb(1) for beta in self.betas]
        self.decay = constant(double.sum(1 - double.product(arb(wanted.lr) * wanted.weight_decay)))
        # torch's `add` of 16-bit tensors rounds its alpha to their format on the CPU, where other operations do not
        added = self.arithmetic.added
        self.penalty, self.rate = added(arb(wanted.weight_decay)), added(-arb(wanted.lr))
        self.new = [added(weight) for weight in self.weight]
        self.oppose = constant(arb(wanted.lam))
        self.tie = constant(double.sum(1 + arb(wanted.lam)).min(arb(1)))
        if wanted.lam in (0, 1, -1):
            self.oppose, self.tie = arb(wanted.lam), arb(1 + wanted.lam).min(arb(1))
        self.smallest = constant(arb(rule.SMALLEST_MEAN))

    def load(self, state: Mapping[str, Any]) -> None:
        """Take up the state that a production optimizer keeps for a parameter."""
        self.t, self.m = int(state["step"]), numbers(state["exp_avg"])
        self.v = numbers(state["exp_avg_sq"]) if "exp_avg_sq" in state else []
        self.largest = numbers(state["max_exp_avg_sq"]) if "max_exp_avg_sq" in state else []

    def step(self, w: Sequence[arb], gradient: Sequence[arb]) -> list[arb]:
        """The weights that a step from w on that gradient may lead to, both of length D; the gradient is exact."""
        with ctx.workprec(self.precision):
            wanted, a = self.definition, self.arithmetic
            g = [-x for x in gradient] if wanted.maximize else list(gradient)
            if wanted.weight_decay and wanted.penalty:
                g = [self._penalised(x, y) for x, y in zip(g, w, strict=True)]
            elif wanted.weight_decay:
                w = [self._multiplied(self.decay, y) for y in w]
            self.t += 1
            moves = self._adam(g) if wanted.adam else self._lion(g)
            self.unrounded = [y + x for y, x in zip(w, moves, strict=True)]
            return [a.placed(x) for x in self.unrounded]

    def _penalised(self, g: arb, w: arb) -> arb:
        a = self.arithmetic
        return a.stored(a.kernel.sum(g + a.kernel.product(self.penalty * w)), a.between)

    def _multiplied(self, x: arb, y: arb) -> arb:
        """A product, stored between operations."""
        return self.arithmetic.stored(self.arithmetic.kernel.product(x * y), self.arithmetic.between)

    def _divided(self, x: arb, y: arb) -> arb:
        """A quotient, stored between operations."""
        return self.arithmetic.stored(self.arithmetic.kernel.product(x / y), self.arithmetic.between)

    def _adam(self, g: Sequence[arb]) -> list[arb]:
        zeros = [arb(0)] * len(g)
        m = [self._mean(x, y) for x, y in zip(self.m or zeros, g, strict=True)]
        v = [self._square(x, y) for x, y in zip(self.v or zeros, g, strict=True)]
        self.m, self.v = self._kept(m), self._kept(v)
        if self.definition.amsgrad:
            v = [x.max(y) for x, y in zip(self.largest or zeros, v, strict=True)]
            self.largest = self._kept(v)
        steps = self._directed(g, m)
        rate, root = self._corrections()
        return [self._quotient(x, y, rate, root) for x, y in zip(steps, v, strict=True)]

    def _kept(self, moments: Sequence[arb]) -> list[arb]:
        """Moments as they are stored for the next step."""
        a = self.arithmetic
        return list(moments) if a.moments == a.between else [a.kept(x, a.moments) for x in moments]

    def _mean(self, m: arb, g: arb) -> arb:
        """torch.lerp, from the nearer end: near + share (far - near)."""
        a, kernel = self.arithmetic, self.arithmetic.kernel
        near, far, share = m, g, self.weight[0]
        if self.definition.betas[0] < 0.5:
            near, far, share = g, m, kernel.sum(1 - share) if self.definition.betas[0] else arb(0)
        if share.is_zero() or (near.is_zero() and far.is_zero()):
            return near
        if not kernel.sum(far - near).is_finite():
            return INFINITE
        share = kernel.sum(kernel.sum(share))  # the roundings of the difference and of the product
        mean = (1 - share) * near + share * far + arb(0, 1) * kernel.lost
        return a.stored(kernel.sum(mean), a.between)

    def _square(self, v: arb, g: arb) -> arb:
        a, kernel = self.arithmetic, self.arithmetic.kernel
        square = kernel.product(self.weight[1] * kernel.product(g * g))
        return a.stored(kernel.sum(self._multiplied(self.keep[1], v) + square), a.between)

    def _corrections(self) -> tuple[arb, arb]:
        """The rate -lr / (1 - beta1^t) and the root of 1 - beta2^t, each of which a rounding may have changed."""
        if self.arithmetic.on_device:
            first, second = map(self._correction_on_device, self.betas)
            rate = SINGLE.product(SINGLE.product(1 / first) * SINGLE.product(-arb(self.definition.lr)))
            return rate, SINGLE.sum(second.sqrt())
        first, second = map(self._correction, self.betas)
        return DOUBLE.product(-arb(self.definition.lr) / first), _to_an_ulp(second.sqrt(), DOUBLE)

    def _correction(self, beta: arb) -> arb:
        """1 - beta^t; the C library's power is off by less than one unit in the last place."""
        return DOUBLE.sum(1 - _to_an_ulp(beta**self.t, DOUBLE))

    def _correction_on_device(self, beta: arb) -> arb:
        """-expm1(t log beta), whose relative error is at most that of its argument: two roundings and an ulp."""
        if beta.is_zero():
            return arb(1)
        exponent = SINGLE.sum(SINGLE.sum(beta.log())) * self.t
        return _to_an_ulp(-exponent.expm1(), SINGLE)

    def _quotient(self, step: arb, v: arb, rate: arb, root: arb) -> arb:
        """rate step / (sqrt(v) / root + eps)."""
        a, kernel, eps = self.arithmetic, self.arithmetic.kernel, arb(self.definition.eps)
        size = a.stored(kernel.sum(_root(v)), a.between)
        if a.fused:
            rate, eps = a.constant(DOUBLE.product(rate * root)), a.constant(DOUBLE.product(eps * root))
            return kernel.product(kernel.product(rate * step) / kernel.sum(size + eps))
        root, eps = (root if a.on_device else a.constant(root)), a.constant(eps)
        denominator = a.stored(kernel.sum(self._divided(size, root) + eps), a.between)
        if a.on_device:
            return self._multiplied(self._divided(step, denominator), rate)
        return kernel.product(kernel.product(a.constant(rate) * step) / denominator)

    def _lion(self, g: Sequence[arb]) -> list[arb]:
        m = self.m or [arb(0)] * len(g)
        u = [_sign(self._average(0, x, y)) for x, y in zip(m, g, strict=True)]
        self.m = self._kept([self._average(1, x, y) for x, y in zip(m, g, strict=True)])
        kernel = self.arithmetic.kernel
        return [x * self.rate if abs(x) == 1 else kernel.product(x * self.rate) for x in self._directed(g, u)]

    def _average(self, beta: int, m: arb, g: arb) -> arb:
        """beta m + (1 - beta) g, of two products."""
        a, kernel = self.arithmetic, self.arithmetic.kernel
        new = kernel.product(self.new[beta] * g)
        return a.stored(kernel.sum(self._multiplied(self.keep[beta], m) + new), a.between)

    def _directed(self, g: Sequence[arb], u: Sequence[arb]) -> list[arb]:
        if self.definition.rescaled:
            return self._rescaled(g, u)
        return [self._directed_one(x, y) for x, y in zip(g, u, strict=True)]

    def _directed_one(self, g: arb, u: arb) -> arb:
        """`rule.ams`: u, or lam u where u and g disagree, or min(1, 1 + lam) u where g = 0."""
        if self.definition.lam == 1:
            return u
        if g.is_zero():
            return self._scaled(self.tie, u)
        agreeing, opposing = (u * g).lower() >= 0, (u * g).upper() <= 0
        if agreeing:
            return u
        opposed = self._scaled(self.oppose, u)
        return opposed if opposing else _hull(u, opposed)

    def _scaled(self, factor: arb, u: arb) -> arb:
        exact = factor.is_zero() or abs(factor) == 1
        return factor * u if exact else self._multiplied(factor, u)

    def _rescaled(self, g: Sequence[arb], u: Sequence[arb]) -> list[arb]:
        """u 1[u g > 0] / max(the mean of this mask, 1/1000), the mean between those of what is sure and what may be."""
        products = [x * y for x, y in zip(u, g, strict=True)]
        sure, possible = sum(x > 0 for x in products), sum(bool(x.upper() > 0) for x in products)
        total = self.arithmetic.stored(arb(sure).union(arb(possible)), self.arithmetic.between)
        mean = self._divided(total, arb(len(products))).max(self.smallest)
        inverse = self._divided(arb(1), mean)

        def kept(product: arb, u: arb) -> arb:
            if product.upper() <= 0:
                return arb(0)
            whole = self._multiplied(inverse, u)
            return whole if product > 0 else _hull(whole, arb(0))

        return [kept(x, y) for x, y in zip(products, u, strict=True)]


def _to_an_ulp(x: arb, format: Format) -> arb:
    """What a function may return that is x to within one unit in the last place."""
    return format.sum(format.sum(x))


def _root(x: arb) -> arb:
    """The root of a number >= 0 of which a ball may hold others too."""
    if x.lower() >= 0:
        return x.sqrt()
    return arb(0).union(x.upper().sqrt()) if x.is_finite() else x


def _sign(x: arb) -> arb:
    return arb(1) if x > 0 else arb(-1) if x < 0 else arb(0) if x.is_zero() else arb(0, 1)


def _hull(x: arb, y: arb) -> arb:
    """Everything from one end of either to the other, and 0."""
    return x.union(y).union(arb(0))
