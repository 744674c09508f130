"""`python -m grams_theory.testing.conformance module:Class`: exits with 0 if all pass, 1 if not, 2 on bad usage."""

import sys

import click
import torch

from grams_theory.core.errors import UsageError
from grams_theory.testing import conformance
from grams_theory.testing.conformance.table import DTYPES


@click.command()
@click.argument("optimizer", metavar="MODULE:CLASS")
@click.option("--implementation", multiple=True, metavar="NAME", help="Of it; by default all that it has.")
@click.option(
    "--check", "checks", multiple=True, metavar="NAME", help="Only these; by default all quick ones."
)
@click.option("--slow", is_flag=True, help="The slow checks, too.")
@click.option("--device", default="cpu", show_default=True, help="Where its parameters are.")
@click.option(
    "--dtype", default="float64", show_default=True, type=click.Choice([str(d).split(".")[1] for d in DTYPES])
)
def main(
    optimizer: str,
    implementation: tuple[str, ...],
    checks: tuple[str, ...],
    slow: bool,
    device: str,
    dtype: str,
) -> None:
    """Hold an optimizer to what every torch optimizer owes its user, and print the table."""
    chosen = checks or (conformance.checks() if slow else None)
    try:
        report = conformance.run(
            optimizer,
            implementations=implementation or None,
            device=device,
            dtype=getattr(torch, dtype),
            checks=chosen,
        )
    except UsageError as error:
        raise click.UsageError(str(error)) from error
    click.echo(str(report))
    sys.exit(not report.passed)


if __name__ == "__main__":
    main(prog_name="python -m grams_theory.testing.conformance")
