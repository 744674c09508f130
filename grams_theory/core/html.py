"""Results as HTML fragments for notebooks. No dependencies: `_repr_html_` must work wherever a result does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from typing import TYPE_CHECKING, Any

from grams_theory.core.summary import GLYPHS, describe, lines, number, plural, streamed

if TYPE_CHECKING:
    from grams_theory.core.claim import Claim
    from grams_theory.core.evidence import FuzzEvidence, ProofEvidence, Witness
    from grams_theory.core.ledger import ClaimResult

_CELL = ' style="text-align:left;vertical-align:top"'


def table(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table whose cells are HTML already."""
    head = "".join(f"<th{_CELL}>{escape(column)}</th>" for column in columns)
    body = "".join("<tr>" + "".join(f"<td{_CELL}>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _verdict(result: ClaimResult) -> str:
    text = f"{GLYPHS[result.verdict]} <b>{result.verdict}</b>"
    return text + (f"<br>recorded: {result.recorded}" if result.changed else "")


def results_html(results: Iterable[ClaimResult]) -> str:
    """One row per claim: what the terminal table shows."""
    return table(
        ("claim", "where", "verdict", "evidence", "time"),
        (
            (
                f"<code>{escape(result.id)}</code><br>{escape(result.title)}",
                escape(result.source),
                _verdict(result),
                "<br>".join(map(escape, lines(result.evidence))),
                f"{result.seconds:.1f} s",
            )
            for result in results
        ),
    )


def proof_html(proof: ProofEvidence) -> str:
    """One row per step, with what checked it and what it rests on; then what the steps add up to."""
    numbers = {step.name: str(number) for number, step in enumerate(proof.steps, 1)}
    rows = (
        (
            numbers[step.name],
            escape(step.kind),
            escape(step.name),
            escape(step.statement),
            escape(step.method),
            ", ".join(numbers[name] for name in step.rests_on),
        )
        for step in proof.steps
    )
    columns = ("", "kind", "step", "statement", "checked by", "from")
    shown = f"<p>{escape(describe(proof))}</p>" + table(columns, rows)
    if proof.stated is None:
        return shown
    given = f"<p>Given {escape(', '.join(proof.stated.premises))}:</p>" if proof.stated.premises else ""
    parts = ((escape(part), escape(formula)) for part, formula in proof.stated.conclusions.items())
    return shown + given + table(("part", "for all real numbers"), parts)


def fuzz_html(fuzz: FuzzEvidence) -> str:
    """What was found, part by part; then what was explored."""
    parts = (
        (escape(part), number(margin), number(fuzz.ratios.get(part))) for part, margin in fuzz.parts.items()
    )
    streams = f"<p>{escape(streamed(fuzz.streams))}</p>" if fuzz.streams is not None else ""
    axes = {"family": fuzz.families, **fuzz.explored}
    explored = (
        (escape(axis), ", ".join(f"{escape(value)} ({cases:,})" for value, cases in values.items()))
        for axis, values in axes.items()
    )
    return (
        f"<p>{escape(describe(fuzz))}, through {escape(', '.join(fuzz.optimizers) or 'no optimizer')}, "
        f"{plural(fuzz.structures, 'structure')}, seed {fuzz.seed}</p>"
        + streams
        + table(("part", "smallest margin", "smaller side over larger"), parts)
        + _folded("explored", table(("axis", "values (cases)"), explored))
    )


def witness_html(witness: Witness) -> str:
    """The violated part, the numbers of the case, and the code that shows it."""
    shown = f"<p>{escape(describe(witness))}</p>" + named_html(witness.data)
    if witness.snippet is not None:
        shown += _folded("as Python", f"<pre>{escape(witness.snippet)}</pre>")
    if witness.token is not None:
        shown += f"<p><code>grams-theory replay {escape(witness.token)}</code></p>"
    return shown


def named_html(values: Mapping[str, Any]) -> str:
    """One row per name; what is nested is written as in Python, fractions without quotes."""
    rows = ((escape(name), f"<code>{escape(_plain(value))}</code>") for name, value in values.items())
    return table(("", "value"), rows)


def claim_html(claim: Claim) -> str:
    """The statement in words and in formulas, where it stands, and what it needs."""
    needs = ", ".join(assumption.id for assumption in claim.assumptions)
    return (
        f"<p><code>{escape(claim.id)}</code> <b>{escape(claim.title)}</b><br>{escape(claim.source)}</p>"
        f"<p>{escape(claim.statement)}</p><p>$$ {escape(claim.latex)} $$</p>"
        + (f"<p>needs: {escape(needs)}</p>" if needs else "")
        + (f"<p>{escape(claim.note)}</p>" if claim.note else "")
    )


def _folded(title: str, content: str) -> str:
    return f"<details><summary>{escape(title)}</summary>{content}</details>"


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} = {_plain(entry)}" for name, entry in value.items())
    if isinstance(value, list | tuple):
        return f"({', '.join(map(_plain, value))})"
    return value.removesuffix("/1") if isinstance(value, str) else str(value)
