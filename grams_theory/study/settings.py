"""What a study does, as plain data: everything that its numbers depend on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from grams_theory.core.errors import UsageError
from grams_theory.study import contenders

FULL, MINIBATCH = "full batch", "minibatch"
TUNING_SEED = 1000
"""Learning rates are chosen on seeds from here on; the seeds of the evaluation are 0, 1, 2, ..., all below it."""


@dataclass(frozen=True)
class Task:
    """How one loss takes part."""

    loss: str
    """A name of `grams_theory.landscape.losses`, or "module:factory"."""
    steps: int = 200
    batch: int = 32
    """Samples of a minibatch, and of the minibatches whose noise is measured."""
    modes: tuple[str, ...] = (FULL, MINIBATCH)
    samples: int | None = None
    """f is measured, and minimised by full-batch runs, on this many samples, always the same; None: on all."""
    test_samples: int | None = None
    """The same for the test set."""
    floor: int = 500
    """Evaluations of L-BFGS that are spent on the upper end of f*."""
    chunk: int | None = None
    """The most samples in one forward and backward pass."""
    shift: int = 0
    """Half decades by which the learning rates that are tried first are moved."""


@dataclass(frozen=True)
class Settings:
    """A whole study."""

    tasks: tuple[Task, ...]
    optimizers: tuple[str, ...] = contenders.MAIN
    seeds: int = 5
    """Runs of the evaluation per loss, mode and contender."""
    tuning_seeds: int = 2
    narrow: int = 0
    """Half decades by which each grid begins narrower, at both ends."""
    extensions: int = 3
    """How often a grid may grow, by two half decades each time, while its best rate is at its edge."""
    stages: int = 10
    """Intervals between the measured points of a run."""
    skew_batches: int = 64
    """Minibatches drawn for each measurement of the noise."""
    ablation: tuple[str, ...] = ()
    """Losses on which the ablation of momentum is run."""
    sweep: tuple[str, ...] = ()
    """Losses on which betas and the learning rate are varied together."""
    sweep_beta1: tuple[float, ...] = (0.8, 0.9, 0.95)
    sweep_beta2: tuple[float, ...] = (0.95, 0.99, 0.999)
    sweep_rates: tuple[int, ...] = (-1, 0, 1)
    """Half decades from the tuned rate."""
    paths: Mapping[str, str] = field(default_factory=dict)
    """Losses whose data must be supplied -> where it is."""
    device: str = "cpu"
    preset: str = ""

    def __post_init__(self) -> None:
        if not 2 <= self.seeds <= TUNING_SEED:
            raise UsageError(
                f"seeds={self.seeds} must be from 2 to {TUNING_SEED}: intervals need two runs or more, five are better"
            )
        names = [task.loss for task in self.tasks]
        if not names or len(set(names)) < len(names):
            raise UsageError(f"the losses are {names}; give one or more, each once")
        for name in self.optimizers:
            contenders.by_name(name)
        if contenders.HERO not in self.optimizers or len(set(self.optimizers)) < 2:
            raise UsageError(f"a study compares {contenders.HERO} with others; give it and at least one more")

    def contenders(self, task: Task) -> tuple[str, ...]:
        """Who is tuned and evaluated on a loss: the optimizers, and the arms of the ablation where it is run."""
        arms = contenders.ARMS if task.loss in self.ablation else ()
        return (*self.optimizers, *(name for name in arms if name not in self.optimizers))

    def contenders_of_all(self) -> tuple[str, ...]:
        """Everybody who takes part somewhere."""
        return tuple(dict.fromkeys(name for task in self.tasks for name in self.contenders(task)))

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return asdict(self)
