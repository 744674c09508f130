"""Up to which step size Grams descends at least as far as another step of the same Adam update, whatever f is."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor

from grams_theory.core.errors import UnknownNameError, UsageError
from grams_theory.optim import rule

Rival = Literal["cautious", "adam"]
RIVALS = dict(zip(get_args(Rival), (rule.cautious, rule.unchanged), strict=True))


def comparison_step_size(
    g: Tensor, u: Tensor, smoothness: float | Tensor, *, convex: bool = False, rival: Rival = "cautious"
) -> Tensor:
    """The largest step size at which a step of Grams lowers every L-smooth loss at least as far as the rival's step.

    One step from the same weights, where the loss has gradient g and Adam's update is u: Grams steps by
    r = sign(g)|u|, "cautious" by u 1[u g >= 0] (not rescaled), "adam" by u. Up to this step size no L-smooth loss
    falls less along r; above it some does: the claims comparison-sharp, comparison-sharp-convex (which allow a larger
    step if the loss is convex) and grams-vs-adam-sharp prove both.

    Args:
        g: the gradient, shape (..., D).
        u: Adam's update, shape (..., D), of the same floating dtype.
        smoothness: L > 0, the Lipschitz constant of the gradient; a number, or a tensor that broadcasts to (...).
        convex: the loss is convex. Known for the cautious rival only.
        rival: "cautious" or "adam".

    Returns:
        Step sizes, shape (...): 0 where no positive one will do, inf where any will do, as where the two steps agree.

    Raises:
        UsageError: shapes or dtypes of g and u differ, a vector has no coordinates or is not finite, L is not
            positive, or convex with rival="adam".
        UnknownNameError: there is no such rival.

    Source: ours, in place of the paper's comparison after Lemma 4.2.
    """
    _check(g, u, rival, convex)
    L = torch.as_tensor(smoothness, dtype=g.dtype, device=g.device)
    if not bool((L > 0).all()):
        raise UsageError(f"smoothness is {smoothness}; give the Lipschitz constant of the gradient, > 0")
    r, c = rule.grams(u, g), RIVALS[rival](u, g)
    difference, total = r - c, r + c
    slope = (g * difference).sum(-1)
    lengths = difference.norm(dim=-1) * total.norm(dim=-1)
    if convex:
        bend = (lengths + (difference * total).sum(-1)) / 2
    else:
        opposed = (r * c).sum(-1) < 0
        bend = torch.where(opposed, (r * r).sum(-1) + (c * c).sum(-1), lengths)
    always = (difference == 0).all(-1)
    if convex:  # a convex loss is smallest where its gradient is 0, so that standing still there is no worse
        always |= (r == 0).all(-1)
    return torch.where(always, torch.inf, 2 * slope / (L * bend))


def _check(g: Tensor, u: Tensor, rival: str, convex: bool) -> None:
    if rival not in RIVALS:
        raise UnknownNameError("rival", rival, RIVALS)
    if convex and rival == "adam":
        raise UsageError("the exact step size for convex losses is known for the cautious rival only")
    if g.shape != u.shape or g.dtype != u.dtype:
        raise UsageError(
            f"g is {g.dtype} of shape {tuple(g.shape)} and u {u.dtype} of shape {tuple(u.shape)}; give two alike"
        )
    if not (g.is_floating_point() and g.dim() and g.shape[-1]):
        raise UsageError("g and u must be floating-point tensors of shape (..., D) with D >= 1")
    if not bool(g.isfinite().all() and u.isfinite().all()):
        raise UsageError("g or u is NaN or infinite; give finite vectors")
