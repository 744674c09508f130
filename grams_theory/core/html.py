"""Results as HTML fragments for notebooks. No dependencies: `_repr_html_` must work wherever a result does."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING

from grams_theory.core.summary import GLYPHS, describe, lines

if TYPE_CHECKING:
    from grams_theory.core.evidence import ProofEvidence
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
