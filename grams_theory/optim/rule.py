"""The update rules in the paper's letters: w parameters, g gradient, m and v moments, u the base step.

Each is written once and holds for one tensor (the loop) and for a `Tensors` list (foreach). A *direction*
`(u, g) -> step` decides what becomes of a u_i whose sign is not g_i's. It is positively homogeneous in each
u_i: Adam's rule applies it to m and divides afterwards.

Functions that end in `_` work in place on w and on the moments; none changes g. NaN in g reaches w.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

from torch import Tensor

from grams_theory.optim._tensors import Tensors

Array = Any
"""A `Tensor`, or a `Tensors` list that stands for as many tensors."""
Direction = Callable[[Array, Array], Array]
Number = float | Tensor
"""A float, or a 0-d tensor, which may be on the device or have a gradient."""

SMALLEST_MEAN = 1e-3
"""A mask is divided by max(its mean, this), as released C-AdamW and timm do."""


def mean(x: Array) -> Array:
    """The mean over each tensor."""
    return x.mean()


def unchanged(u: Array, g: Array) -> Array:
    """u itself."""
    return u


def grams(u: Array, g: Array) -> Array:
    """sign(g) * |u| with sign(0) = 0 (Definition 4.1)."""
    return u.abs().mul_(g.sign())


def ams(u: Array, g: Array, lam: float) -> Array:
    """u_i where u_i g_i > 0, lam u_i where u_i g_i < 0, min(1, 1 + lam) u_i where g_i = 0; lam in [-1, 1].

    This is the one place that says what happens at g_i = 0. Adam (lam = 1) and Cautious with its mask
    u_i g_i >= 0 (lam = 0) move by u_i there, Grams (lam = -1) does not move. Between these three the rule
    is linear in lam at every g_i: lam Adam + (1 - lam) Cautious for lam >= 0, else (1 + lam) Cautious - lam Grams.
    """
    agreement = u.sign().mul_(g.sign())  # signs are compared: the product u g would underflow
    tie = min(1.0, 1.0 + lam)
    return agreement.mul_(2).add_(tie).clamp_(lam, 1.0).mul_(u)


def cautious(u: Array, g: Array) -> Array:
    """u * 1[u g >= 0] (Definition 3.7)."""
    return ams(u, g, 0.0)


def cautious_rescaled(u: Array, g: Array, mean: Callable[[Array], Array] = mean) -> Array:
    """u * mask / max(mean(mask), 1e-3) with mask = 1[u g > 0], as in the released C-Optim code."""
    agreeing = mask(u, g)
    return agreeing.div_(mean(agreeing).clamp_(SMALLEST_MEAN)).mul_(u)


def mask(u: Array, g: Array) -> Array:
    """1 where u_i g_i > 0, else 0."""
    return u.sign().mul_(g.sign()).clamp_(0)  # signs are compared: the product u g would underflow


def member(direction: Direction) -> tuple[float, bool]:
    """(lam, rescaled) of a direction of this module: it is ams(u, g, lam), or cautious_rescaled, to the last bit.

    Raises:
        KeyError: it is another function.
    """
    if isinstance(direction, partial) and direction.func is ams:
        return direction.keywords["lam"], False
    return MEMBERS[direction]


MEMBERS: dict[Direction, tuple[float, bool]] = {
    unchanged: (1.0, False),
    cautious: (0.0, False),
    grams: (-1.0, False),
    cautious_rescaled: (0.0, True),
}


def sign_(c: Array) -> Array:
    """c <- sign(c) with sign(0) = 0, and NaN where c is NaN (torch.sign gives 0 there)."""
    signs = c.sign()
    return c.clamp_(-1, 1).mul_(0).add_(signs)


def bias(t: Any, lr: float | Tensor, betas: tuple[Number, Number]) -> tuple[Any, Any]:
    """(-lr / (1 - beta1^t), sqrt(1 - beta2^t)) for the step count t >= 1.

    t is a number, a list of numbers, or an `Array` of 0-d tensors; the results are of the same kind.
    On tensors, which are single precision, 1 - beta^t would cancel: it is computed as -expm1(t log beta).
    """
    beta1, beta2 = betas
    if isinstance(t, list):
        rates, roots = zip(*(bias(count, lr, betas) for count in t), strict=True)
        return list(rates), list(roots)
    if isinstance(t, (Tensor, Tensors)):
        first, second = (t.mul(_log(beta)).expm1().neg() for beta in betas)
        return first.reciprocal().mul(-lr), second.sqrt()
    return -lr / (1 - beta1**t), (1 - beta2**t) ** 0.5


def adam_(
    w: Array,
    g: Array,
    m: Array,
    v: Array,
    v_max: Array | None = None,
    *,
    betas: tuple[Number, Number],
    eps: float,
    rate: Any,
    root: Any,
    direction: Direction,
    differentiable: bool = False,
) -> None:
    """Moments, then w <- w + rate direction(m, g) / (sqrt(v) / root + eps), rate and root from `bias`.

    eps joins the bias-corrected root, as in Definition 3.5 and in torch.optim.Adam. With v_max (amsgrad), the largest
    v so far takes the place of v.
    """
    beta1, beta2 = betas
    if isinstance(beta1, Tensor) or isinstance(beta2, Tensor):  # lerp_ and addcmul_ take numbers
        for moment, power, beta in ((m, g, beta1), (v, g.mul(g), beta2)):
            moment.mul_(beta).add_(power.mul(1 - beta))
    else:
        m.lerp_(g, 1 - beta1)
        v.mul_(beta2).addcmul_(g, g, value=1 - beta2)
    if v_max is not None:
        v = v_max.clamp_min_(_kept(v, differentiable))
    numerator = direction(_kept(m, differentiable), g)
    denominator = _kept(v.sqrt(), differentiable).div_(root).add_(eps)
    if isinstance(rate, (Tensor, Tensors)):
        w.add_(numerator.div(denominator).mul_(rate))  # denominator / rate would overflow in float16
    else:
        w.addcdiv_(numerator, denominator, value=rate)


def lion_(
    w: Array,
    g: Array,
    m: Array,
    *,
    betas: tuple[Number, Number],
    lr: Number,
    direction: Direction,
) -> None:
    """w <- w - lr direction(sign(beta1 m + (1 - beta1) g), g), then m (Definition 3.6)."""
    beta2 = betas[1]
    u = lion_step(g, m, betas=betas)
    add_(m.mul_(beta2), g, 1 - beta2)
    add_(w, direction(u, g), -lr)


def lion_step(g: Array, m: Array, *, betas: tuple[Number, Number]) -> Array:
    """u = sign(beta1 m + (1 - beta1) g)."""
    beta1, _ = betas
    return sign_(add_(m.mul(beta1), g, 1 - beta1))


def decay_(w: Array, lr: Number, weight_decay: Number) -> None:
    """w <- (1 - lr weight_decay) w: decoupled weight decay."""
    if isinstance(weight_decay, Tensor) or weight_decay:
        w.mul_(1 - lr * weight_decay)


def add_(x: Array, y: Array, factor: Number) -> Array:
    """x <- x + factor y."""
    return x.add_(y.mul(factor)) if isinstance(factor, Tensor) else x.add_(y, alpha=factor)


def penalise(w: Array, g: Array, weight_decay: Number) -> Array:
    """g + weight_decay w: the gradient of the loss with an L2 penalty."""
    if isinstance(weight_decay, Tensor):
        return w.clone().mul(weight_decay).add_(g)  # autograd keeps what it multiplied
    return g.add(w, alpha=weight_decay) if weight_decay else g


def _log(beta: Number) -> Number:
    if isinstance(beta, Tensor):
        return beta.log()
    return math.log(beta) if beta else -math.inf


def _kept(x: Array, differentiable: bool) -> Array:
    """A copy where autograd keeps x for its backward pass, so that x may be overwritten."""
    return x.clone() if differentiable else x
