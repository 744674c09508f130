"""Names that a shell completes, found without importing what stands behind them: torch alone takes seconds.

Optimizers and losses are read from their files' syntax trees; a test holds them against the registries.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

import click
from click.shell_completion import CompletionItem

import grams_theory

_HOME = Path(grams_theory.__file__).parent


def claim(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Ids of claims with their titles; what looks like a path is completed as a file."""
    from grams_theory.claims import all_claims

    if incomplete.startswith((".", "/", "~")):
        return [CompletionItem(incomplete, type="file")]
    return [CompletionItem(c.id, help=c.title) for c in all_claims() if c.id.startswith(incomplete)]


def claims(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Ids separated by commas: the last one is completed."""
    earlier, comma, last = incomplete.rpartition(",")
    return [
        CompletionItem(f"{earlier}{comma}{item.value}", help=item.help) for item in claim(ctx, param, last)
    ]


def optimizer(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    return _items(optimizers(), incomplete)


def loss(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    return _items(losses(), incomplete)


def role(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The optimizers of the claim that was typed before."""
    from grams_theory.claims import all_claims

    typed = {
        ctx.params.get("claim"),
        *ctx.args,
    }  # click has not told arguments apart while an option lacks its value
    chosen = (c for c in all_claims() if c.id in typed)
    return _items((name for c in chosen for name in getattr(c.setting, "optimizers", ())), incomplete)


def optimizers() -> list[str]:
    """Public classes of the public modules in `optim` that are derived from one of its rules."""
    rules = {"RuleOptimizer"}
    for path in sorted((_HOME / "optim").glob("_*.py")):
        rules |= {found.name for found in _classes(path) if rules & _bases(found)}
    return sorted(
        found.name
        for path in (_HOME / "optim").glob("[!_]*.py")
        for found in _classes(path)
        if rules & _bases(found)
    )


def losses() -> list[str]:
    """The first argument of each call in the `PROBLEMS` of a module in `landscape/losses`."""
    return [
        call.args[0].value
        for path in sorted((_HOME / "landscape" / "losses").glob("[!_]*.py"))
        for statement in _body(path)
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "PROBLEMS"
        for call in ast.walk(statement.value)
        if isinstance(call, ast.Call) and call.args and isinstance(call.args[0], ast.Constant)
        if isinstance(call.args[0].value, str)
    ]


def _items(names: Iterable[str], incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def _body(path: Path) -> list[ast.stmt]:
    return ast.parse(path.read_text(encoding="utf-8")).body


def _classes(path: Path) -> Iterator[ast.ClassDef]:
    return (statement for statement in _body(path) if isinstance(statement, ast.ClassDef))


def _bases(found: ast.ClassDef) -> set[str]:
    return {ast.unparse(base) for base in found.bases}
