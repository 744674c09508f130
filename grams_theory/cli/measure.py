"""Commands that measure: estimate-pl, figure1."""

from pathlib import Path
from typing import Any

import click

from grams_theory.cli import complete
from grams_theory.cli.params import DEVICE, SEED, output_directory
from grams_theory.core.errors import UsageError


def _grouping(ctx: click.Context, param: click.Parameter, value: str) -> str | int:
    if value.isdigit() and int(value):
        return int(value)
    if value not in ("module", "parameter", "none"):
        raise click.BadParameter("give module, parameter, none, or how many parts of a module's path")
    return value


@click.command("estimate-pl")
@click.argument("loss", metavar="NAME|MODULE:FACTORY", shell_complete=complete.loss)
@click.option("--steps", type=click.IntRange(min=1), default=200, show_default=True, help="Points visited.")
@click.option(
    "--optimizer",
    metavar="NAME|MODULE:CLASS",
    shell_complete=complete.optimizer,
    help="Ours by name, or your torch optimizer (default: gradient descent with step 1/L).",
)
@click.option("--lr", type=float, help="Its learning rate (default: its own).")
@click.option("--f-star", type=float, help="The minimum, if it is known (default: it is bracketed).")
@click.option("--lower-bound", type=float, help="A lower bound of the loss, if one is known.")
@click.option(
    "--batch-size", type=click.IntRange(min=1), help="Also measure the noise of minibatches of this size."
)
@click.option("--chunk", type=click.IntRange(min=1), help="At most so many samples in memory at a time.")
@click.option(
    "--groups",
    default="module",
    show_default=True,
    callback=_grouping,
    metavar="HOW",
    help="How parameters are grouped: module, parameter, none, or a number of parts of a module's path.",
)
@click.option(
    "--dtype", type=click.Choice(["float64", "float32"]), help="To compute in (default: the model's own)."
)
@click.option("--no-curvature", is_flag=True, help="Leave out all Hessians.")
@click.option(
    "--checkpoints",
    type=click.IntRange(min=1),
    default=3,
    show_default=True,
    help="Points looked at for curvature and noise.",
)
@click.option(
    "--path", type=click.Path(exists=True), help="Data of a built-in loss that does not bring its own."
)
@click.option("--json", "json_file", metavar="FILE", help="Write everything that was measured.")
@click.option("--plot", "plot_file", metavar="FILE.png", help="Draw the run and what the theorems say of it.")
@output_directory("Where these files go.")
@SEED
@DEVICE
def estimate_pl(
    loss, optimizer, lr, dtype, no_curvature, path, json_file, plot_file, out, device, **options
) -> None:
    """Measure the PL constant, smoothness and alignment of a loss: a built-in name, or your module:factory.

    A factory takes no arguments and returns (model, loss_fn, data). The run starts at the model's weights and has exact
    gradients. Every number comes with an interval and the reason for it.

    \b
    Example: grams-theory estimate-pl breast_cancer_ridge --optimizer Grams --lr 0.01 --plot run.png
    """
    from grams_theory.cli.console import console
    from grams_theory.cli.steps import plain_warnings, steps
    from grams_theory.cli.tables import measured_table
    from grams_theory.core.files import check_writable, write_all

    targets = {name: Path(out) / file for name, file in (("json", json_file), ("plot", plot_file)) if file}
    check_writable(*targets.values(), option="--out")
    if plot_file and targets["plot"].suffix not in (".png", ".svg", ".pdf"):
        raise UsageError(f"--plot {plot_file}: give a file that ends with .png, .svg or .pdf")

    import torch

    from grams_theory.landscape import load
    from grams_theory.landscape.verdict import judge

    options |= {
        "optimizer": _class(optimizer) if optimizer else None,
        "lr": lr,
        "device": device,
        "dtype": getattr(torch, dtype) if dtype else None,
        "curvature": not no_curvature,
    }
    with plain_warnings(), steps() as progress:
        problem = load(loss, **({"path": path} if path else {}))
        estimate = problem.estimate(**options, progress=progress)
    run: dict[str, Any] = {
        "lr": _lr(estimate),
        "eps": estimate.eps_of_adam,
        "beta1": estimate.trajectory.betas[0],
    }
    contents = {}
    if json_file:
        contents[targets["json"]] = estimate.to_json().encode()
    if plot_file:
        contents[targets["plot"]] = _drawn(estimate, run, targets["plot"])
    write_all(contents, option="--out")
    measured = [estimate.table()]
    if len(estimate.groups) > 1:
        measured.append(estimate.groups_table())
    if optimizer:
        measured.append(judge(estimate, **run).table())
    terminal = console()
    for part in measured:
        terminal.print(measured_table(part, terminal.width))
    if contents:
        click.echo(f"wrote {' and '.join(map(str, contents))}")


def _class(optimizer: str) -> type:
    from grams_theory.engine.production import load

    return load(optimizer)


def _lr(estimate) -> float:
    """Of the run; gradient descent starts with steps of 1/L."""
    return estimate.eta or 1 / (estimate.smoothness.value or estimate.smoothness_seen.value or 1.0)


def _drawn(estimate, run: dict[str, Any], target: Path) -> bytes:
    from io import BytesIO

    from grams_theory.landscape.verdict.plot import draw

    drawn = BytesIO()
    draw(estimate, **run).savefig(drawn, format=target.suffix[1:])
    return drawn.getvalue()


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
