"""What a fused kernel must compute, from the definitions, with a bound on its rounding error operation by operation.

It is written apart from `grams_theory.optim.rule` and from the kernels, in float64, for one tensor at a time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from grams_theory.optim._fused import Update

FLOAT64 = 2.0**-53
UNITS = {torch.float64: FLOAT64, torch.float32: 2.0**-24, torch.bfloat16: 2.0**-8, torch.float16: 2.0**-11}
"""Half the distance from 1 to the next number."""
TINY = {
    torch.float64: 2.0**-1074,
    torch.float32: 2.0**-149,
    torch.bfloat16: 2.0**-133,
    torch.float16: 2.0**-24,
}
"""The smallest number above 0."""


@dataclass(frozen=True)
class Near:
    """Numbers that a machine of the given unit roundoff has computed: each within `rad` of `mid`, which float64 has.

    Every operation passes on the errors of its operands, adds the machine's rounding (relative or, below the normal
    numbers, absolute; an exact 0 stays exact), and adds float64's own. No product may underflow in float64.
    """

    mid: Tensor
    rad: Tensor
    dtype: torch.dtype

    def _rounded(self, mid: Tensor, rad: Tensor) -> Near:
        reach = mid.abs() + rad
        own = (UNITS[self.dtype] + FLOAT64) * reach + TINY[self.dtype] * (reach > 0)
        return replace(self, mid=mid, rad=(rad + own) * (1 + 2.0**-40))

    def constant(self, value: float | Tensor) -> Near:
        """A number of the update, rounded when it enters the machine."""
        mid = torch.as_tensor(value, dtype=torch.float64).expand_as(self.mid)
        return self._rounded(mid, torch.zeros_like(mid))

    def stored(self, dtype: torch.dtype, halves: int = 1) -> Near:
        """Rounded to another format, `halves` of the distance of two numbers away at most; float64 goes to 16 bits by
        way of float32."""
        reach = self.mid.abs() + self.rad
        if self.dtype == torch.float64 and dtype.itemsize == 2:
            return replace(self.stored(torch.float32), dtype=torch.float32).stored(dtype, halves)
        return replace(self, rad=self.rad + halves * (UNITS[dtype] * reach + TINY[dtype]))

    def __add__(self, other: Near) -> Near:
        return self._rounded(self.mid + other.mid, self.rad + other.rad)

    def __sub__(self, other: Near) -> Near:
        return self._rounded(self.mid - other.mid, self.rad + other.rad)

    def __mul__(self, other: Near) -> Near:
        rad = self.rad * (other.mid.abs() + other.rad) + self.mid.abs() * other.rad
        return self._rounded(self.mid * other.mid, rad)

    def __truediv__(self, other: Near) -> Near:
        smallest = (other.mid.abs() - other.rad).clamp(min=0)
        quotient = self.mid / other.mid
        return self._rounded(quotient, (self.rad + quotient.abs() * other.rad) / smallest)

    def sqrt(self) -> Near:
        """By the root's concavity: it changes most below, down to 0."""
        root = self.mid.sqrt()
        below = (self.mid - self.rad).clamp(min=0).sqrt()
        return self._rounded(root, torch.maximum(root - below, (self.mid + self.rad).sqrt() - root))

    def sign(self) -> Near:
        """-1, 0 or 1 where that is certain; else 0 with radius 1."""
        unclear = (self.mid.abs() <= self.rad) & (self.rad > 0)
        return replace(self, mid=self.mid.sign().masked_fill(unclear, 0), rad=unclear.double())

    def largest(self, other: Near) -> Near:
        return replace(self, mid=torch.maximum(self.mid, other.mid), rad=torch.maximum(self.rad, other.rad))


def expected(
    update: Update,
    w: Tensor,
    g: Tensor,
    moments: list[Tensor],
    *,
    t: float,
    lr: float,
    grad_scale: float = 1.0,
    as_loop: bool = False,
) -> list[Near]:
    """w and the moments after one step, within the error of arithmetic in float32 (float64 if w is).

    The tensors hold finite numbers of their formats. The radii hold for every way to contract the operations that are
    written here. The loop (`as_loop`) divides by sqrt(v) / root + eps, a kernel multiplies rate and eps by root first.
    """
    machine = torch.float64 if w.dtype == torch.float64 else torch.float32
    exact = Near(w.double(), torch.zeros_like(w, dtype=torch.float64), machine)
    W, G, M, *V = (replace(exact, mid=x.double()) for x in (w, g, *moments))
    number, (beta1, beta2) = W.constant, update.betas
    G = G * number((-1 if update.maximize else 1) / grad_scale)
    if update.l2_penalty and update.weight_decay:
        G = G + number(update.weight_decay) * W
    elif update.weight_decay:
        W = W * number(1 - lr * update.weight_decay)
    if update.base == "lion":
        base = (number(beta1) * M + number(1 - beta1) * G).sign()
        M = number(beta2) * M + number(1 - beta2) * G
        u, step = base, number(-lr)
    else:
        M = _lerp(M, G, 1 - beta1)
        V[0] = number(beta2) * V[0] + number(1 - beta2) * G * G
        if update.amsgrad:
            V[1] = V[1].largest(V[0])
        rate, root = -lr / (1 - beta1**t), (1 - beta2**t) ** 0.5
        if as_loop:
            u, step = M, number(rate) / (V[-1].sqrt() / number(root) + number(update.eps))
        else:
            u, step = M, number(rate * root) / (V[-1].sqrt() + number(update.eps * root))
    after = [W + _directed(update, u, G) * step, M, *V]
    halves = 2 if update.stochastic_rounding else 1
    return [x.stored(y.dtype, halves) for x, y in zip(after, (w, *moments), strict=True)]


def _lerp(start: Near, end: Near, weight: float) -> Near:
    """From the nearer end, as torch.lerp."""
    if weight < 0.5:
        return start + start.constant(weight) * (end - start)
    return end - (start.constant(1.0) - start.constant(weight)) * (end - start)


def _directed(update: Update, u: Near, G: Near) -> Near:
    """The direction of u, or everything that it may be where rounding may have changed a sign."""
    a, b = u.sign(), G.sign()
    unclear = (a.rad > 0) | (b.rad > 0)
    agreement = a.mid * b.mid
    agree, oppose, tie = 1.0, update.lam, min(1.0, 1.0 + update.lam)
    if update.rescaled:
        mask = agreement > 0
        least, most = mask.sum().item(), (mask | unclear).sum().item()
        scales = [1 / max(k / max(1, mask.numel()), 1e-3) for k in (least, most)]
        agree, oppose, tie = sum(scales) / 2, 0.0, 0.0
        spread = (scales[0] - scales[1]) / 2
    else:
        spread = 0.0
    positive, negative, neither = ((agreement == s).double() for s in (1, -1, 0))
    factor = u.constant(agree * positive + oppose * negative + tie * neither)
    moved = replace(factor, rad=factor.rad + spread * positive) * u
    reach = (abs(agree) + spread) * (u.mid.abs() + u.rad) * (1 + 2.0**-20)
    return replace(moved, mid=moved.mid.masked_fill(unclear, 0), rad=torch.where(unclear, reach, moved.rad))
