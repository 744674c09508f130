"""Grams held against its rivals, and the arms of the ablation against each other: sentences and tables of verdicts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from grams_theory.core.summary import plural
from grams_theory.study.document import pairs
from grams_theory.study.report.markdown import Json, interval, listed, marked, number, signed, table

MARKS = {"holds": "✓", "contradicted": "✗", "undecided": "?"}
Pair = tuple[Json, Json]
"""A loss and one of its modes."""


def verdict_lines(document: Json) -> list[str]:
    """The verdict on the ordering, a line per loss and mode, for a terminal."""
    return [
        f"{MARKS[mode['ordering']]} {mode['ordering']:<12}  {loss['name']}, {mode['mode']}"
        for loss, mode in pairs(document["losses"])
    ]


def verdicts(document: Json, labels: Json) -> Iterator[str]:
    found = list(pairs(document["losses"]))
    counts = _counts(found, "ordering")
    rivals = [c["label"] for c in document["contenders"] if c["rival"]]
    yield "## The verdict"
    yield ""
    yield (
        f"The paper says that Grams does better than {listed(rivals)}. Of {plural(len(found), 'pair')} of a loss and a "
        f"mode that **holds on {counts['holds']}**, **is contradicted on {counts['contradicted']}** and is undecided "
        f"on {counts['undecided']}: it holds where Grams ends with the smaller training loss than each of them, is "
        "contradicted where one of them ends with the smaller, and is undecided where seeds leave it open."
    )
    yield ""
    yield from _table(
        found, "comparisons", lambda c: f"Grams − {labels[c['rival']]}", {"ordering": _ordering("ordering")}
    )
    yield (
        f"Differences of the training loss f at the end, mean and {document['level']:.0%} interval over seeds, "
        "paired by seed; below 0 Grams is lower. ✓ holds, ✗ contradicted, ? undecided after Holm's correction over "
        "this whole table. The interval is that of one comparison alone: a ? may stand beside one without 0."
    )
    if "C-Adam, released" in labels.values():
        yield (
            "C-Adam is the paper's (mask u·g ≥ 0, not rescaled); \"released\" is the published code's rescaled mask, "
            "which the ordering does not count."
        )
    yield ""
    yield "![Differences with intervals](study-differences.png)"
    yield ""
    yield from _gaps(document, labels)
    yield from _signs(document, labels)


def _gaps(document: Json, labels: Json) -> Iterator[str]:
    found = _with(document, "gap_comparisons")
    if not found:
        return
    counts = _counts(found, "gap_ordering")
    yield (
        "The same on a logarithmic scale: how many times as large as the rival's is the gap f − f* that Grams leaves, "
        "f* at its certified lower bound (geometric means over seeds; a family of comparisons of its own)? It weighs "
        "every decade alike, where the difference above is that of the worst seeds. On this scale the ordering holds "
        f"on {counts['holds']}, is contradicted on {counts['contradicted']} and undecided on {counts['undecided']}."
    )
    yield ""
    yield from _table(
        found,
        "gap_comparisons",
        lambda c: f"Grams / {labels[c['rival']]}",
        {"ordering": _ordering("gap_ordering")},
        lambda c: f"×{interval(c['ratio'])}",
    )


def _signs(document: Json, labels: Json) -> Iterator[str]:
    yield "Over losses, by the sign of the mean difference alone (two-sided sign test; losses that share data sets"
    yield "are not independent, as it takes them to be):"
    yield ""
    yield from table(
        ["mode", "rival", "Grams lower on", "rival lower on", "p"],
        (
            [t["mode"], labels[t["rival"]], t["below"], t["above"], number(t["p"])]
            for t in document["sign_tests"]
        ),
    )


def exceptions(document: Json, labels: Json) -> Iterator[str]:
    """Where a rival ends lower."""
    yield "### Where it does not hold"
    yield ""
    found = False
    for loss, mode in pairs(document["losses"]):
        for c in mode["comparisons"]:
            if c["verdict"] == "contradicted":
                found = True
                d = c["difference"]
                yield (
                    f"- `{loss['name']}`, {mode['mode']}: {labels[c['rival']]} ends lower than Grams, by "
                    f"{interval(d)}, corrected p {number(c['p_holm'])}."
                )
    if not found:
        yield "No rival is shown to end lower than Grams anywhere."
    yield ""


def tests(document: Json, labels: Json) -> Iterator[str]:
    """The same of what is held out."""
    found = _with(document, "test_comparisons")
    if not found:
        return
    yield (
        "Paired differences of the test metric (of minus the accuracy, so that below 0 Grams is better), corrected "
        "as a family of their own:"
    )
    yield ""
    yield from _table(
        found,
        "test_comparisons",
        lambda c: f"Grams − {labels[c['rival']]}",
        {"metric": lambda loss, mode: loss["metric"]},
    )


def ablation(document: Json, labels: Json) -> Iterator[str]:
    found = _with(document, "ablation")
    if not found:
        return
    arms = {c["name"]: c["momentum"] for c in document["contenders"] if c["momentum"]}
    yield "## What momentum is good for"
    yield ""
    yield (
        "A step takes its direction from the signs of the momentum or of the gradient, and its magnitude from the "
        "momentum or the gradient, both over √v̂ + ε: both from momentum is Adam, only the magnitude is Grams. Each is "
        "tuned like the rest. Final training loss, and its paired difference to momentum for both, corrected over this "
        "table:"
    )
    yield ""
    yield from _table(
        found,
        "ablation",
        lambda c: f"{arms[c['ours']]} − both",
        {f"{arms[name]} ({labels[name]})": _end(name) for name in arms},
    )
    yield "✓: lower than with momentum for both; ✗: higher; ?: undecided."
    yield ""


def _difference(comparison: Json) -> str:
    d = comparison["difference"]
    return f"{signed(d['mean'])} [{signed(d['low'])}, {signed(d['high'])}]"


def _table(
    found: Sequence[Pair],
    family: str,
    title: Callable[[Json], str],
    columns: Mapping[str, Callable[[Json, Json], str]],
    told: Callable[[Json], str] = _difference,
) -> Iterator[str]:
    """A row per loss and mode, in it a verdict per comparison of the family, and what `told` says of it.

    `columns`, title -> what is said of loss and mode, come before the comparisons, which `title` names.
    """

    def cell(comparison: Json) -> str:
        if comparison["difference"] is None:
            return marked(MARKS["undecided"], comparison["why_not"])
        return marked(MARKS[comparison["verdict"]], told(comparison))

    return table(
        ["loss", "mode", *columns, *map(title, found[0][1][family])],
        (
            [
                f"`{loss['name']}`",
                mode["mode"],
                *(column(loss, mode) for column in columns.values()),
                *map(cell, mode[family]),
            ]
            for loss, mode in found
        ),
    )


def _with(document: Json, family: str) -> list[Pair]:
    """Where there are such comparisons."""
    return [(loss, mode) for loss, mode in pairs(document["losses"]) if mode[family]]


def _counts(found: Sequence[Pair], name: str) -> dict[str, int]:
    return {verdict: sum(mode[name] == verdict for _, mode in found) for verdict in MARKS}


def _ordering(name: str) -> Callable[[Json, Json], str]:
    return lambda loss, mode: marked(MARKS[mode[name]], mode[name])


def _end(name: str) -> Callable[[Json, Json], str]:
    """The final training loss of a contender."""
    return lambda loss, mode: interval(next(c for c in mode["contenders"] if c["name"] == name)["final"])
