"""The page of a study, from its document: tables, figures and sentences. Nothing is computed here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from grams_theory.core.summary import number, plural
from grams_theory.study.figures import draw

Json = dict[str, Any]
MARKS = {"holds": "✓", "contradicted": "✗", "undecided": "?"}
NOTHING = "–"
STAGE_COLUMNS = {
    "PL ratio, low end": "pl_low",
    "PL ratio, high end": "pl_high",
    "κ": "kappa",
    "disagreement": "disagreement",
    "sign(g_B) ≠ sign(∇f)": "sign_disagreement",
    "expected descent": "expected_descent",
    "biased": "biased_share",
}


def render(document: Json, page: str = "report.md") -> dict[str, bytes]:
    """File name -> contents: the page and the figures that it shows, to be put into one folder."""
    return {page: text(document).encode(), **draw(document)}


def text(document: Json) -> str:
    """The page in Markdown."""
    return "\n".join(_page(document)) + "\n"


def verdict_lines(document: Json) -> list[str]:
    """The verdict on the ordering, a line per loss and mode, for a terminal."""
    return [
        f"{MARKS[mode['ordering']]} {mode['ordering']:<12}  {loss['name']}, {mode['mode']}"
        for loss, mode in _pairs(document)
    ]


def _page(document: Json) -> Iterator[str]:
    labels = {c["name"]: c["label"] for c in document["contenders"]}
    yield "# Do tuned runs bear out the paper's ordering of optimizers?"
    yield ""
    yield from _opening(document)
    yield from _verdicts(document, labels)
    yield from _where(document, labels)
    yield from _how(document, labels)
    yield from _ends(document, labels)
    yield from _landscape(document, labels)
    yield from _ablation(document, labels)
    yield from _sweep(document, labels)
    yield from _rates(document, labels)


def _opening(document: Json) -> Iterator[str]:
    preset = document["settings"]["preset"]
    packages = document["packages"]
    seeds = len(document["seeds"]["evaluation"])
    yield (
        f"Made by `grams-theory study --preset {preset}` (grams-theory {packages['grams-theory']}, torch "
        f"{packages['torch']}, {document['settings']['device']}) from {plural(document['cells'], 'cell')}: "
        f"{plural(seeds, 'seed')} per entry, learning rates tuned for each optimizer, loss and mode on other seeds. "
        "Every number is in `study.json`; this page only shows it."
    )
    yield ""


def _pairs(document: Json) -> Iterator[tuple[Json, Json]]:
    for loss in document["losses"]:
        for mode in loss["modes"]:
            yield loss, mode


def _verdicts(document: Json, labels: Json) -> Iterator[str]:
    pairs = list(_pairs(document))
    counts = {name: sum(mode["ordering"] == name for _, mode in pairs) for name in MARKS}
    rivals = [c["label"] for c in document["contenders"] if c["rival"]]
    yield "## The verdict"
    yield ""
    yield (
        f"The paper says that Grams does better than {_and(rivals)}. Of {plural(len(pairs), 'pair')} of a loss and a "
        f"mode that **holds on {counts['holds']}**, **is contradicted on {counts['contradicted']}** and is undecided "
        f"on {counts['undecided']}: it holds where Grams ends with the smaller training loss than each of them, is "
        "contradicted where one of them ends with the smaller, and is undecided where seeds leave it open."
    )
    yield ""
    names = [c["rival"] for c in pairs[0][1]["comparisons"]]
    yield from _table(
        ["loss", "mode", "ordering", *(f"Grams − {labels[name]}" for name in names)],
        (
            [
                f"`{loss['name']}`",
                mode["mode"],
                f"{MARKS[mode['ordering']]} {mode['ordering']}",
                *(_compared(c) for c in mode["comparisons"]),
            ]
            for loss, mode in pairs
        ),
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


def _compared(comparison: Json) -> str:
    if comparison["difference"] is None:
        return f"? {comparison['why_not']}"
    d = comparison["difference"]
    return f"{MARKS[comparison['verdict']]} {_signed(d['mean'])} [{_signed(d['low'])}, {_signed(d['high'])}]"


def _gaps(document: Json, labels: Json) -> Iterator[str]:
    pairs = [(loss, mode) for loss, mode in _pairs(document) if mode["gap_comparisons"]]
    if not pairs:
        return
    counts = {name: sum(mode["gap_ordering"] == name for _, mode in pairs) for name in MARKS}
    names = [c["rival"] for c in pairs[0][1]["gap_comparisons"]]
    yield (
        "The same on a logarithmic scale: how many times as large as the rival's is the gap f − f* that Grams leaves, "
        "f* at its certified lower bound (geometric means over seeds; a family of comparisons of its own)? It weighs "
        "every decade alike, where the difference above is that of the worst seeds. On this scale the ordering holds "
        f"on {counts['holds']}, is contradicted on {counts['contradicted']} and undecided on {counts['undecided']}."
    )
    yield ""
    yield from _table(
        ["loss", "mode", "ordering", *(f"Grams / {labels[name]}" for name in names)],
        (
            [
                f"`{loss['name']}`",
                mode["mode"],
                f"{MARKS[mode['gap_ordering']]} {mode['gap_ordering']}",
                *(_times(c) for c in mode["gap_comparisons"]),
            ]
            for loss, mode in pairs
        ),
    )


def _times(comparison: Json) -> str:
    if comparison["difference"] is None:
        return f"? {comparison['why_not']}"
    return f"{MARKS[comparison['verdict']]} ×{_interval(comparison['ratio'])}"


def _signs(document: Json, labels: Json) -> Iterator[str]:
    yield "Over losses, by the sign of the mean difference alone (two-sided sign test; losses that share data sets"
    yield "are not independent, as it takes them to be):"
    yield ""
    yield from _table(
        ["mode", "rival", "Grams lower on", "rival lower on", "p"],
        (
            [t["mode"], labels[t["rival"]], t["below"], t["above"], number(t["p"])]
            for t in document["sign_tests"]
        ),
    )


def _where(document: Json, labels: Json) -> Iterator[str]:
    yield "### Where it does not hold"
    yield ""
    found = False
    for loss, mode in _pairs(document):
        for c in mode["comparisons"]:
            if c["verdict"] == "contradicted":
                found = True
                d = c["difference"]
                yield (
                    f"- `{loss['name']}`, {mode['mode']}: {labels[c['rival']]} ends lower than Grams, by "
                    f"{number(d['mean'])} [{number(d['low'])}, {number(d['high'])}], corrected p {number(c['p_holm'])}."
                )
    if not found:
        yield "No rival is shown to end lower than Grams anywhere."
    yield ""


def _how(document: Json, labels: Json) -> Iterator[str]:
    settings = document["settings"]
    seeds, tuning = document["seeds"]["evaluation"], document["seeds"]["tuning"]
    yield "## How it was measured"
    yield ""
    yield (
        f"- Seeds {_range(seeds)}: each fixes the start and the order of the data, for all optimizers alike. Linear "
        "models, which start from 0 by themselves, start from N(0, 1/fan-in)."
    )
    yield (
        f"- Learning rates: a grid in half decades, the smallest mean final f on seeds {_range(tuning)}, none of which "
        f"is evaluated. A grid whose best rate lies at its edge grows, at most {settings['extensions']} times. Over a "
        f"run the rate falls along {document['schedule']}. No weight decay."
    )
    yield (
        "- f and ∇f are those of the training samples listed below, in both modes; a full batch is these samples, and "
        "minibatches go through all training samples in a new order in each epoch."
    )
    yield (
        "- Intervals: Student's t over seeds (with five seeds a bootstrap is too narrow, and a permutation test cannot "
        "go below p = 0.06). PL ratios, which spread over decades: t of their logarithms."
    )
    yield (
        "- f* lies between the certified lower bound and the smallest f that any run of that loss, or L-BFGS, has met; "
        "the PL ratio is shown for both ends. Differences below 1000 eps |f| count as 0."
    )
    yield (
        "- κ = ⟨|∇f|, |u|⟩/(‖∇f‖‖u‖) and the share of coordinates with u_i ∂_i f < 0, with u Adam's update from the "
        "gradients that the run has seen (Lion's runs: Adam's moments of the same gradients)."
    )
    yield (
        f"- Noise: {settings['skew_batches']} minibatches in the middle of each stage: how often sign(g_B) is not "
        "sign(∇f); ⟨∇f, E[sign g_B]·|u|⟩/⟨|∇f|, |u|⟩, which is below 0 where the expected Grams step climbs; and the "
        "share of coordinates in which the wrong sign is shown to be the more frequent one (biased)."
    )
    yield "- Early, middle and late are thirds of a run, without its first point."
    yield ""
    yield from _table(
        [
            "loss",
            "what",
            "samples",
            "weights",
            "steps",
            "batch",
            "f*",
            "μ certified",
            "μ at most",
            "not smooth",
        ],
        (
            [
                f"`{loss['name']}`",
                loss["title"],
                loss["samples"],
                loss["dim"],
                loss["steps"],
                loss["batch"],
                f"[{number(loss['f_star']['low'])}, {number(loss['f_star']['high'])}]",
                number(loss["mu"]),
                number(loss["mu_upper"]),
                ", ".join(loss["kinks"][:3]) or NOTHING,
            ]
            for loss in document["losses"]
        ),
    )
    yield (
        "μ at most: the smallest ½‖∇f‖²/(f − f*) at any visited point, f* taken so that it is largest; no larger μ "
        "can hold everywhere."
    )
    yield ""


def _ends(document: Json, labels: Json) -> Iterator[str]:
    yield "## Loss curves"
    yield ""
    yield "![Loss along training](study-loss.png)"
    yield ""
    yield "Median over seeds; the band reaches from the smallest to the largest. At the end:"
    yield ""
    yield from _table(
        ["loss", "mode", "contender", "learning rate", "training loss f", "test", "diverged"],
        (
            [
                f"`{loss['name']}`",
                mode["mode"],
                labels[c["name"]],
                number(c["tuning"]["lr"]) + (" (edge)" if c["tuning"]["at_edge"] else ""),
                _interval(c["final"]),
                f"{_interval(c['test'])} ({loss['metric']})" if c["test"] else NOTHING,
                f"{len(c['diverged'])} of {len(c['runs'])}" if c["diverged"] else NOTHING,
            ]
            for loss, mode in _pairs(document)
            for c in mode["contenders"]
        ),
    )
    tested = [(loss, mode) for loss, mode in _pairs(document) if mode["test_comparisons"]]
    if tested:
        names = [c["rival"] for c in tested[0][1]["test_comparisons"]]
        yield (
            "Paired differences of the test metric (of minus the accuracy, so that below 0 Grams is better), corrected "
            "as a family of their own:"
        )
        yield ""
        yield from _table(
            ["loss", "mode", "metric", *(f"Grams − {labels[name]}" for name in names)],
            (
                [
                    f"`{loss['name']}`",
                    mode["mode"],
                    loss["metric"],
                    *(_compared(c) for c in mode["test_comparisons"]),
                ]
                for loss, mode in tested
            ),
        )


def _landscape(document: Json, labels: Json) -> Iterator[str]:
    yield "## PL ratio, alignment and noise along training"
    yield ""
    yield "![PL ratio along training](study-pl.png)"
    yield ""
    yield (
        "Lines: ½‖∇f‖²/(f − f*) with f* at its certified lower bound, the smallest that it can be; bands: up to the "
        "value with f* at the smallest f met, where rounding can tell that. Medians over seeds."
    )
    yield ""
    for mode in dict.fromkeys(mode["mode"] for _, mode in _pairs(document)):
        yield f"![Alignment and noise by stage, {mode}](study-stages-{mode.replace(' ', '-')}.png)"
        yield ""
    for loss, mode in _pairs(document):
        yield f"<details><summary>{loss['name']}, {mode['mode']}: means and intervals by stage</summary>"
        yield ""
        yield from _table(
            ["contender", "stage", *STAGE_COLUMNS],
            (
                [labels[c["name"]], s["stage"], *(_interval(s[key]) for key in STAGE_COLUMNS.values())]
                for c in mode["contenders"]
                for s in c["stages"]
            ),
        )
        yield "</details>"
        yield ""


def _ablation(document: Json, labels: Json) -> Iterator[str]:
    pairs = [(loss, mode) for loss, mode in _pairs(document) if mode["ablation"]]
    if not pairs:
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
    others = [c["ours"] for c in pairs[0][1]["ablation"]]
    yield from _table(
        [
            "loss",
            "mode",
            *(f"{arms[name]} ({labels[name]})" for name in arms),
            *(f"{arms[name]} − both" for name in others),
        ],
        (
            [
                f"`{loss['name']}`",
                mode["mode"],
                *(_interval(_of(mode, name)["final"]) for name in arms),
                *(_compared(c) for c in mode["ablation"]),
            ]
            for loss, mode in pairs
        ),
    )
    yield "✓: lower than with momentum for both; ✗: higher; ?: undecided."
    yield ""


def _of(mode: Json, name: str) -> Json:
    return next(c for c in mode["contenders"] if c["name"] == name)


def _sweep(document: Json, labels: Json) -> Iterator[str]:
    swept = [(loss, mode, s) for loss, mode in _pairs(document) for s in mode["sweep"]]
    if not swept:
        return
    yield "## β₁, β₂ and η together"
    yield ""
    yield "Mean final f on the tuning seeds, per learning rate (– : a run diverged):"
    yield ""
    for loss, mode, s in swept:
        rates = sorted({point["lr"] for point in s["points"]})
        cells = {(p["beta1"], p["beta2"], p["lr"]): p["mean"] for p in s["points"]}
        betas = list(dict.fromkeys((p["beta1"], p["beta2"]) for p in s["points"]))
        yield f"{labels[s['name']]} on `{loss['name']}`, {mode['mode']}:"
        yield ""
        yield from _table(
            ["β₁", "β₂", *(f"η = {number(lr)}" for lr in rates)],
            ([number(b1), number(b2), *(number(cells[b1, b2, lr]) for lr in rates)] for b1, b2 in betas),
        )


def _rates(document: Json, labels: Json) -> Iterator[str]:
    yield "## The learning rates that were tried"
    yield ""
    yield "Mean final f on the tuning seeds; the best in bold (– : a run diverged)."
    yield ""
    yield from _table(
        ["loss", "mode", "contender", "rate: mean final f", "best"],
        (
            [
                f"`{loss['name']}`",
                mode["mode"],
                labels[c["name"]],
                "; ".join(_tried(tried, c["tuning"]["lr"]) for tried in c["tuning"]["grid"]),
                _best(c["tuning"]),
            ]
            for loss, mode in _pairs(document)
            for c in mode["contenders"]
        ),
    )


def _tried(tried: Json, best: float | None) -> str:
    text = f"{number(tried['lr'])}: {number(tried['score'])}"
    return f"**{text}**" if tried["lr"] == best else text


def _best(tuning: Json) -> str:
    if tuning["lr"] is None:
        return "none: every rate diverged"
    return f"{number(tuning['lr'])}, at the edge of the grid" if tuning["at_edge"] else number(tuning["lr"])


def _interval(found: Json | None) -> str:
    if found is None:
        return NOTHING
    return f"{number(found['mean'])} [{number(found['low'])}, {number(found['high'])}]"


def _signed(value: float) -> str:
    return number(value).replace("-", "−") if value <= 0 else f"+{number(value)}"


def _and(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else "".join(names)


def _range(seeds: Sequence[int]) -> str:
    return f"{seeds[0]} to {seeds[-1]}" if len(seeds) > 1 else f"{seeds[0]}"


def _table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    yield f"| {' | '.join(header)} |"
    yield f"|{'---|' * len(header)}"
    for row in rows:
        yield f"| {' | '.join(map(_text, row))} |"
    yield ""


def _text(cell: Any) -> str:
    return number(cell) if isinstance(cell, int) else str(cell)
