"""One state of a batch as plain numbers: what an exact recheck starts from."""

from dataclasses import fields
from typing import ClassVar


class Rows:
    """Mixin for a dataclass whose fields are Balls of shape (B, D), or (B, 1) if named in `constants`."""

    constants: ClassVar[frozenset[str]] = frozenset()

    def row(self, index: int) -> dict[str, list[float]]:
        """Field -> that state's float64 numbers."""
        return {field.name: getattr(self, field.name).mid[index].tolist() for field in fields(self)}  # type: ignore[arg-type]
