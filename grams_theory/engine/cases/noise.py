"""Production runs with stochastic gradients, and their stationary means with a confidence radius."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from torch import Tensor

from grams_theory import families
from grams_theory.core.claim import Claim, Noise
from grams_theory.core.function import Family
from grams_theory.core.random import generator
from grams_theory.core.rounding import Ball
from grams_theory.engine.cases.structure import SEEDS, Structure
from grams_theory.engine.production import OURS, Rig

BATCH = LARGEST = 256
"""Independent replicas of each run."""
EXAMPLES = (1, 1)
CASES = 2
EXACT = True
ETAS = (1e-2, 5e-3)
SIGMAS = 6.0
"""Half-width of the confidence radius in standard errors of the mean over independent replicas."""


@dataclass(frozen=True)
class NoiseRecord:
    """Stationary means over replicas, per step size."""

    etas: tuple[float, ...]
    means: Mapping[str, Ball]
    losses: Mapping[str, Ball]

    def mean(self, name: str) -> Ball:
        """Mean weight in the second half of the run, shape (E,), with its confidence radius."""
        return self.means[name]

    def loss(self, name: str) -> Ball:
        """Mean loss gap f(w) - f* in the second half of the run, shape (E,), with its confidence radius."""
        return self.losses[name]

    def row(self, index: int) -> dict[str, float | dict[str, float]]:
        """One step size, and the mean weights that it leads to."""
        means = {name: ball.mid[index].item() for name, ball in self.means.items()}
        return {"eta": self.etas[index], "mean weight": means}


def _confident(samples: Tensor) -> Ball:
    """The mean of independent replicas, shape (R,) -> (), with SIGMAS standard errors."""
    return Ball(samples.mean(), SIGMAS * samples.std() / len(samples) ** 0.5)


def _stack(balls: list[Ball]) -> Ball:
    return Ball(torch.stack([ball.mid for ball in balls]), torch.stack([ball.rad for ball in balls]))


def pool(claim: Claim) -> list[Family]:
    """The stochastic families."""
    return [family for family in families.all_families() if "stochastic" in family.traits]


def strategy(claim: Claim, family: Family, batch: int = BATCH) -> SearchStrategy[Structure]:
    """What Hypothesis draws for a claim on noise: a seed."""
    return st.builds(
        Structure,
        family=st.just(family.name),
        dim=st.just(1),
        seed=SEEDS,
        batch=st.just(batch),
    )


def build(claim: Claim, structure: Structure, *, rig: Rig = OURS) -> tuple[NoiseRecord, Tensor]:
    """Run every optimizer of the claim at each step size from the minimiser, on shared noise."""
    assert isinstance(claim.setting, Noise)
    names = claim.setting.optimizers
    f = structure.functions(rig.device)
    assert f.minimizer is not None and f.minimum is not None
    means: dict[str, list[Ball]] = {name: [] for name in names}
    losses: dict[str, list[Ball]] = {name: [] for name in names}
    for eta in ETAS:
        steps = int(max(24 / eta, 4000))
        for name in names:
            gen = generator(structure.seed, "noise", device=rig.device)
            run = rig.subject(name, f.minimizer, eta, structure.hyper)
            total, loss = torch.zeros_like(f.minimizer), torch.zeros_like(f.smoothness)
            w = run.w
            for step in range(steps):
                run.step(f.gradient(w) + f.noise(gen, w.shape))
                w = run.w
                if step >= steps // 2:
                    total += w
                    loss += f.value(w) - f.minimum.mid
            tail = steps - steps // 2
            means[name].append(_confident((total / tail).squeeze(-1)))
            losses[name].append(_confident(loss / tail))
    record = NoiseRecord(
        ETAS, {n: _stack(b) for n, b in means.items()}, {n: _stack(b) for n, b in losses.items()}
    )
    return record, torch.ones(len(ETAS), dtype=torch.bool, device=rig.device)
