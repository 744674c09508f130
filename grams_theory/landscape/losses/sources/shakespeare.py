"""Shakespeare's works, modern spelling, from the package `shakespeare`: 37 plays and the poems, about 5 MB of text."""

from __future__ import annotations

from collections.abc import Mapping

from grams_theory.landscape.losses.sources.packages import packaged

SOURCE = "Shakespeare's works as transcribed by Project Gutenberg (public domain), in the package shakespeare (MIT)"
ENDING = "_gut.txt"
COMEDIES = (
    "alls_well_that_ends_well",
    "as_you_like_it",
    "comedy_of_errors",
    "loves_labours_lost",
    "measure_for_measure",
    "merchant_of_venice",
    "merry_wives_of_windsor",
    "midsummer_nights_dream",
    "much_ado_about_nothing",
    "taming_of_the_shrew",
    "tempest",
    "twelfth_night",
    "two_gentlemen_of_verona",
    "winters_tale",
)
"""As the catalogue of the First Folio (1623) has them, by the names of the files."""
TRAGEDIES = (
    "antony_and_cleopatra",
    "coriolanus",
    "cymbeline",
    "hamlet",
    "julius_caesar",
    "lear",
    "macbeth",
    "othello",
    "romeo_and_juliet",
    "timon_of_athens",
    "tragedy_of_titus_andronicus",
    "troilus_and_cressida",
)
"""As the First Folio has them; Troilus and Cressida stands there before the tragedies, and not in its catalogue."""
HELD_OUT = (
    "as_you_like_it",
    "much_ado_about_nothing",
    "twelfth_night",
    "hamlet",
    "macbeth",
    "othello",
    "henry_v",
)
"""Works that are never trained on: three comedies, three tragedies and a history."""


def works() -> Mapping[str, str]:
    """Every work by the name of its file, less the lines of title and author.

    Raises:
        UsageError: the package is not installed.
    """
    files = packaged("shakespeare", ENDING)
    return {
        file.name.removesuffix(ENDING): _body(file.read_text(encoding="ascii", errors="replace"))
        for file in files
    }


def _body(text: str) -> str:
    _, author, body = text.partition("by William Shakespeare")
    return body.strip() if author else text.strip()
