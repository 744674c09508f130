"""The command `grams-theory`: one thin function per command.

Torch, SymPy and the engine are imported inside the commands that need them: help, `list` and `show` are instant.
Exit codes: 0 as recorded, 1 something changed or is refuted, 2 bad usage, 130 interrupted.
"""

import errno
import io
import sys

import click

import grams_theory
from grams_theory.cli.claim import fuzz, list_claims, mutate, prove, replay, show
from grams_theory.cli.completion import completion, schema
from grams_theory.cli.measure import estimate_pl, figure1
from grams_theory.cli.scaffold import new_claim
from grams_theory.cli.study import study
from grams_theory.cli.verify import report, verify
from grams_theory.core.errors import GramsTheoryError, UsageError

BAD_USAGE = 2
INTERRUPTED = 130


class _BadUsage(click.ClickException):
    exit_code = BAD_USAGE


class _Commands(click.Group):
    """Lists commands in the order they were added; turns bad input into a message and an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def invoke(self, ctx: click.Context):
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):  # and nothing that a program put in its place
                stream.reconfigure(errors="replace")
        try:
            return super().invoke(ctx)
        except UsageError as error:
            raise _BadUsage(str(error)) from error
        except GramsTheoryError as error:
            raise click.ClickException(str(error)) from error
        except OSError as error:
            if error.errno == errno.EPIPE:  # whoever read has enough; click knows
                raise
            raise _BadUsage(
                f"cannot read or write {error.filename or 'the output'}: {error.strerror or error}"
            ) from error
        except KeyboardInterrupt as stopped:
            click.echo(str(stopped) or "interrupted; earlier output is untouched", err=True)
            ctx.exit(INTERRUPTED)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(grams_theory.__version__, prog_name="grams-theory")
def main() -> None:
    """Check the theorems of the Grams optimizer, and the optimizers themselves, by machine.

    \b
    Example: grams-theory verify
    """


for command in (
    verify,
    list_claims,
    show,
    prove,
    fuzz,
    mutate,
    replay,
    estimate_pl,
    figure1,
    study,
    report,
    new_claim,
    schema,
    completion,
):
    main.add_command(command)
