"""docs/step-size.md says where to start coming from AdamW; its counts are those of docs/study.md."""

import re
from collections import Counter
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
STUDY, PAGE = (DOCS / "study.md").read_text(), (DOCS / "step-size.md").read_text()
TUNED = re.compile(r"^\| `(\w+)` \| (full batch|minibatch) \| (Grams|Adam) \| ([\d.e-]+) \|", re.MULTILINE)
AGAINST_ADAM = re.compile(r"^\| `\w+` \| (?:full batch|minibatch) \| \S\s\w+ \| (\S)\s[+−\d]", re.MULTILINE)
LINE = re.compile(r"^\| (full batch|minibatch), of (\d+) losses \| (\d+) \| (\d+) \| (\d+) \|$", re.MULTILINE)
ENDS = re.compile(r"above Adam on (\d+) of the (\d+) pairs of a loss and a mode, and below it on (\d+)")
HALF_DECADES = range(3)
"""The columns of the page's table: 1, 3.16 and 10 times Adam's rate."""


def tuned(study: str) -> dict[str, Counter]:
    """Mode -> how often Grams' best rate is so many times Adam's, rounded to three digits."""
    rates = {(loss, mode, name): float(rate) for loss, mode, name, rate in TUNED.findall(study)}
    found: dict[str, Counter] = {}
    for (loss, mode, name), rate in rates.items():
        if name == "Grams":
            found.setdefault(mode, Counter())[f"{rate / rates[loss, mode, 'Adam']:.3g}"] += 1
    return found


def told(page: str) -> dict[str, Counter]:
    """The same, as the page has it."""
    columns = [f"{10 ** (k / 2):.3g}" for k in HALF_DECADES]
    found = {}
    for mode, losses, *counts in LINE.findall(page):
        found[mode] = Counter(dict(zip(columns, map(int, counts), strict=True)))
        assert found[mode].total() == int(losses)
    return found


def ended(study: str) -> tuple[int, int, int]:
    """On how many pairs Grams ended above Adam, of how many, and on how many below."""
    differences, _, _ = study.partition("Differences of the training loss")
    counts = Counter(AGAINST_ADAM.findall(differences))
    return counts["✗"], counts.total(), counts["✓"]


def said(page: str) -> tuple[int, ...]:
    found = ENDS.search(" ".join(page.split()))
    assert found
    return tuple(map(int, found.groups()))


def test_the_page_counts_the_rates_as_the_study_tuned_them():
    assert told(PAGE) == tuned(STUDY) != {}


def test_the_page_counts_the_ends_as_the_study_has_them():
    assert said(PAGE) == ended(STUDY)
    assert ended(STUDY)[1] == sum(counts.total() for counts in tuned(STUDY).values())


@pytest.mark.parametrize(
    ("right", "planted"),
    [
        ("| `diabetes` | full batch | Grams | 3.16 |", "| `diabetes` | full batch | Grams | 1 |"),
        (
            "| `mnist_mlp_softmax` | minibatch | Adam | 0.01 |",
            "| `mnist_mlp_softmax` | minibatch | Adam | 0.1 |",
        ),
    ],
)
def test_another_rate_in_the_study_is_found(right, planted):
    assert right in STUDY
    assert told(PAGE) != tuned(STUDY.replace(right, planted))
