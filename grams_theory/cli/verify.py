"""`verify` and `report`: the main job, and its page."""

import os
from pathlib import Path

import click

from grams_theory.cli import complete
from grams_theory.cli.params import campaign, output_directory, streams
from grams_theory.core.errors import UsageError


def _page(out: Path) -> Path:
    return out / "report" / "index.html"


def _names(ctx: click.Context, param: click.Parameter, value: str | None) -> list[str] | None:
    if value is None:
        return None
    names = [name.strip() for name in value.split(",") if name.strip()]
    if not names:
        raise click.BadParameter("give ids separated by commas, such as lemma-4.2,alignment")
    return names


@click.command()
@click.option(
    "--claims",
    callback=_names,
    shell_complete=complete.claims,
    metavar="A,B",
    help="Only these claims (default: all).",
)
@campaign
@streams("auto", "off")
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=min(4, os.cpu_count() or 1),
    show_default="one per core, at most 4",
    help="Processes that share the claims.",
)
@click.option("--json", "as_json", is_flag=True, help="Print verdicts.json instead of the table.")
@click.option("--examples", is_flag=True, help="Print what refutes a claim as Python to paste, too.")
@output_directory("Where verdicts.json and report/index.html go.")
@click.pass_context
def verify(ctx, claims, workers, as_json, examples, out, **campaign_options) -> None:
    """Prove and fuzz every claim, print the table of verdicts, write verdicts.json and report/index.html.

    A refutation that is not the recorded verdict is printed as a falsifying example, which can be pasted into Python.

    Exits with 0 when every verdict is the recorded one, 1 when one changed, 2 on bad usage.

    \b
    Example: grams-theory verify --claims lemma-4.2,comparison-sharp --budget 10s
    """
    from grams_theory.core.files import check_writable, write_all

    verdicts, page = Path(out) / "verdicts.json", _page(Path(out))
    check_writable(verdicts, page, option="--out")

    from grams_theory.cli.console import console
    from grams_theory.cli.example import falsifying_example
    from grams_theory.cli.progress import progress
    from grams_theory.cli.tables import ledger_report
    from grams_theory.core.document import dumps
    from grams_theory.engine import verify as run
    from grams_theory.report import render

    with progress() as callback:
        ledger = run(claims=claims, progress=callback, workers=workers, **campaign_options)
    document = dumps(ledger)
    write_all({verdicts: document.encode(), page: render(ledger).encode()}, option="--out")
    if as_json:
        click.echo(document, nl=False)
    else:
        terminal = console()
        terminal.print(ledger_report(ledger, terminal.width))
        for result in ledger.results:
            if examples or result.changed:
                click.echo(falsifying_example(result), nl=False)
        click.echo(f"wrote {verdicts} and {page}")
    if ledger.changed:
        click.echo(f"changed: {', '.join(ledger.changed)}", err=True)
        ctx.exit(1)


@click.command()
@click.argument("verdicts", type=click.Path(), default="verdicts.json")
@output_directory("Where report/index.html goes.")
def report(verdicts, out) -> None:
    """Draw the page report/index.html from a verdicts.json, without recomputing anything.

    \b
    Example: grams-theory report verdicts.json --out build
    """
    from grams_theory.core.document import loads
    from grams_theory.core.files import check_writable, write_all
    from grams_theory.report import render

    page = _page(Path(out))
    check_writable(page, option="--out")
    try:
        text = Path(verdicts).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {verdicts}: {error}; write one with `grams-theory verify`") from error
    write_all({page: render(loads(text)).encode()}, option="--out")
    click.echo(f"wrote {page}")
