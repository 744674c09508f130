"""What the runs of each contender show: where they end, what they see on the way, the rates that were tried."""

from __future__ import annotations

from collections.abc import Iterator

from grams_theory.study.document import modes, pairs
from grams_theory.study.report.markdown import NOTHING, Json, interval, number, table

STAGE_COLUMNS = {
    "PL ratio, low end": "pl_low",
    "PL ratio, high end": "pl_high",
    "κ": "kappa",
    "disagreement": "disagreement",
    "sign(g_B) ≠ sign(∇f)": "sign_disagreement",
    "expected descent": "expected_descent",
    "biased": "biased_share",
}


def ends(document: Json, labels: Json) -> Iterator[str]:
    yield "## Loss curves"
    yield ""
    yield "![Loss along training](study-loss.png)"
    yield ""
    yield "Median over seeds; the band reaches from the smallest to the largest. At the end:"
    yield ""
    yield from table(
        ["loss", "mode", "contender", "learning rate", "training loss f", "test", "diverged"],
        (
            [
                f"`{loss['name']}`",
                mode["mode"],
                labels[c["name"]],
                number(c["tuning"]["lr"]) + (" (edge)" if c["tuning"]["at_edge"] else ""),
                interval(c["final"]),
                f"{interval(c['test'])} ({loss['metric']})" if c["test"] else NOTHING,
                f"{len(c['diverged'])} of {len(c['runs'])}" if c["diverged"] else NOTHING,
            ]
            for loss, mode in pairs(document["losses"])
            for c in mode["contenders"]
        ),
    )


def landscape(document: Json, labels: Json) -> Iterator[str]:
    yield "## PL ratio, alignment and noise along training"
    yield ""
    yield "![PL ratio along training](study-pl.png)"
    yield ""
    yield (
        "Lines: ½‖∇f‖²/(f − f*) with f* at its certified lower bound, the smallest that it can be; bands: up to the "
        "value with f* at the smallest f met, where rounding can tell that. Medians over seeds."
    )
    yield ""
    for mode in modes(document["losses"]):
        yield f"![Alignment and noise by stage, {mode}](study-stages-{mode.replace(' ', '-')}.png)"
        yield ""
    for loss, mode in pairs(document["losses"]):
        yield f"<details><summary>{loss['name']}, {mode['mode']}: means and intervals by stage</summary>"
        yield ""
        yield from table(
            ["contender", "stage", *STAGE_COLUMNS],
            (
                [labels[c["name"]], s["stage"], *(interval(s[key]) for key in STAGE_COLUMNS.values())]
                for c in mode["contenders"]
                for s in c["stages"]
            ),
        )
        yield "</details>"
        yield ""


def groups(document: Json, labels: Json) -> Iterator[str]:
    """By parameter group; documents that were written before this was measured have none."""
    found = [
        (loss, mode, c, g)
        for loss, mode in pairs(document["losses"])
        for c in mode["contenders"]
        for g in c.get("groups", ())
    ]
    if not found:
        return
    yield "<details><summary>Alignment at the end by parameter group: means and intervals</summary>"
    yield ""
    yield from table(
        ["loss", "mode", "contender", "group", "κ", "disagreement"],
        (
            [
                f"`{loss['name']}`",
                mode["mode"],
                labels[c["name"]],
                f"`{g['group']}`",
                interval(g["kappa"]),
                interval(g["disagreement"]),
            ]
            for loss, mode, c, g in found
        ),
    )
    yield "</details>"
    yield ""


def sweep(document: Json, labels: Json) -> Iterator[str]:
    swept = [(loss, mode, s) for loss, mode in pairs(document["losses"]) for s in mode["sweep"]]
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
        yield from table(
            ["β₁", "β₂", *(f"η = {number(lr)}" for lr in rates)],
            ([number(b1), number(b2), *(number(cells[b1, b2, lr]) for lr in rates)] for b1, b2 in betas),
        )


def rates(document: Json, labels: Json) -> Iterator[str]:
    yield "## The learning rates that were tried"
    yield ""
    yield "Mean final f on the tuning seeds; the best in bold (– : a run diverged)."
    yield ""
    yield from table(
        ["loss", "mode", "contender", "rate: mean final f", "best"],
        (
            [
                f"`{loss['name']}`",
                mode["mode"],
                labels[c["name"]],
                "; ".join(_tried(tried, c["tuning"]["lr"]) for tried in c["tuning"]["grid"]),
                _best(c["tuning"]),
            ]
            for loss, mode in pairs(document["losses"])
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
