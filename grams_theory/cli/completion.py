"""`completion` and `schema`: what other programs need to know about this one."""

import click


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx, shell) -> None:
    """Print the script that makes a shell complete commands, options, and names of claims, losses and optimizers.

    \b
    bash   eval "$(grams-theory completion bash)"          in ~/.bashrc
    zsh    eval "$(grams-theory completion zsh)"           in ~/.zshrc, after compinit
    fish   grams-theory completion fish | source           in ~/.config/fish/config.fish

    \b
    Example: grams-theory completion bash
    """
    from click.shell_completion import get_completion_class

    writer = get_completion_class(shell)
    assert writer is not None  # click knows the three
    command = ctx.find_root().command
    click.echo(writer(command, {}, "grams-theory", "_GRAMS_THEORY_COMPLETE").source())


@click.command()
def schema() -> None:
    """Print the JSON Schema of verdicts.json, which `verify --json` prints too.

    \b
    Example: grams-theory schema > verdicts.schema.json
    """
    from grams_theory.core.document import schema as text

    click.echo(text(), nl=False)
