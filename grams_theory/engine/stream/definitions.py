"""Base updates by definition in `Prior` arithmetic, with bounds on their rounding that are known beforehand.

Adam's u = m / (sqrt(v) + eps) after t gradients, with corrected moments. Let s be the average of |g| that has the
weights of m, and U = s / (sqrt(v) + eps) >= |u|. What is computed here errs by no more than a U + b |u|, and so does a
correct implementation in the tested dtype, with numbers a and b that follow from t and the hyperparameters:

- A term keep^(t - i) weight g_i of m takes part in t - i + 1 products and as many sums at most, and its weight is
  itself rounded: |error of m| <= (2 t + 1) unit s. The terms of v are >= 0 and squared before: its relative error is
  (2 t + 2) unit.
- `updates.Average` allows an implementation 8 roundings of s at each step and averages earlier errors as m: 8 t s
  together, since keep times an earlier s is no more than s. For v, with squares rounded twice, 8 t + 2. Where
  0 < keep < 1/2 there are 2 roundings of the earlier s more, which is no more than s / keep. From there on the
  allowances are those of `updates.AdamMoments.definition`, each for the largest magnitude that it can see.
- If the numerator errs by n s and the denominator by d of itself, the quotient errs by (n U + d |u|) / (1 - d).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from grams_theory.core.rounding import UNIT
from grams_theory.engine.production import Hyper
from grams_theory.engine.stream.prior import Prior, up
from grams_theory.engine.updates import SINGLE, SLACK, Define, Definition, bias_correction


def define_adam(
    gradients: Sequence[Tensor], hyper: Hyper, unit: float = UNIT, tiny: float = 0.0
) -> Definition:
    """As `updates.define_adam`, where nothing underflows."""
    t, (keep1, keep2) = len(gradients), hyper.betas
    weight1, weight2 = (bias_correction(beta, 1) for beta in hyper.betas)
    m = s = v = torch.zeros_like(gradients[0], dtype=torch.float64)
    for g in gradients:
        m, s, v = keep1 * m + weight1 * g, keep1 * s + weight1 * g.abs(), keep2 * v + weight2 * (g * g)
    c1, c2 = corrections = [bias_correction(beta, t) for beta in hyper.betas]
    inverse = (v.sqrt() * (c1 / c2**0.5) + hyper.eps * c1).reciprocal()
    u, size = m * inverse, s * inverse
    mean, root = (2 * t + 1) * UNIT, _root((2 * t + 2) * UNIT) + 4 * UNIT
    low = 1 - (4 * t + 20) * UNIT  # `size` is no less than this times U

    def bound(numerator: float, denominator: float, more: float) -> tuple[float, float]:
        of_size, of_u = (error / (1 - denominator) for error in (numerator, denominator))
        return up(of_size * (1 + more) / low), up(of_u * (1 + more) + more)

    # 6 for the factor and its product, a sum; 2 for 1 / x and a product
    of_size, of_u = bound(mean, root + 7 * UNIT, 3 * UNIT)
    powers = [min(unit, SINGLE) * (1 + beta**t / c) for beta, c in zip(hyper.betas, corrections, strict=True)]
    allowed_of_size, allowed_of_u = bound(*_implementation(t, hyper, unit, powers), SLACK * 3 * unit)
    allowed_of_size += of_size * (1 + allowed_of_u)  # |exact u| is no more than |u| + of_size size + of_u |u|
    allowed_of_u = of_u + allowed_of_u * (1 + of_u)
    rounding = size * up(allowed_of_size) + u.abs() * up(allowed_of_u)
    return Definition(Prior(u, size, of_u, of_size), rounding, torch.zeros_like(size))


def _implementation(t: int, hyper: Hyper, unit: float, powers: Sequence[float]) -> tuple[float, float]:
    """How far its numerator may be off, in units of s, and its denominator, of itself."""
    averaged, squared = (
        SLACK * t * unit * (4 + (1 / keep if 0 < keep < 0.5 else 0.0)) for keep in hyper.betas
    )

    def rounded(error: float, roundings: float) -> float:
        return error + SLACK * roundings * (1 + error)

    numerator = rounded(averaged, unit + powers[0])
    square = rounded(squared + SLACK * unit, unit + powers[1])
    return numerator, rounded(rounded(_root(square), unit), 2 * unit)


def _root(error: float) -> float:
    """The relative error of the root of a number >= 0 with that relative error."""
    return error / (2 - error)


DEFINITIONS: Mapping[str, Define] = {"adam": define_adam}
"""By the name of the update; the others are computed as `updates` says."""
