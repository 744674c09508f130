"""Options that several commands share."""

from collections.abc import Callable

import click

SEED = click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Root of all random streams."
)
DEVICE = click.option(
    "--device", default="cpu", show_default=True, help="Where tensors live: cpu, cuda, cuda:1."
)
BUDGET = click.option(
    "--budget",
    default="default",
    show_default=True,
    help='Per claim: "default", a number of one-step cases (200000) or a time (30s, 5m).',
)
DTYPE = click.option(
    "--dtype",
    type=click.Choice(["float64", "float32", "bfloat16", "float16"]),
    default="float64",
    show_default=True,
    help="Of the weights; functions are always evaluated in float64.",
)


def streams(*choices: str) -> Callable:
    """The option --streams with these choices, the first by default."""
    meanings = {
        "auto": "compiled streams of production steps take a turn now and then, where they can",
        "off": "never",
        "only": "nothing else does, and a budget of cases is one of their steps",
    }
    text = "; ".join(f"{choice}: {meanings[choice]}" for choice in choices)
    return click.option(
        "--streams", type=click.Choice(choices), default=choices[0], show_default=True, help=f"{text}."
    )


def campaign(command: Callable) -> Callable:
    """The options of everything that fuzzes: --budget, --device, --dtype, --seed."""
    return BUDGET(DEVICE(DTYPE(SEED(command))))


def output_directory(help_text: str) -> Callable:
    return click.option("--out", default=".", show_default=True, metavar="DIR", help=help_text)
