"""The six words that a claim can end in."""

from enum import StrEnum


class Verdict(StrEnum):
    """What the evidence says about a claim. Never typed by hand: `engine.verdict.decide` computes it."""

    PROVED = "proved"
    """Every step of a proof was machine-checked, for all reals and all dimensions."""
    SURVIVED = "survived"
    """Fuzzed without a violation; not proved."""
    REFUTED = "refuted"
    """A witness violates the claim, confirmed in exact or ball arithmetic."""
    VACUOUS = "vacuous"
    """It is proved that nothing satisfies the premise."""
    GAP = "gap"
    """Not refuted, but the source's argument rests on a refuted claim."""
    UNDECIDED = "undecided"
    """Nothing was found beyond the rounding error."""
