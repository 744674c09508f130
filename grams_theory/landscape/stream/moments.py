"""Adam's update u of a run that somebody else makes, from the moments that the optimizer keeps, or without them."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.optim import Optimizer

from grams_theory.landscape.alignment import AdamDirection, update_of
from grams_theory.landscape.stream.shadow import Shadow
from grams_theory.optim._snapshot import keeps_adam


class OwnMoments:
    """u from exp_avg and exp_avg_sq: the update that the optimizer's last step was made of, 0 where it made none."""

    own = True

    def __init__(self, optimizer: Optimizer, shadow: Shadow) -> None:
        self.optimizer, self.shadow = optimizer, shadow
        self.provenance = f"Adam's, from the moments of {type(optimizer).__name__}"

    @torch.no_grad()
    def __call__(self, g: Tensor) -> Tensor:
        groups = {p: group for group in self.optimizer.param_groups for p in group["params"]}
        found = {}
        for name, p in self.shadow.trained().items():
            state = self.optimizer.state.get(p, {})
            if p in groups and state:
                found[name] = update_of(state, groups[p])
        return self.shadow.vector(found)


class ProbedMoments:
    """u from the gradients at the probes, as if Adam had made a step at each and none between."""

    own = False

    def __init__(self, optimizer: Optimizer) -> None:
        self.direction = AdamDirection()
        name = type(optimizer).__name__
        self.provenance = f"Adam's, from the gradients of the probes, since {name} keeps no exp_avg_sq"

    def __call__(self, g: Tensor) -> Tensor:
        return self.direction(g)


Moments = OwnMoments | ProbedMoments


def moments(optimizer: Optimizer, shadow: Shadow) -> Moments:
    """To be called after the first step, when moments exist."""
    states = [optimizer.state.get(p, {}) for p in shadow.trained().values()]
    if any(states) and all(keeps_adam(state) for state in states if state):
        return OwnMoments(optimizer, shadow)
    return ProbedMoments(optimizer)
