"""A measured number that cannot be separated from where it comes from."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Quantity:
    """A value, the interval that it is known to lie in, and why.

    `value` is None where nothing can be said, and `low` or `high` where that side is open.
    """

    value: float | None
    provenance: str
    low: float | None = None
    high: float | None = None
