"""What a running campaign shows: a bar on a terminal, one line per finished claim elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from grams_theory.cli.console import console
from grams_theory.cli.tables import verdict_text

if TYPE_CHECKING:
    from grams_theory.core.ledger import ClaimResult
    from grams_theory.engine import Progress as Event


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
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=err, transient=True) as bars:
        task = bars.add_task("starting", total=None)

        def show(event: Event) -> None:
            _finished(err, event.result)
            stage = f"{event.claim_id}: {event.stage} {event.share:.0%}"
            bars.update(task, description=stage, completed=event.done, total=event.total)

        yield show


def _finished(err: Console, result: ClaimResult | None) -> None:
    if result is not None:
        err.print(Text.assemble(verdict_text(result.verdict), f"  {result.id}  {result.seconds:.1f} s"))
