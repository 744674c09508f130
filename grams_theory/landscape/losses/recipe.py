"""What a built-in loss is, before its data are loaded, and how it is made."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import nn

from grams_theory.core.errors import UsageError
from grams_theory.landscape.losses.metrics import Metric
from grams_theory.landscape.losses.problem import Problem, Size
from grams_theory.landscape.losses.sources import Data
from grams_theory.landscape.objective import LossFunction


class Parts(NamedTuple):
    """What a recipe builds."""

    model: nn.Module
    loss_fn: LossFunction
    data: Data
    test: Data | None = None


@dataclass(frozen=True)
class Recipe:
    """A loss by name. `build(*, seed, ...)` returns its parts; its other keywords are the options of the loss."""

    name: str
    title: str
    build: Callable[..., Parts]
    source: str
    metric: Metric
    size: Size = "small"
    supply: str = ""
    """What a path may hold; empty if the loss takes none."""
    needs_path: bool = False
    """Whether there is no loss without a path."""

    @property
    def options(self) -> tuple[str, ...]:
        """Keywords of `by_name`, besides seed and path."""
        return tuple(name for name in self.keywords if name not in ("seed", "path"))

    @property
    def keywords(self) -> tuple[str, ...]:
        """Of `build`: seed, path if it takes one, and the options."""
        return tuple(inspect.signature(self.build).parameters)

    def make(self, seed: int = 0, path: str | os.PathLike[str] | None = None, **options) -> Problem:
        """The loss at its initial weights. torch's global stream is left as it was.

        Raises:
            UsageError: an unknown option, a path where none is taken, data that are missing or broken.
        """
        unknown = [name for name in options if name not in self.options]
        if unknown:
            allowed = f"it has {', '.join(self.options)}" if self.options else "it has none"
            raise UsageError(f"{self.name} has no option {', '.join(unknown)}; {allowed}")
        if "path" in self.keywords:
            options["path"] = path
        elif path is not None:
            raise UsageError(f"{self.name} takes no path: its data are {self.source}")
        with torch.random.fork_rng(devices=[]):
            parts = self.build(seed=seed, **options)
        return Problem(
            self.name,
            self.title,
            *parts,
            metric=self.metric,
            size=self.size,
            source=self.source if path is None else f"from {path}: {self.supply}",
        )
