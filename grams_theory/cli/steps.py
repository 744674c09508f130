"""What a run shows on standard error: warnings, and how far it is: a bar per stage on a terminal, elsewhere tenths."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from grams_theory.cli.console import console


@contextmanager
def plain_warnings() -> Iterator[None]:
    """Warnings of ours as lines on standard error, without the place in the code that they come from."""
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_, **__: click.echo(f"warning: {message}", err=True)
        yield


@contextmanager
def steps() -> Iterator[Callable[[str, int, int], None]]:
    """A callback (what is counted, done, total), for stages that follow each other; each begins with 0 done."""
    err = console(stderr=True)
    if not err.is_terminal:

        def tell(stage: str, done: int, total: int) -> None:
            if not done or done * 10 // total > (done - 1) * 10 // total:
                err.print(f"{stage}: {done:,} of {total:,}")

        yield tell
        return
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=err, transient=True) as bars:
        rows: dict[str, TaskID] = {}

        def show(stage: str, done: int, total: int) -> None:
            if stage not in rows:
                rows[stage] = bars.add_task(stage, total=total)
            bars.update(rows[stage], completed=done)

        yield show
