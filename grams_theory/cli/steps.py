"""What a run shows on standard error: warnings, and how far it is: a bar on a terminal, elsewhere every tenth."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from grams_theory.cli.console import console


@contextmanager
def plain_warnings() -> Iterator[None]:
    """Warnings of ours as lines on standard error, without the place in the code that they come from."""
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_, **__: click.echo(f"warning: {message}", err=True)
        yield


@contextmanager
def steps(doing: str, then: str) -> Iterator[Callable[[int, int], None]]:
    """A callback (done, total). `doing` says what is counted, `then` what comes when all is done."""
    err = console(stderr=True)
    if not err.is_terminal:

        def tell(done: int, total: int) -> None:
            if done * 10 // total > (done - 1) * 10 // total:
                err.print(f"{doing}: {done:,} of {total:,}{f', {then}' if done == total else ''}")

        yield tell
        return
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=err, transient=True) as bars:
        task = bars.add_task(doing, total=None)
        yield lambda done, total: bars.update(
            task, description=then if done == total else doing, completed=done, total=total
        )
