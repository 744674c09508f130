"""The data of a loss as batches of (inputs, targets): drawn once, cut into pieces, gathered by sample."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import BatchSampler, DataLoader, Dataset, SequentialSampler

from grams_theory.core.errors import UsageError

Inputs = Tensor | tuple[Any, ...] | Mapping[str, Any]
"""What a model is called with: one tensor, several in order, or several by name. Samples lie along the first axis."""
Batch = tuple[Any, Tensor | None]
"""Inputs and targets."""
_WANTED = (
    "data must be a pair of tensors (inputs, targets), or an iterable of such pairs; inputs may also be a tuple of "
    "tensors or a mapping of names to tensors, targets None, and a mapping alone is inputs without targets"
)


def batches(data: Any) -> tuple[Batch, ...]:
    """(inputs, targets), a mapping of inputs, or an iterable of these, as a tuple of pairs.

    Each is drawn once and kept: a loader that shuffles, or changes its samples at random, gives those of one pass.

    Raises:
        UsageError: anything else.
    """
    if _is_batch(data):
        return (_batch(data),)
    if isinstance(data, Dataset) and not isinstance(data, Iterable):
        raise UsageError(f"{_WANTED}; wrap {type(data).__name__} in a torch.utils.data.DataLoader")
    if isinstance(data, Tensor) or not isinstance(data, Iterable):
        raise UsageError(f"{_WANTED}; got {type(data).__name__}")
    _warn_if_incomplete(data)
    found = tuple(data)
    if not found:
        raise UsageError("data is empty: there is no loss to measure")
    for index, item in enumerate(found):
        if not _is_batch(item):
            raise UsageError(f"{_WANTED}; item {index} is {type(item).__name__}")
    return tuple(map(_batch, found))


def origin(data: Any, samples: int) -> str:
    """Where the samples come from, for a provenance."""
    if not isinstance(data, DataLoader) or isinstance(data.sampler, SequentialSampler):
        return f"{samples} samples"
    return f"{samples} samples, those of one pass of a DataLoader that draws them by {type(data.sampler).__name__}"


def outputs(model: Callable[..., Any], inputs: Inputs) -> Any:
    """The model called with a tensor, several tensors, or tensors by name."""
    if isinstance(inputs, Mapping):
        return model(**inputs)
    return model(*inputs) if isinstance(inputs, tuple) else model(inputs)


def size(inputs: Inputs) -> int:
    """The number of samples in a batch: the length of its first tensor. Raises `UsageError` if it has none."""
    for x in _parts(inputs):
        if isinstance(x, Tensor) and x.dim():
            return len(x)
    raise UsageError("a batch has no tensor with an axis of samples; inputs are of shape (samples, ...)")


def place(x: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """Inputs or targets with every tensor changed; what is no tensor is left."""
    if isinstance(x, Tensor):
        return change(x)
    if isinstance(x, Mapping):
        return {name: place(part, change) for name, part in x.items()}
    return tuple(place(part, change) for part in x) if isinstance(x, tuple | list) else x


def rows(batch: Batch) -> int:
    """How many rows of the targets belong to a sample, if they can be shared out: more than 1 for flattened tokens."""
    inputs, targets = batch
    if not isinstance(targets, Tensor) or not targets.dim():
        return 1
    each, left = divmod(len(targets), size(inputs))
    return 1 if left or not each else each


def pick(batch: Batch, samples: slice | Tensor, flat: bool = False) -> Batch:
    """Some samples of a batch.

    Args:
        flat: whether targets may hold several rows of each sample, one sample after the other (see `rows`).

    Raises:
        UsageError: its tensors do not have one axis of samples in common.
    """
    count = size(batch[0])

    def change(x: Tensor) -> Tensor:
        if not x.dim() or len(x) != count:
            raise UsageError(
                f"a batch of {count} samples cannot be cut: one of its tensors is of shape {tuple(x.shape)}; "
                "give every tensor the samples as first axis (targets of tokens as (samples, tokens), flattened in "
                "loss_fn), or use all samples at once"
            )
        return x[samples] if isinstance(samples, slice) else x.index_select(0, samples.to(x.device))

    inputs, targets = batch
    if flat and targets is not None and (each := rows(batch)) > 1:
        return place(inputs, change), change(targets.unflatten(0, (count, each))).flatten(0, 1)
    return place(inputs, change), place(targets, change)


def few(batch: Batch, count: int) -> Batch:
    """The first samples of a batch; all of them if it cannot be cut, as where a model flattens texts into tokens."""
    try:
        return pick(batch, slice(0, count))
    except UsageError:
        return batch


def pieces(found: Iterable[Batch], chunk: int | None, flat: bool = False) -> Iterator[Batch]:
    """The batches in order, each cut into pieces of at most `chunk` samples; `flat` as in `pick`."""
    for batch in found:
        count = size(batch[0])
        if chunk is None or count <= chunk:
            yield batch
        else:
            yield from (pick(batch, slice(at, at + chunk), flat) for at in range(0, count, chunk))


def gather(found: tuple[Batch, ...], index: Tensor, flat: bool = False) -> list[Batch]:
    """The samples with these numbers, (K,) int64, counted through all batches: one batch per shape of sample.

    `flat` as in `pick`.
    """
    if len(found) == 1:
        return [pick(found[0], index, flat)]
    sizes = torch.tensor([size(x) for x, _ in found])
    ends = sizes.cumsum(0)
    index = index.cpu()
    owner = torch.searchsorted(ends, index, right=True)
    alike: dict[Any, tuple[list[Any], list[Any]]] = {}
    for number in owner.unique().tolist():
        local = index[owner == number] - (ends[number] - sizes[number])
        inputs, targets = pick(found[number], local, flat)
        group = alike.setdefault((rows(found[number]), _signature((inputs, targets))), ([], []))
        group[0].append(inputs)
        group[1].append(targets)
    return [(_join(inputs), _join(targets)) for inputs, targets in alike.values()]


def _is_batch(item: Any) -> bool:
    if isinstance(item, Mapping):
        return any(isinstance(x, Tensor) for x in item.values())
    if not (isinstance(item, tuple | list) and len(item) == 2):
        return False
    inputs, targets = item
    several = isinstance(inputs, tuple | list) and bool(inputs) and all(isinstance(x, Tensor) for x in inputs)
    named = isinstance(inputs, Mapping) and any(isinstance(x, Tensor) for x in inputs.values())
    return (isinstance(inputs, Tensor) or several or named) and (
        targets is None or isinstance(targets, Tensor)
    )


def _batch(item: Any) -> Batch:
    inputs, targets = (item, None) if isinstance(item, Mapping) else item
    return (tuple(inputs) if isinstance(inputs, list) else inputs), targets


def _parts(inputs: Any) -> Iterable[Any]:
    if isinstance(inputs, Mapping):
        return inputs.values()
    return inputs if isinstance(inputs, tuple) else (inputs,)


def _signature(x: Any) -> Any:
    """What two batches must share to be joined."""
    if isinstance(x, Tensor):
        return x.dtype, x.device, x.shape[1:]
    if isinstance(x, Mapping):
        return tuple((name, _signature(part)) for name, part in x.items())
    return tuple(map(_signature, x)) if isinstance(x, tuple) else repr(x)


def _join(group: list[Any]) -> Any:
    first = group[0]
    if len(group) == 1:
        return first
    if isinstance(first, Tensor):
        return torch.cat(group)
    if isinstance(first, Mapping):
        return {name: _join([batch[name] for batch in group]) for name in first}
    return tuple(map(_join, map(list, zip(*group, strict=True)))) if isinstance(first, tuple) else first


def _warn_if_incomplete(data: Any) -> None:
    if not (isinstance(data, DataLoader) and isinstance(data.batch_sampler, BatchSampler) and data.drop_last):
        return
    drawn, kept = len(data.sampler), len(data.batch_sampler) * data.batch_sampler.batch_size  # type: ignore[arg-type]
    if kept < drawn:
        warnings.warn(
            f"the DataLoader drops its last batch: {drawn - kept} of {drawn} samples are missing from the loss; "
            "make it with drop_last=False",
            stacklevel=5,
        )
