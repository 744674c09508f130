"""docs/findings.md gives each statement of the paper its recorded verdict, and says where wording is reconstructed."""

import re
from pathlib import Path

import pytest

from grams_theory.claims import all_claims, by_id, names
from grams_theory.core.summary import GLYPHS

TEXT = (Path(__file__).parents[2] / "docs" / "findings.md").read_text()
ROW = re.compile(
    r"^\| (?P<place>[^|]+?) \| [^|]+ \| (?P<glyph>\S) (?P<verdict>\w+): `(?P<claim>[^`]+)` \|", re.M
)
BOLD = re.compile(r"\*\*(\w+)\*\* \(`([^`]+)`\)")
OURS = ("Ours", "Classical")
RECONSTRUCTED = ("reconstructed", "not known to us", "could not be read", "made explicit here")


def rows(text: str) -> dict[str, tuple[str, str, str]]:
    """Claim -> where it stands, glyph and verdict, as the table has them."""
    return {row["claim"]: (row["place"], row["glyph"], row["verdict"]) for row in ROW.finditer(text)}


def wrong(text: str) -> list[str]:
    """The claims of which the page says another verdict than the record."""
    found = [
        claim
        for claim, (_, glyph, verdict) in rows(text).items()
        if (glyph, verdict) != (GLYPHS[by_id(claim).recorded], by_id(claim).recorded)
    ]
    return found + [claim for verdict, claim in BOLD.findall(text) if verdict != by_id(claim).recorded]


def test_the_table_holds_the_paper_s_statements_and_no_other():
    assert set(rows(TEXT)) == {claim.id for claim in all_claims() if not claim.source.startswith(OURS)}


def test_the_verdicts_are_the_recorded_ones():
    assert BOLD.search(TEXT)
    assert wrong(TEXT) == []


@pytest.mark.parametrize(
    ("right", "planted", "claim"),
    [
        ("◇ gap: `theorem-4.15`", "✓ proved: `theorem-4.15`", "theorem-4.15"),
        ("**proved** (`comparison-sharp`)", "**refuted** (`comparison-sharp`)", "comparison-sharp"),
    ],
)
def test_a_wrong_verdict_is_found(right, planted, claim):
    assert right in TEXT
    assert wrong(TEXT.replace(right, planted)) == [claim]


def test_a_dagger_says_where_the_wording_is_reconstructed():
    said = {claim for claim, (place, _, _) in rows(TEXT).items() if "†" in place}
    sources = {claim: by_id(claim).source.lower() for claim in rows(TEXT)}
    assert said == {
        claim for claim, source in sources.items() if any(words in source for words in RECONSTRUCTED)
    }


def test_every_claim_that_is_named_exists():
    hyphenated = set(re.findall(r"`([a-z]+(?:-[a-z0-9.]+)+)`", TEXT))
    assert hyphenated - {"grams-theory"} <= set(names())
