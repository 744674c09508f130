"""`new-claim`: one file for the claim, one for its proof-check."""

import re
from pathlib import Path
from string import Template

import click

from grams_theory.core.errors import UsageError

ID = re.compile(r"[a-z][a-z0-9]*([-.][a-z0-9]+)*")

CLAIM = Template('''\
"""${title}.

    ⟨|g|, |u|⟩ ≥ ⟨g, u⟩

Where it stands: say it here, and say so if the statement was reconstructed.
What it needs: nothing. The statement, its reading and its proof below are a working example: replace all three.
"""

from grams_theory.core.claim import Claim, Formal, OneStep
from grams_theory.core.verdict import Verdict
from grams_theory.symbolic.reading import read


def formal():
    """The statement in symbols: what the proof must conclude, and what is fuzzed."""
    from sympy import Ge

    from grams_theory.symbolic.proof import reals

    absolute, product = reals("S P")
    return Formal({"alignment": Ge(absolute, product)})


def reading(s):
    """What the symbols are in a batch of cases."""
    return {"Grams": {"S": abs(s.g * s.u).sum(-1), "P": (s.g * s.u).sum(-1)}}


def prove(p):
    from sympy import Abs, Ge

    from grams_theory.symbolic.proof import reals

    g, u, absolute, product = reals("g u S P")
    p.implies("one coordinate", [], Ge(Abs(g) * Abs(u), g * u))
    p.lift("all coordinates", "one coordinate", Ge(absolute, product), {absolute: Abs(g) * Abs(u), product: g * u})
    p.conclude("alignment")


CLAIM = Claim(
    id="${id}",
    title="${title}",
    source="unpublished",
    statement="⟨|g|, |u|⟩ ≥ ⟨g, u⟩",
    latex=r"\\langle|g|,|u|\\rangle\\ge\\langle g,u\\rangle",
    recorded=Verdict.PROVED,
    setting=OneStep(("Grams",)),
    formal=formal,
    margin=read(formal, reading),
    prove=prove,
)
''')

CHECK = Template('''\
"""Proof-check of ${id}."""


def test_it_is_proved_and_survives_the_production_optimizers(examine):
    result = examine("${id}")
    assert result.proof.complete, result.proof.failure
    assert result.fuzz.violations == 0
    assert result.verdict == "proved"
''')


@click.command("new-claim")
@click.argument("claim", metavar="ID|FILE.py")
@click.option("--root", default=".", show_default=True, metavar="DIR", help="The checkout to add to.")
def new_claim(claim, root) -> None:
    """Add a claim to a checkout: grams_theory/claims/ID.py and its proof-check proofs/test_ID.py.

    Or start one anywhere: a single FILE.py, which the other commands take in the place of an id.

    \b
    Example: grams-theory new-claim lemma-4.3
    Example: grams-theory new-claim ./my_claim.py
    """
    alone = claim.endswith(".py")
    claim_id = Path(claim).stem.replace("_", "-") if alone else claim
    if not ID.fullmatch(claim_id):
        raise UsageError(f"{claim_id!r} is no claim id: lower-case words joined by - or ., such as lemma-4.3")
    from grams_theory.claims import names

    if claim_id in names():
        raise UsageError(f"there is a claim {claim_id!r} already; choose another id")
    if alone:
        files, advice = {Path(claim): CLAIM}, "make it first"
    else:
        module = re.sub("[-.]", "_", claim_id)
        files = {
            Path(root) / "grams_theory" / "claims" / f"{module}.py": CLAIM,
            Path(root) / "proofs" / f"test_{module}.py": CHECK,
        }
        advice = "run this in a checkout, name one with --root, or name a file ./ID.py"
    for path in files:
        if not path.parent.is_dir():
            raise UsageError(f"no folder {path.parent}: {advice}")
        if path.exists():
            raise UsageError(f"{path} exists and stays as it is; choose another {'name' if alone else 'id'}")
    title = claim_id.replace("-", " ").capitalize()
    for path, template in files.items():
        path.write_text(template.substitute(id=claim_id, title=title), encoding="utf-8")
        click.echo(f"wrote {path}")
    click.echo(f"next: grams-theory prove {claim} && grams-theory fuzz {claim}")
