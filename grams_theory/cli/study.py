"""Commands that measure: estimate-pl, figure1."""

from pathlib import Path

import click

from grams_theory.cli.params import DEVICE, SEED, output_directory
from grams_theory.core.errors import UsageError


@click.command("estimate-pl")
@click.argument("loss")
@click.option("--steps", type=click.IntRange(min=1), default=200, show_default=True, help="Points visited.")
@SEED
@DEVICE
def estimate_pl(loss, steps, seed, device) -> None:
    """Measure the PL constant, smoothness and alignment of a loss: a built-in name, or your module:factory.

    \b
    Example: grams-theory estimate-pl breast_cancer_ridge
    """
    from grams_theory.cli.console import console
    from grams_theory.cli.tables import measured_table
    from grams_theory.landscape import load

    estimate, terminal = load(loss).estimate(steps=steps, seed=seed, device=device), console()
    terminal.print(measured_table(estimate.table(), terminal.width))


def _point(ctx: click.Context, param: click.Parameter, value: str) -> tuple[float, float]:
    try:
        first, second = (float(part) for part in value.split(","))
    except ValueError:
        raise click.BadParameter("give two numbers separated by a comma, such as 1,1") from None
    return first, second


@click.command()
@click.option(
    "--start", default="1,1", show_default=True, callback=_point, metavar="W1,W2", help="Starting point."
)
@click.option(
    "--steps", type=click.IntRange(min=1), default=1000, show_default=True, help="Steps of each optimizer."
)
@output_directory("Where figure1.png and figure1.svg go.")
def figure1(start, steps, out) -> None:
    """Draw the paper's Figure 1 from runs of the production optimizers.

    \b
    Example: grams-theory figure1 --start 1,1 --steps 1000
    """
    from grams_theory.core.files import check_writable, write_all

    png, svg = Path(out) / "figure1.png", Path(out) / "figure1.svg"
    check_writable(png, svg, option="--out")

    from grams_theory.claims.figure_1 import figure1_runs
    from grams_theory.report.figure1 import draw

    if not all(abs(coordinate) < float("inf") for coordinate in start):
        raise UsageError(f"--start {start} must be finite")
    runs = figure1_runs(start, steps)
    write_all({png: draw(runs, "png"), svg: draw(runs, "svg")}, option="--out")
    click.echo(f"wrote {png} and {svg}")
