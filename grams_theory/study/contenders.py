"""Who takes part in the study: production optimizers under a name, with the learning rates that are tried first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch

from grams_theory.core.errors import UnknownNameError
from grams_theory.optim import Adam, CautiousAdam, CautiousLion, Grams, Lion
from grams_theory.study.ablation import MomentumAblation

ADAM_BETAS, LION_BETAS = (0.9, 0.999), (0.9, 0.99)
ADAM_RATES, LION_RATES = (-6, 0), (-8, -2)
"""Lowest and highest exponent k of the rates 10^(k/2) that are tried first."""


@dataclass(frozen=True)
class Contender:
    """An optimizer as the study runs it."""

    name: str
    label: str
    """What readers see."""
    make: Callable[..., torch.optim.Optimizer]
    """(parameters, lr=, betas=) -> optimizer."""
    betas: tuple[float, float] = ADAM_BETAS
    rates: tuple[int, int] = ADAM_RATES
    rival: bool = False
    """The paper says that Grams does better than this one."""


_ALL = (
    Contender("Grams", "Grams", Grams),
    Contender("Adam", "Adam", Adam, rival=True),
    Contender("CautiousAdam", "C-Adam", CautiousAdam, rival=True),
    Contender("CautiousAdamRescaled", "C-Adam, released", partial(CautiousAdam, mask_rescale=True)),
    Contender("Lion", "Lion", Lion, LION_BETAS, LION_RATES, rival=True),
    Contender("CautiousLion", "C-Lion", CautiousLion, LION_BETAS, LION_RATES, rival=True),
    Contender(
        "DirectionOnly",
        "momentum for direction only",
        partial(MomentumAblation, direction=True, magnitude=False),
    ),
    Contender("Neither", "no momentum", partial(MomentumAblation, direction=False, magnitude=False)),
)
CONTENDERS = {contender.name: contender for contender in _ALL}
HERO = "Grams"
ARMS = {"Adam": "both", "Grams": "magnitude only", "DirectionOnly": "direction only", "Neither": "neither"}
"""The ablation: contender -> what momentum is used for. Adam and Grams are, bit for bit, two of the four."""
MAIN = tuple(contender.name for contender in _ALL if contender.name not in set(ARMS) - {"Adam", "Grams"})


def by_name(name: str) -> Contender:
    """Raises UnknownNameError."""
    if name not in CONTENDERS:
        raise UnknownNameError("contender", name, CONTENDERS)
    return CONTENDERS[name]


def rate(k: int) -> float:
    """10^(k/2) to three digits: 0.001, 0.00316, 0.01, ..."""
    return float(f"{10 ** (k / 2):.3g}")
