"""One state of a batch as plain numbers: what an exact recheck starts from."""

from dataclasses import fields


class Rows:
    """Mixin for a dataclass whose fields are Balls with batch axis 0."""

    def row(self, index: int) -> dict[str, list[float]]:
        """Field -> that state's float64 numbers."""
        return {field.name: getattr(self, field.name).mid[index].tolist() for field in fields(self)}  # type: ignore[arg-type]
