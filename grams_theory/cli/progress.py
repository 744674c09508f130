"""What a running campaign shows: a bar and the claims at work on a terminal, one line per finished claim elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from grams_theory.cli.console import console
from grams_theory.cli.tables import verdict_text
from grams_theory.core.summary import number

if TYPE_CHECKING:
    from grams_theory.core.ledger import ClaimResult
    from grams_theory.engine import Progress as Event

BAR = 24
"""Characters of the bar; with what stands beside it, it fits 40 columns."""


@contextmanager
def progress(shown: bool = True) -> Iterator[Callable[[Event], None] | None]:
    """A callback for the engine. Everything goes to standard error, so that standard output holds results only.

    None if nothing is to be shown, because another process does.
    """
    if not shown:
        yield None
        return
    err = console(stderr=True)
    if not err.is_terminal:
        yield lambda event: _finished(err, event.result)
        return
    board = Board()
    with Live(board, console=err, transient=True):

        def show(event: Event) -> None:
            _finished(err, event.result)
            board.note(event)

        yield show


class Board:
    """How far everything is, and a line for each claim at work: its stage, and the smallest margin so far."""

    def __init__(self) -> None:
        self._bar = Progress(BarColumn(BAR), TextColumn("{task.description}"), TimeElapsedColumn())
        self._task = self._bar.add_task("starting", total=None)
        self._lines: dict[str, Text] = {}

    def note(self, event: Event) -> None:
        alone = event.total == 1
        share = f"{event.share:.0%}" if alone else f"{event.done}/{event.total}"
        done = event.share if alone and event.stage == "fuzz" else event.done
        self._bar.update(self._task, description=share, completed=done, total=event.total)
        self._lines.pop(event.claim_id, None)
        if event.stage != "done":
            self._lines[event.claim_id] = working(event)

    def __rich__(self) -> Group:
        return Group(self._bar, *self._lines.values())


def working(event: Event) -> Text:
    """What a claim at work shows."""
    share = f" {event.share:.0%}" if event.stage == "fuzz" else ""
    best = "" if event.margin is None else f", smallest margin {number(event.margin)}"
    return Text(f"{event.claim_id}: {event.stage}{share}{best}")


def _finished(err: Console, result: ClaimResult | None) -> None:
    if result is None:
        return
    best = result.fuzz and result.fuzz.min_margin
    seen = "" if best is None else f"  smallest margin {number(best)}"
    err.print(Text.assemble(verdict_text(result.verdict), f"  {result.id}  {result.seconds:.1f} s{seen}"))
