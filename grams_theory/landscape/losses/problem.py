"""A loss to be measured: a model at its initial weights, a loss function, and the data."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from grams_theory.core.errors import UsageError
from grams_theory.core.random import generator
from grams_theory.landscape.estimate import PLEstimate, estimate_pl
from grams_theory.landscape.losses.metrics import METRICS, Metric
from grams_theory.landscape.objective import LossFunction
from grams_theory.landscape.objective.data import Batch, batches, gather, pieces, place, size

Size = Literal["small", "medium", "large"]
"""small: an estimate takes seconds on one core; medium: a minibatch step does, or less; large: for a GPU."""
CHUNK = 256


@dataclass(frozen=True)
class Problem:
    """A loss to be measured, and what belongs to it.

    `data` and `test` (held out, or None) are what `estimate_pl` takes: (inputs, targets), or an iterable of such pairs.
    """

    name: str
    title: str
    model: nn.Module
    loss_fn: LossFunction
    data: Any
    test: Any = None
    metric: Metric = "loss"
    size: Size = "small"
    source: str = ""
    """The data set, whose it is, its licence."""

    def estimate(self, **options) -> PLEstimate:
        """`estimate_pl` of this problem, with its keywords."""
        return estimate_pl(self.model, self.loss_fn, self.data, **options)

    def loader(self, batch_size: int, seed: int = 0) -> DataLoader:
        """Minibatches (inputs, targets) of the data in an order that the seed says, another one in each epoch.

        The last minibatch of an epoch is smaller if it must be. The order does not depend on torch's global stream.

        Raises:
            UsageError: batch_size < 1, or samples of several shapes.
        """
        if batch_size < 1:
            raise UsageError(f"batch_size={batch_size} must be at least 1")
        samples = _Samples(batches(self.data))
        return DataLoader(
            samples,
            batch_size,
            shuffle=True,
            generator=generator(seed, "minibatches", self.name),
            collate_fn=_as_it_is,
        )

    def measure(self, model: nn.Module | None = None, data: Any = None, chunk: int = CHUNK) -> float:
        """`metric` of a model (None: this one) on data (None: what is held out, else what is trained on).

        The model is put in eval mode meanwhile. At most `chunk` samples go through it at once.
        """
        model = self.model if model is None else model
        if data is None:
            data = self.data if self.test is None else self.test
        was_training = model.training
        model.eval()
        try:
            with torch.no_grad():
                return METRICS[self.metric](model, self.loss_fn, pieces(batches(data), chunk))
        finally:
            model.train(was_training)

    def to(self, device: str | torch.device | None = None, dtype: torch.dtype | None = None) -> Problem:
        """A copy on another device, or with weights and floating-point data of another dtype."""

        def moved(data: Any) -> Any:
            return place(data, lambda x: x.to(device, dtype if x.is_floating_point() else None))

        return replace(
            self,
            model=deepcopy(self.model).to(device=device, dtype=dtype),
            data=moved(_pairs(self.data)),
            test=None if self.test is None else moved(_pairs(self.test)),
        )


def _pairs(data: Any) -> Any:
    """One pair as it is, an iterable of pairs as a list."""
    found = batches(data)
    return found[0] if len(found) == 1 else list(found)


class _Samples(Dataset):
    """Gathers a whole minibatch at once."""

    def __init__(self, found: tuple[Batch, ...]) -> None:
        self.found = found
        self.count = sum(size(x) for x, _ in found)

    def __len__(self) -> int:
        return self.count

    def __getitems__(self, index: list[int]) -> Batch:
        together = gather(self.found, torch.tensor(index))
        if len(together) > 1:
            raise UsageError(
                "samples of several shapes do not fit in one minibatch; draw minibatches yourself"
            )
        return together[0]


def _as_it_is(batch: Any) -> Any:
    return batch
