"""One-step cases that climb toward a violation, along derivatives through the definitions of the steps.

Weights and gradient history are free. Whether a case that was climbed to violates the claim is for production to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from grams_theory.core.claim import Claim, OneStep
from grams_theory.core.rounding import Ball
from grams_theory.engine.cases.step import State, Step, longest_step_size
from grams_theory.engine.production import Rig
from grams_theory.engine.search import Objective, descend
from grams_theory.engine.updates import Definition, base_update
from grams_theory.symbolic.twin import role

NEGLIGIBLE = 1e-6
"""Changes of a margin this far below the magnitude of its terms count as none."""


def climb(claim: Claim, state: State, rig: Rig, *, fraction: float, steps: int) -> State:
    """The state after that many steps, row by row the worst that was met; in numbers of the weights' dtype.

    Nothing moves where the functions are not differentiable by autograd.
    """
    w, history = state.w, torch.stack((*state.history, state.f.gradient(state.w)))[:-1]
    reach = state.f.gradient(w).norm(dim=-1, keepdim=True) / state.f.smoothness.unsqueeze(-1)
    scales = reach, history.square().mean(-1, keepdim=True).sqrt()
    w, history = descend(relative_margin(claim, state, fraction), (w, history), scales, steps)
    return replace(state, w=rig.narrow(w), history=tuple(rig.narrow(history)))


def relative_margin(claim: Claim, state: State, fraction: float) -> Objective:
    """Weights (B, D) and history (T, B, D) -> how near the margin of row b is to 0, negative beyond, shape (B,).

    Rows share the parts of the claim evenly. A margin m is compared with the magnitude of its terms; but if the premise
    bounds the step size η, with |m| and |m(η) − 2 m(η/2)|. Of m = αη − βη² that leaves α/(βη), how far η is from the
    end of what is true, where a margin whose terms cancel would hide it.
    """
    setting = claim.setting
    assert isinstance(setting, OneStep)
    f, base = state.f, base_update(setting)

    def margins(step: Step, eta: Tensor) -> list[Ball]:
        moved = {name: -eta.unsqueeze(-1) * getattr(step, role(name).step).mid for name in setting.optimizers}
        assert claim.margin is not None
        return list(claim.margin(replace(step, eta=eta, moved=moved)).values())

    def objective(variables: Sequence[Tensor]) -> Tensor:
        w, history = variables
        g = f.gradient(Ball.exact(w))
        gradients = (*history, g.mid)
        u = base.formula(gradients, state.hyper)
        exact = torch.zeros_like(w)
        update = Definition(Ball(u, exact), rounding=exact, lost=exact)
        step = Step.before(claim, f, w, g, gradients, update, unit=0.0)
        eta = fraction * longest_step_size(setting, step).low
        found = margins(step, eta)
        sizes = [margin.terms for margin in found]
        if setting.step_size is not None:
            bent = [
                margin.mid - 2 * half.mid for margin, half in zip(found, margins(step, eta / 2), strict=True)
            ]
            sizes = [
                margin.mid.abs() + bend.abs() + NEGLIGIBLE * size
                for margin, bend, size in zip(found, bent, sizes, strict=True)
            ]
        relative = torch.stack([margin.mid / size for margin, size in zip(found, sizes, strict=True)])
        row = torch.arange(len(w), device=w.device)
        return torch.where(eta > 0, relative[row % len(relative), row], torch.inf)

    return objective
