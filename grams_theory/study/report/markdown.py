"""Tables and words in Markdown: numbers, intervals, lists."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from grams_theory.core import summary

Json = dict[str, Any]
NOTHING = "–"


def number(value: float | int | str | None) -> str:
    """As everywhere, with U+2212 for each minus, those of exponents too: lines break after a hyphen."""
    return summary.number(value).replace("-", "−")


def marked(glyph: str, text: str) -> str:
    """A glyph and what it stands before, on one line."""
    return f"{glyph}\N{NO-BREAK SPACE}{text}"


def table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """Lines, the last of them empty."""
    yield f"| {' | '.join(header)} |"
    yield f"|{'---|' * len(header)}"
    for row in rows:
        yield f"| {' | '.join(map(_text, row))} |"
    yield ""


def _text(cell: Any) -> str:
    return number(cell) if isinstance(cell, int) else str(cell)


def interval(found: Json | None) -> str:
    """Mean and ends, as the document has them."""
    if found is None:
        return NOTHING
    return f"{number(found['mean'])} [{number(found['low'])}, {number(found['high'])}]"


def signed(value: float) -> str:
    return number(value) if value <= 0 else f"+{number(value)}"


def listed(names: Sequence[str]) -> str:
    """ "a, b and c"."""
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else "".join(names)


def span(seeds: Sequence[int]) -> str:
    """ "0 to 9"."""
    return f"{seeds[0]} to {seeds[-1]}" if len(seeds) > 1 else f"{seeds[0]}"
