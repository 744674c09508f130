"""The tensors of a step, in columns: what a process holds of them, and how they are taken together or in pieces.

Columns are lists of equal length, [p, w, g, step count, *moments], with one entry for each parameter p; w is the part
of p that this process holds. A row is one entry of each.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from torch import Tensor

from grams_theory.optim._distributed import local_parts
from grams_theory.optim._tensors import PLAIN, as_real

PIECE, PIECE_ON_CPU = 2**24, 2**18
"""Elements that are taken at a time: so much memory do the results of operations fill, one after the other.

On a CPU they stay in its cache.
"""

Columns = Sequence[Sequence[Tensor]]
Row = Sequence[Tensor]


def held(params: Sequence[Tensor], *others: Sequence[Tensor], whole: bool = False) -> Columns:
    """Columns of parameters, gradients, step counts and moments: the parts that this process holds, or the whole.

    Complex tensors become pairs of reals.

    Raises:
        RuntimeError: a complex parameter is the conjugate of what is stored, so that nothing could be written to it.
    """
    complex_ones = any(dtype.is_complex for dtype in {p.dtype for p in params})
    if not complex_ones and (whole or all(type(p) in PLAIN for p in params)):
        return [params, params, *others]
    rows = []
    if any(p.is_conj() for p in params):
        raise RuntimeError(
            "a parameter is a conjugated view of its memory; give the optimizer p.resolve_conj()"
        )
    for row in zip(params, *others, strict=True):
        p, parts = row[0], row if whole else local_parts(*row)
        rows.append((p, *(map(as_real, parts) if p.is_complex() else parts)))
    return columns(rows)


def columns(rows: Sequence[Row]) -> Columns:
    return list(zip(*rows, strict=True))


def bundles(columns: Columns) -> list[Columns]:
    """Columns of one device and of the same dtypes of w and g each."""
    _, w, g, *_ = columns
    if max(len({x.dtype for x in w}), len({x.dtype for x in g}), len({x.device for x in w})) == 1:
        return [columns]
    places = defaultdict(list)
    for place, (x, y) in enumerate(zip(w, g, strict=True)):
        places[x.device, x.dtype, y.dtype].append(place)
    return [[[column[i] for i in chosen] for column in columns] for chosen in places.values()]


def is_large(row: Row) -> bool:
    """Whether the whole parameter has more elements than are taken at a time: all processes find the same."""
    return row[0].numel() > _limit(row[1])


def slices(row: Row) -> list[Row]:
    """A row as rows of at most so many elements as are taken at a time, if its arrays are contiguous and of one shape.

    Each is then a parameter of its own, with the step count of the whole.
    """
    _, w, g, step, *moments = row
    arrays, limit = (w, g, *moments), _limit(w)
    if w.numel() <= limit or not all(x.is_contiguous() and x.shape == w.shape for x in arrays):
        return [row]
    parts = zip(*(x.view(-1).split(limit) for x in arrays), strict=True)
    return [(w, w, g, step, *moments) for w, g, *moments in parts]


def cut(bundle: Columns) -> list[Columns]:
    """A bundle in pieces of at most so many elements as are taken at a time, or of one parameter."""
    params, w, *_ = bundle
    limit = _limit(w[0])
    starts, room = [], 0
    for place, p in enumerate(params):
        size = p.numel()  # of the whole parameter: all processes cut alike
        if size > room or not starts:
            starts.append(place)
            room = limit
        room -= size
    ends = [*starts[1:], len(params)]
    return [[column[start:end] for column in bundle] for start, end in zip(starts, ends, strict=True)]


def _limit(w: Tensor) -> int:
    return PIECE_ON_CPU if w.device.type == "cpu" else PIECE
