"""The optimizers that users train with, stepped once."""

from collections.abc import Sequence
from fractions import Fraction

import torch

from grams_theory import optim


def displacement(
    name: str,
    gradients: Sequence[Sequence[Fraction]],
    betas: Sequence[Fraction],
    eps: Fraction,
    eta: Fraction,
    **options: bool,
) -> list[Fraction]:
    """w_next − w of the last step in float64, from w = 0: the floats that it is, as rationals."""
    w = torch.nn.Parameter(torch.zeros(len(gradients[-1]), dtype=torch.float64))
    numbers = {"lr": float(eta), "betas": tuple(map(float, betas)), "eps": float(eps)}
    optimizer = optim.by_name(name)([w], **numbers, **options)
    for gradient in gradients:
        w.data.zero_()
        w.grad = torch.tensor([float(x) for x in gradient], dtype=torch.float64)
        optimizer.step()
    return [Fraction(x) for x in w.tolist()]
