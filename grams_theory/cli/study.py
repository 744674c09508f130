"""The command `study`: tuned runs of the optimizers on real losses, with intervals and verdicts."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from grams_theory.cli import complete
from grams_theory.core.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from grams_theory.study import Progress as Event

LINES = 50
"""About how many lines of progress are printed where there is no terminal."""
PRESETS = ("tiny", "small", "laptop", "gpu")


def _names(ctx: click.Context, param: click.Parameter, value: str | None) -> list[str] | None:
    if value is None:
        return None
    names = [name.strip() for name in value.split(",") if name.strip()]
    if not names:
        raise click.BadParameter("give names separated by commas")
    return names


def _losses(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names separated by commas: the last one is completed."""
    earlier, comma, last = incomplete.rpartition(",")
    return [CompletionItem(f"{earlier}{comma}{item.value}") for item in complete.loss(ctx, param, last)]


def _paths(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    pairs = [value.partition("=") for value in values]
    if not all(name and sign and path for name, sign, path in pairs):
        raise click.BadParameter("give LOSS=PATH, such as wrn_50_2=data/cifar-10-batches-py")
    return {name: path for name, _, path in pairs}


@click.command()
@click.option("--preset", type=click.Choice(PRESETS), default="small", show_default=True, help="The size.")
@click.option(
    "--out", default="study-results", show_default=True, metavar="DIR", help="Where everything goes."
)
@click.option("--seeds", type=click.IntRange(min=2), help="Runs per entry (default: the preset's).")
@click.option(
    "--losses",
    callback=_names,
    metavar="A,B",
    shell_complete=_losses,
    help="Only these losses, or your module:factory.",
)
@click.option("--optimizers", callback=_names, metavar="A,B", help="Only these; Grams must be one.")
@click.option(
    "--resume/--restart", default=True, show_default=True, help="Go on with the study in DIR, or drop it."
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=os.cpu_count() or 1,
    show_default="one per core",
    help="Processes, of one thread each.",
)
@click.option("--device", help="Where tensors live: cpu, cuda, cuda:1 (default: the preset's).")
@click.option(
    "--path", "paths", multiple=True, callback=_paths, metavar="LOSS=PATH", help="Data that are not shipped."
)
@click.option("--page", metavar="FILE", help="Where the page goes (default: DIR/report.md).")
@click.option("--redraw", is_flag=True, help="Only write the page of DIR/study.json again.")
def study(preset, out, resume, workers, page, redraw, **chosen) -> None:
    """Tune Grams and its rivals on real losses, run them on several seeds, and say whether the paper's ordering holds.

    Writes study.json, and a page with figures beside it. It can be stopped at any time (Ctrl-C, kill -9): the same
    command goes on where it was, with the same results.

    \b
    Example: grams-theory study --preset small --out study-results
    """
    from grams_theory.cli.steps import plain_warnings
    from grams_theory.core.files import check_writable, write_all

    folder = Path(out)
    document, target = folder / "study.json", Path(page) if page else folder / "report.md"
    check_writable(document, target, option="--out")

    from grams_theory import study as package

    if redraw:
        if not document.exists():
            raise UsageError(f"there is no {document}; run the study without --redraw")
        found = package.loads(document.read_text(encoding="utf-8"))
    else:
        settings = package.choose(preset, **chosen)
        with plain_warnings(), _progress() as report:
            found = package.conduct(settings, folder, workers=workers, restart=not resume, progress=report)
        write_all({document: package.dumps(found).encode()}, option="--out")
    pages = package.render(found, target.name)
    write_all({target.parent / name: data for name, data in pages.items()}, option="--page")
    for line in package.verdict_lines(found):
        click.echo(line)
    click.echo(f"wrote {document} and {target}")


@contextmanager
def _progress() -> Iterator[Callable[[Event], None]]:
    """A bar on a terminal, a line now and then elsewhere, on standard error."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from grams_theory.cli.console import console

    err = console(stderr=True)
    if not err.is_terminal:
        yield _Lines(err)
        return
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=err, transient=True) as bars:
        task = bars.add_task("starting", total=None)

        def show(event: Event) -> None:
            bars.update(task, description=_text(event), completed=event.done, total=event.expected)

        yield show


class _Lines:
    """Prints the first event, the last, and about `LINES` between."""

    def __init__(self, err: Console) -> None:
        self.err, self.printed = err, -1.0

    def __call__(self, event: Event) -> None:
        share = event.done / max(event.expected, 1)
        if share - self.printed >= 1 / LINES or event.done == event.expected:
            self.printed = share
            self.err.print(f"{event.done} of {event.expected} cells, {_text(event)}")


def _text(event: Event) -> str:
    left = "" if event.seconds_left is None else f"about {_duration(event.seconds_left)} left"
    return ", ".join(filter(None, (left, event.cell.loss if event.cell else "starting")))


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
