"""The page, section by section: what was run, and how."""

from __future__ import annotations

from collections.abc import Iterator

from grams_theory.core.summary import plural
from grams_theory.study.figures import draw
from grams_theory.study.report import comparisons, runs
from grams_theory.study.report.markdown import NOTHING, Json, number, span, table


def render(document: Json, page: str = "report.md") -> dict[str, bytes]:
    """File name -> contents: the page and the figures that it shows, to be put into one folder."""
    return {page: text(document).encode(), **draw(document)}


def text(document: Json) -> str:
    """The page in Markdown."""
    return "\n".join(_page(document)) + "\n"


def _page(document: Json) -> Iterator[str]:
    labels = {c["name"]: c["label"] for c in document["contenders"]}
    yield "# Do tuned runs bear out the paper's ordering of optimizers?"
    yield ""
    yield from _opening(document)
    yield from comparisons.verdicts(document, labels)
    yield from comparisons.exceptions(document, labels)
    yield from _how(document)
    yield from runs.ends(document, labels)
    yield from comparisons.tests(document, labels)
    yield from runs.landscape(document, labels)
    yield from runs.groups(document, labels)
    yield from comparisons.ablation(document, labels)
    yield from runs.sweep(document, labels)
    yield from runs.rates(document, labels)


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


def _how(document: Json) -> Iterator[str]:
    settings = document["settings"]
    seeds, tuning = document["seeds"]["evaluation"], document["seeds"]["tuning"]
    yield "## How it was measured"
    yield ""
    yield (
        f"- Seeds {span(seeds)}: each fixes the start and the order of the data, for all optimizers alike. Linear "
        "models, which start from 0 by themselves, start from N(0, 1/fan-in)."
    )
    yield (
        f"- Learning rates: a grid in half decades, the smallest mean final f on seeds {span(tuning)}, none of which "
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
    yield from table(
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
