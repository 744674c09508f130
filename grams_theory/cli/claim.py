"""Commands about one claim: list, show, prove, fuzz, replay."""

import click

from grams_theory.cli.params import campaign
from grams_theory.core.verdict import Verdict


@click.command("list")
def list_claims() -> None:
    """List the claims with their recorded verdicts.

    \b
    Example: grams-theory list
    """
    from grams_theory.claims import all_claims
    from grams_theory.cli.console import console
    from grams_theory.cli.tables import claims_table

    terminal = console()
    terminal.print(claims_table(all_claims(), terminal.width))


@click.command()
@click.argument("claim")
def show(claim) -> None:
    """Show a claim: statement, source, assumptions, what it uses.

    \b
    Example: grams-theory show lemma-4.2
    """
    from grams_theory.claims import by_id
    from grams_theory.cli.console import console
    from grams_theory.cli.tables import claim_page

    console().print(claim_page(by_id(claim)))


@click.command()
@click.argument("claim")
@click.pass_context
def prove(ctx, claim) -> None:
    """Check a claim's proof and print its steps. Exits with 1 when a step does not check.

    \b
    Example: grams-theory prove comparison-sharp
    """
    from grams_theory.cli.console import console
    from grams_theory.cli.tables import proof_page
    from grams_theory.engine import prove as run

    evidence = run(claim)
    console().print(proof_page(evidence))
    if not evidence.complete:
        ctx.exit(1)


@click.command()
@click.argument("claim")
@click.option(
    "--optimizer",
    metavar="MODULE:CLASS",
    help="Put your torch optimizer in the place of the claim's subject.",
)
@click.option(
    "--role", metavar="NAME", help="Which of the claim's optimizers it replaces (default: the first)."
)
@campaign
@click.pass_context
def fuzz(ctx, claim, optimizer, role, **campaign_options) -> None:
    """Look for a counterexample to a claim. Exits with 1 when one is found.

    \b
    Example: grams-theory fuzz lemma-4.2 --optimizer my_package.optim:MyGrams --budget 30s
    """
    from grams_theory.cli.console import console
    from grams_theory.cli.progress import progress
    from grams_theory.cli.tables import results_table, witness_page
    from grams_theory.engine import fuzz as run

    with progress() as callback:
        result = run(claim, optimizer=optimizer, role=role, progress=callback, **campaign_options)
    terminal = console()
    terminal.print(results_table([result], terminal.width))
    if result.witness is not None:
        terminal.print(witness_page(result.witness))
    if result.verdict is Verdict.REFUTED:
        ctx.exit(1)


@click.command()
@click.argument("token")
@click.pass_context
def replay(ctx, token) -> None:
    """Run one case again from its token. Exits with 1 when it does not come out as recorded.

    \b
    Example: grams-theory replay "$(jq -r '.claims[].witness.token // empty' verdicts.json | head -1)"
    """
    from grams_theory.engine import replay as run

    result = run(token)
    click.echo(result.text)
    if not result.reproduced:
        ctx.exit(1)
