"""The losses as the study sees them: where a seed starts, and on which samples f and the test metric are measured."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import torch

from grams_theory.core.random import generator
from grams_theory.landscape import losses
from grams_theory.landscape.losses import Problem
from grams_theory.landscape.objective import Objective
from grams_theory.landscape.objective.data import batches, gather, size


@lru_cache(maxsize=2)
def load(loss: str, seed: int, path: str | None, device: str) -> Problem:
    """The loss with the initialisation of a seed. It is shared: an `Objective` copies the model before it moves."""
    problem = losses.load(loss) if ":" in loss else losses.by_name(loss, seed=seed, path=path)
    return problem if device == "cpu" else problem.to(device)


def objective(problem: Problem, device: str, samples: int | None, chunk: int | None) -> Objective:
    """f on all training samples, or on a fixed choice of `samples` of them."""
    data = some(problem.data, samples, problem.name)
    return Objective(problem.model, problem.loss_fn, data, device, chunk=chunk)


def some(data: Any, samples: int | None, name: str) -> Any:
    """`samples` samples of data, always the same ones; all if there are no more, or for None."""
    found = batches(data)
    count = sum(size(x) for x, _ in found)
    if samples is None or samples >= count:
        return data
    chosen = torch.randperm(count, generator=generator(0, "study", name, "samples"))[:samples]
    return gather(found, chosen.sort().values)


def start(f: Objective, name: str, seed: int) -> None:
    """Move to where a seed starts: the problem's own weights, unless they are all 0.

    Linear models start from 0 whatever the seed, so that full-batch runs of all seeds would be one run. Their
    matrices are drawn from N(0, 1/fan-in) instead, as those of the perceptrons are; biases stay 0.
    """
    if f.w.any():
        return
    with torch.no_grad():
        for index, p in enumerate(f.parameters):
            if p.dim() > 1:
                drawn = torch.randn(p.shape, generator=generator(seed, "study", name, index), dtype=p.dtype)
                p.copy_(drawn / math.sqrt(p[0].numel()))


def score(problem: Problem, f: Objective, test: Any, chunk: int | None) -> float:
    """The metric of a problem on held-out data, at the present weights of f; infinite where it overflows."""
    try:
        return problem.measure(f.model, test, **({} if chunk is None else {"chunk": chunk}))
    except OverflowError:
        return math.inf
