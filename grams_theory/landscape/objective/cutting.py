"""Whether the loss of a batch is the mean of the losses of its parts, as chunks and minibatches need it to be."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor

from grams_theory.core.errors import UsageError
from grams_theory.landscape.objective.data import Batch, pick, pieces, rows, size
from grams_theory.landscape.objective.terms import Count


def adds_up(
    batch: Batch, measure: Callable[[Batch], Sequence[Tensor]], count: Count, eps: float, flat: bool = False
) -> bool:
    """Whether what is measured of a batch is the mean of that of its halves, as far as rounding tells.

    Args:
        measure: tensors that are each a mean over the terms that `count` counts.
        flat: as in `data.pick`.

    Raises:
        UsageError: the batch cannot be cut.
    """
    half = size(batch[0]) // 2
    halves = [pick(batch, part, flat) for part in (slice(0, half), slice(half, None))]
    counted = [(part, n) for part in halves if (n := count(*part))]
    if not counted:
        return True
    parts, counts = [measure(part) for part, _ in counted], [n for _, n in counted]
    for whole, *found in zip(measure(batch), *parts, strict=True):
        mean = sum(n * x for n, x in zip(counts, found, strict=True)) / sum(counts)
        largest = max(x.norm().item() for x in (whole, *found))
        # half the digits: no rounding of a forward pass, however deep, takes as many
        if (mean - whole).norm().item() > eps**0.5 * largest:
            return False
    return True


def check(found: Sequence[Batch], limit: int, agree: Callable[[Batch], bool]) -> None:
    """Whether samples can be taken out of batches; where targets hold several rows to a sample, by what is measured.

    Args:
        limit: the most samples that are measured.
        agree: whether loss and gradient on some samples add up from their halves.

    Raises:
        UsageError: they cannot.
    """
    for batch in found:
        pick(batch, slice(0, 1), flat=True)
    batch = next((batch for batch in found if size(batch[0]) > 1 and rows(batch) > 1), None)
    if batch is None:
        return
    count, each = size(batch[0]), rows(batch)
    refusal = (
        f"a batch of {count} samples cannot be cut: if {each} rows of its targets belong to each, in order, "
    )
    advice = (
        f"; give targets of shape ({count}, {each}) and flatten them in loss_fn (if it ignores some of them, let "
        "loss_fn.terms(inputs, targets) count the others), or use all samples at once"
    )
    try:
        fits = agree(next(pieces((batch,), limit, flat=True)))
    except UsageError:
        raise
    except (IndexError, RuntimeError, ValueError) as error:
        raise UsageError(f"{refusal}a part of it fails ({error}){advice}") from error
    if not fits:
        raise UsageError(f"{refusal}its loss or gradient is not the mean of those of its parts{advice}")
