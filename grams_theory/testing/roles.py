"""Which role an optimizer plays by nature, seen from its steps, and which claims speak of that role."""

from __future__ import annotations

from fractions import Fraction
from functools import cache

import torch

from grams_theory import claims
from grams_theory.core.claim import Claim, Noise, OneStep, Run
from grams_theory.core.random import generator
from grams_theory.core.verdict import Verdict
from grams_theory.engine.exact import rational
from grams_theory.engine.production import Hyper, OptimizerClass, Rig
from grams_theory.engine.updates import UPDATES
from grams_theory.symbolic import twin

ROWS, DIM, STEPS = 16, 8, 6
HYPER = Hyper((0.9, 0.99), 1e-6)
LIKENESS = 0.5
"""The nearest role is natural if the steps differ by at most this share of their length."""


@cache
def natural_role(optimizer: OptimizerClass) -> str | None:
    """The role whose definition the optimizer's steps are nearest to, on a few histories of normal gradients.

    A faulty optimizer is recognised as long as its fault is smaller than the difference between two roles. None if no
    role is near, or if it fails to step: state one then.
    """
    gen = generator(0, "natural role")
    w, *gradients = torch.randn((STEPS, ROWS, DIM), generator=gen, dtype=torch.float64)
    rig = Rig(cast={"it": optimizer})
    try:
        hyper = rig.told(HYPER)
        moved = rig.displacement("it", w, gradients, 1.0, hyper)
    except Exception:  # the optimizer's own
        return None
    distances = {}
    for name, role in twin.ROLES.items():
        u = UPDATES[role.update].define(gradients, hyper, rig.unit, rig.tiny).u.mid
        g, u = (list(map(rational, x.flatten().tolist())) for x in (gradients[-1], u))
        expected = [float(Fraction(str(x))) for x in twin.displacement(name, g, u, 1)]
        distances[name] = (moved.flatten() - torch.tensor(expected)).norm() / torch.tensor(expected).norm()
    nearest = min(distances, key=distances.__getitem__)
    return nearest if distances[nearest] <= LIKENESS else None


def claims_about(role: str) -> tuple[Claim, ...]:
    """The claims that speak of that role's steps and that our own optimizers keep, in the order of the paper."""
    kept = (Verdict.PROVED, Verdict.SURVIVED)
    return tuple(
        claim
        for claim in claims.all_claims()
        if isinstance(claim.setting, OneStep | Run | Noise)
        and role in claim.setting.optimizers
        and claim.recorded in kept
    )
