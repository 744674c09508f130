"""What the commands print."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from grams_theory.core.claim import Claim
from grams_theory.core.definitions import Definition
from grams_theory.core.evidence import (
    FuzzEvidence,
    MeasuredEvidence,
    ProofEvidence,
    Stated,
    Streamed,
    Witness,
)
from grams_theory.core.ledger import ClaimResult, Ledger
from grams_theory.core.summary import GLYPHS, HOW, describe, lines, number, plural, sources, streamed
from grams_theory.core.verdict import Verdict

STYLES: Mapping[Verdict, str] = {
    Verdict.PROVED: "bold green",
    Verdict.SURVIVED: "bold cyan",
    Verdict.REFUTED: "bold red",
    Verdict.VACUOUS: "bold magenta",
    Verdict.GAP: "bold yellow",
    Verdict.UNDECIDED: "bold",
}
NARROW = 110
"""Columns below which a claim's id, its title and its source share one."""
SLIM = 80
"""Columns below which a table is no help: an entry is a heading, and lines indented under it."""
ROWS_SHOWN = 20
COLUMN_GAP = 3
"""What a column takes beside its text."""
PROSE = 24
"""A cell longer than this is prose, which may be folded."""


def verdict_text(verdict: Verdict) -> Text:
    return Text(f"{GLYPHS[verdict]} {verdict}", style=STYLES[verdict])


def entry(heading: Text, *below: str | Text) -> RenderableType:
    """A heading and what stands indented under it, for a slim screen."""
    heading.overflow = "fold"
    return Group(heading, *(Padding(line, (0, 0, 0, 2)) for line in below), Text())


def results_table(results: Iterable[ClaimResult], width: int) -> RenderableType:
    """Claim, its title above its source, verdict, evidence, time. Below NARROW the first two share a column, and below
    SLIM there are no columns."""
    if width < SLIM:
        return Group(*map(_result_entry, results))
    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="bold", leading=1)
    narrow = width < NARROW
    table.add_column("claim", ratio=None if not narrow else 5, overflow="fold")
    if not narrow:
        table.add_column("what it says, and where", max_width=34)
    table.add_column("verdict", no_wrap=True)
    table.add_column("evidence", ratio=None if not narrow else 6, overflow="fold")
    table.add_column("time", justify="right", no_wrap=True)
    for result in results:
        said = Text(result.title), Text(result.source, style="dim")
        name = Text(result.id, style="bold")
        verdict = Text("\n").join(_verdicts(result))
        table.add_row(
            *((Group(name, *said),) if narrow else (name, Group(*said))),
            verdict,
            evidence_text(result),
            f"{result.seconds:.1f} s",
        )
    return table


def _verdicts(result: ClaimResult) -> Iterator[Text]:
    """The verdict, and the recorded one where that is another."""
    yield verdict_text(result.verdict)
    if result.changed:
        yield Text(f"was {result.recorded}", style="bold red")


def _result_entry(result: ClaimResult) -> RenderableType:
    heading = Text("  ").join((*_verdicts(result), Text(result.id, style="bold")))
    source, seconds = (Text(text, style="dim") for text in (result.source, f"{result.seconds:.1f} s"))
    return entry(heading, Text(result.title), source, evidence_text(result), seconds)


def evidence_text(result: ClaimResult) -> Text:
    return Text("\n".join(lines(result.evidence)) or "none")


def measured_table(measured: MeasuredEvidence, width: int) -> RenderableType:
    """A table of measurements with its notes; columns that do not fit go on below, beside the first one again."""
    rows = [[cell if isinstance(cell, str) else number(cell) for cell in row] for row in measured.rows]
    numeric = [
        all(isinstance(row[index], int | float | None) for row in measured.rows)
        for index in range(len(measured.columns))
    ]
    parts = []
    for columns in _fitting(measured.columns, rows, width):
        table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="bold")
        for index in columns:
            table.add_column(
                measured.columns[index], justify="right" if numeric[index] else "left", overflow="fold"
            )
        for row in rows:
            table.add_row(*(row[index] for index in columns))
        parts.append(table)
    notes = (Text(note, style="dim") for note in measured.notes)
    return Group(Text(measured.title, style="bold"), *parts, *notes, Text())


def _fitting(names: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> list[list[int]]:
    """Indices of columns in groups that fit, each behind the first column."""
    longest = (max(len(row[i]) for row in [names, *rows]) for i in range(len(names)))
    cells = [min(length, PROSE) + COLUMN_GAP for length in longest]
    groups, room = [[0]], width - cells[0]
    for index in range(1, len(names)):
        if cells[index] > room and len(groups[-1]) > 1:
            groups.append([0])
            room = width - cells[0]
        groups[-1].append(index)
        room -= cells[index]
    return groups


def ledger_report(ledger: Ledger, width: int) -> RenderableType:
    """Short tables of measurements (long ones stand in the report), the verdicts, what played, and what changed."""
    measured = (e for r in ledger.results for e in r.evidence if isinstance(e, MeasuredEvidence))
    changed = (
        Text(f"{name}: verdict {ledger[name].verdict}, recorded {ledger[name].recorded}", style="bold red")
        for name in ledger.changed
    )
    return Group(
        *(measured_table(m, width) for m in measured if len(m.rows) <= ROWS_SHOWN),
        results_table(ledger.results, width),
        *(Text(text, style="dim") for text in filter(None, (sources(ledger.results),))),
        *changed,
    )


def claims_table(claims: Iterable[Claim], width: int) -> RenderableType:
    if width < SLIM:
        return Group(
            *(entry(Text.assemble(verdict_text(c.recorded), "  ", (c.id, "bold")), c.title) for c in claims)
        )
    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for column in ("claim", "recorded"):
        table.add_column(column, no_wrap=True)
    table.add_column("statement", ratio=3)
    if width >= NARROW:
        table.add_column("where it stands", ratio=2, style="dim")
    for claim in claims:
        where = (claim.source,) if width >= NARROW else ()
        table.add_row(claim.id, verdict_text(claim.recorded), claim.title, *where)
    return table


def definitions_table(definitions: Iterable[Definition], width: int) -> RenderableType:
    if width < SLIM:
        return Group(*(entry(Text(d.id, style="bold"), d.text) for d in definitions))
    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="bold")
    table.add_column("name", no_wrap=True)
    table.add_column("what it says", ratio=3)
    if width >= NARROW:
        table.add_column("where it stands", ratio=2, style="dim")
    for definition in definitions:
        where = (definition.source,) if width >= NARROW else ()
        table.add_row(definition.id, definition.text, *where)
    return table


def claim_page(claim: Claim) -> RenderableType:
    """Everything that a claim's file says, as text."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    entries = (
        ("source", claim.source),
        ("statement", claim.statement),
        ("assumes", "\n".join(f"{a.text} ({a.id})" for a in claim.assumptions)),
        ("argument", ", ".join(claim.argument)),
        ("amends", claim.amends or ""),
        ("note", claim.note),
    )
    for label, text in entries:
        if text:
            grid.add_row(label, Text(text))
    grid.add_row("recorded", verdict_text(claim.recorded))
    return Group(Text.assemble((claim.id, "bold"), "  ", claim.title), Text(), grid)


def proof_page(proof: ProofEvidence) -> RenderableType:
    """The steps of a proof, what checked each, and how it ended."""
    steps = Table.grid(padding=(0, 2, 0, 0))
    steps.add_column(justify="right")
    steps.add_column(overflow="fold")
    for index, step in enumerate(proof.steps, 1):
        title = Text.assemble((step.name, "bold"), f"  {step.kind}, {HOW[step.kind]}: {step.method}")
        steps.add_row(f"{index}.", Group(title, Text(step.statement)))
    if proof.stated:
        steps.add_row("", Group(Text("so, for all reals", style="bold"), *_stated(proof.stated)))
    ending = ("complete", "bold green") if proof.complete else ("incomplete", "bold red")
    return Group(steps, Text(), Text.assemble(ending, f"  {describe(proof)}  ({proof.seconds:.2f} s)"))


def _stated(stated: Stated) -> Iterator[Text]:
    if stated.premises:
        yield Text("given  " + ", ".join(stated.premises))
    yield from (
        Text.assemble((part, "italic"), f"  {formula}") for part, formula in stated.conclusions.items()
    )
    yield from (
        Text(f"where  {symbol} = {meaning}", style="dim") for symbol, meaning in stated.legend.items()
    )


def witness_page(witness: Witness) -> RenderableType:
    """A counterexample spelled out."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in witness.data.items():
        grid.add_row(name, Text(_plain(value)))
    grid.add_row("violated", Text(f"{witness.part} = {witness.margin} < 0 ({witness.method})"))
    return Group(Text(f"witness ({witness.kind})", style="bold"), grid)


def fuzz_page(result: ClaimResult, width: int) -> RenderableType:
    """A campaign: what it found, what it explored, and the counterexample if there is one."""
    parts: list[RenderableType] = [results_table([result], width)]
    if result.fuzz is not None and result.fuzz.explored:
        parts += [explored_table(result.fuzz), Text()]
    if result.fuzz is not None and result.fuzz.known:
        parts += [
            Text("tried again from the corpus: remove it, or use another --state, to attack afresh"),
            Text(),
        ]
    if result.witness is not None:
        parts.append(witness_page(result.witness))
    return Group(*parts)


def explored_table(fuzz: FuzzEvidence) -> Table:
    """What played; then an axis of the search on each line: its values, and how many cases, or steps, had each."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("drawn", f"{plural(fuzz.cases, 'case')} of {plural(fuzz.structures, 'structure')}")
    _add_axes(table, {"family": fuzz.families, **fuzz.explored})
    if fuzz.streams is not None:
        table.add_row("streams", Text(streamed(fuzz.streams)))
        _add_axes(table, _chosen(fuzz.streams))
    return table


def _chosen(streams: Streamed) -> dict[str, Mapping[str, int]]:
    """The axes of streams, but for those that are the same in all of them."""
    axes = {"family": streams.families, **streams.explored}
    return {
        f"  {axis}": counts for axis, counts in axes.items() if axis not in ("ascent", "layout", "reached")
    }


def _add_axes(table: Table, axes: Mapping[str, Mapping[str, int]]) -> None:
    for axis, counts in axes.items():
        table.add_row(
            axis, Text(" · ".join(f"{value.strip()}: {cases:,}" for value, cases in counts.items()))
        )


def _plain(value: object) -> str:
    """Nested data as text: mappings as `name = value`, sequences in parentheses."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} = {_plain(item)}" for name, item in value.items())
    if isinstance(value, list | tuple):
        return "(" + ", ".join(map(_plain, value)) + ")"
    return str(value)
