"""What the pages count is counted again."""

import re
from pathlib import Path

import pytest

from grams_theory import claims
from grams_theory.core.document import SCHEMA
from grams_theory.testing import conformance
from tests.quality.broken import FAULTS
from tests.quality.test_planted_claims import PLANTED

ROOT = Path(__file__).parents[2]
EXACT = {
    "claims": ("README.md", r"seven of its (\d+) claims", len(claims.names())),
    "schema": ("docs/verdicts-json.md", r"This is schema \*\*(\d+)\*\*", SCHEMA),
}
AT_LEAST = {
    "promises": ("README.md", r"more than (\d+) promises", len(conformance.checks())),
    "planted faults": ("docs/counterexamples.md", r"more than (\d+) broken", len(FAULTS) + len(PLANTED)),
}


def said(page: str, pattern: str) -> int:
    found = re.search(pattern, (ROOT / page).read_text())
    assert found, f"{page} no longer says {pattern!r}"
    return int(found[1])


@pytest.mark.parametrize(("page", "pattern", "actual"), EXACT.values(), ids=EXACT)
def test_the_page_says_how_many_there_are(page, pattern, actual):
    assert said(page, pattern) == actual


@pytest.mark.parametrize(("page", "pattern", "actual"), AT_LEAST.values(), ids=AT_LEAST)
def test_there_are_more_than_the_page_says(page, pattern, actual):
    assert actual > said(page, pattern)
