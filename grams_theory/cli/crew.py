"""A command in several processes: process 0 speaks, all exit with the same code."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from grams_theory.cli import BAD_USAGE, INTERRUPTED
from grams_theory.core.errors import GramsTheoryError, UsageError

if TYPE_CHECKING:
    from grams_theory.engine.distributed import Crew


@contextmanager
def crew(ctx: click.Context) -> Iterator["Crew"]:
    """This process and those that torchrun started with it. The command ends with the block, all of them together."""
    from grams_theory.engine.distributed import ALONE, join

    mates, code = ALONE, 0
    try:
        with join() as mates:
            try:
                yield mates
            except GramsTheoryError as error:
                if mates.rank == 0:
                    click.echo(f"Error: {error}", err=True)
                code = BAD_USAGE if isinstance(error, UsageError) else 1
            except click.exceptions.Exit as leaving:
                code = leaving.exit_code
            sys.stdout.flush()
            if mates.size > 1:
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
    except KeyboardInterrupt:
        if mates.rank == 0:
            raise
        code = INTERRUPTED
    if (
        mates.size > 1
    ):  # torchrun terminates the others once one has failed: each leaves at once, with its own code
        os._exit(code)
    ctx.exit(code)
