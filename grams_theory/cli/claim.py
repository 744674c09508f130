"""Commands about claims: list, show, prove, fuzz, mutate, replay."""

import click

from grams_theory.cli import complete
from grams_theory.cli.params import campaign, streams
from grams_theory.core.verdict import Verdict


@click.command("list")
@click.option("--definitions", is_flag=True, help="List what the proofs start from instead.")
def list_claims(definitions) -> None:
    """List the claims with their recorded verdicts.

    \b
    Example: grams-theory list --definitions
    """
    from grams_theory.claims import all_claims
    from grams_theory.cli.console import console
    from grams_theory.cli.tables import claims_table, definitions_table
    from grams_theory.core.definitions import all_definitions

    terminal = console()
    if definitions:
        terminal.print(definitions_table(all_definitions(), terminal.width))
    else:
        terminal.print(claims_table(all_claims(), terminal.width))


@click.command()
@click.argument("claim", shell_complete=complete.claim)
def show(claim) -> None:
    """Show a claim: statement, source, assumptions, what its source argues from.

    \b
    Example: grams-theory show lemma-4.2
    """
    from grams_theory.claims import by_id
    from grams_theory.cli.console import console
    from grams_theory.cli.tables import claim_page

    console().print(claim_page(by_id(claim)))


@click.command()
@click.argument("claim", shell_complete=complete.claim)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "latex", "html"]),
    default="text",
    show_default=True,
    help="How to print it.",
)
@click.pass_context
def prove(ctx, claim, form) -> None:
    """Check a claim's proof and print its steps. Exits with 1 when a step does not check.

    \b
    Example: grams-theory prove comparison-sharp --format latex
    """
    from grams_theory.cli.console import console
    from grams_theory.cli.tables import proof_page
    from grams_theory.core.html import proof_html
    from grams_theory.core.latex import proof_latex
    from grams_theory.engine import prove as run

    evidence = run(claim)
    if form == "text":
        console().print(proof_page(evidence))
    else:
        click.echo({"latex": proof_latex, "html": proof_html}[form](evidence), nl=False)
    if not evidence.complete:
        ctx.exit(1)


@click.command()
@click.argument("claim", shell_complete=complete.claim)
@click.option(
    "--optimizer",
    metavar="MODULE:CLASS",
    shell_complete=complete.optimizer,
    help="Put your torch optimizer in the place of the claim's subject.",
)
@click.option(
    "--role",
    metavar="NAME",
    shell_complete=complete.role,
    help="Which of the claim's optimizers it replaces (default: the first; a line says so if it steps otherwise).",
)
@click.option(
    "--loss",
    metavar="MODULE:FACTORY",
    shell_complete=complete.loss,
    help="Attack it on your loss alone: (model, loss_fn, data), as for estimate-pl. Its constants are estimated.",
)
@click.option(
    "--implementation",
    type=click.Choice(["loop", "foreach", "fused"]),
    help="Of the optimizers under test (default: what their constructors choose).",
)
@click.option(
    "--state",
    type=click.Path(file_okay=False),
    default=".grams_theory",
    show_default=True,
    help="Folder that keeps the campaign as it goes on, and what it finds.",
)
@click.option(
    "--resume", is_flag=True, help="Continue a campaign that was interrupted or killed, or extend one."
)
@click.option("--restart", is_flag=True, help="Drop an unfinished campaign and begin again.")
@campaign
@streams("auto", "off", "only")
@click.pass_context
def fuzz(ctx, claim, device, **options) -> None:
    """Look for a counterexample to a claim: its id, or the path of a file with a CLAIM.

    Finished turns are on the disk at once: whatever ends the command, --resume goes on. To share the work among N
    processes: torchrun --nproc-per-node N -m grams_theory fuzz CLAIM

    Exits with 0 when none is found, with 1 when one is, with 2 on bad usage.

    \b
    Example: grams-theory fuzz lemma-4.2 --optimizer my_package.optim:MyGrams --budget 30s
    """
    from grams_theory.cli.console import console
    from grams_theory.cli.crew import crew
    from grams_theory.cli.example import falsifying_example
    from grams_theory.cli.progress import progress
    from grams_theory.cli.tables import fuzz_page
    from grams_theory.engine import fuzz as run

    with crew(ctx) as mates:
        with progress(shown=mates.rank == 0) as callback:
            options |= {"device": mates.place(device), "progress": callback, "crew": mates}
            result = mates.together(lambda: run(claim, **options))[mates.rank]
        if mates.rank == 0:
            terminal = console()
            terminal.print(fuzz_page(result, terminal.width))
            if options["role"] is None and options["optimizer"] is not None:
                click.echo(_out_of_place(claim, options["optimizer"]), nl=False)
            click.echo(falsifying_example(result), nl=False)
        if result.verdict is Verdict.REFUTED:
            ctx.exit(1)


def _out_of_place(claim, optimizer) -> str:
    """A line on where it was tested, if its steps are not nearest to those of the optimizer that it replaced."""
    from grams_theory.claims import by_id
    from grams_theory.engine.production import load
    from grams_theory.engine.verification import cast_in
    from grams_theory.testing.roles import natural_role

    (tested,), nearest = cast_in(by_id(claim), optimizer, None), natural_role(load(optimizer))
    if nearest == tested:
        return ""
    steps = "near to no role's" if nearest is None else f"nearest to {nearest}'s"
    return f"tested in the place of {tested}; its steps are {steps} (--role chooses another place)\n"


@click.command()
@click.argument("claims", nargs=-1, metavar="[CLAIM]...", shell_complete=complete.claim)
@click.option(
    "--budget", default=1000, show_default=True, help="Cases for each mutant; 0 only asks the proof."
)
@click.option("--seed", default=0, show_default=True, help="Seed of every random stream.")
@click.pass_context
def mutate(ctx, claims, budget, seed) -> None:
    """Change the statements of proved claims, and see that the proofs fail. Exits with 1 when one does not.

    \b
    Example: grams-theory mutate lemma-4.2
    """
    from grams_theory.claims import all_claims, by_id
    from grams_theory.core.summary import describe
    from grams_theory.engine.mutation import mutate as run

    chosen = [by_id(claim) for claim in claims] or [c for c in all_claims() if c.prove and c.formal]
    found = {claim.id: run(claim, budget, seed) for claim in chosen}
    for claim_id, mutation in found.items():
        click.echo(f"{claim_id}: {describe(mutation)}")
        for text in mutation.weaker:
            click.echo(f"    says no more: {text}")
    lost, total = (sum(getattr(m, count) for m in found.values()) for count in ("lost", "mutants"))
    weaker = sum(len(m.weaker) for m in found.values())
    click.echo(f"{lost} of {total - weaker} mutants lose their proof; {weaker} say no more than the claim")
    if any(mutation.survivors for mutation in found.values()):
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
