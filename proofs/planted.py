"""Claims with a planted fault."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from grams_theory.claims import by_id
from grams_theory.core.claim import Claim


def restated(claim_id: str, part: str, edit: Callable[[Any], Any]) -> Claim:
    """The claim with one conclusion of its formal statement edited, and its proof as it is."""
    claim = by_id(claim_id)
    assert claim.formal is not None
    stated = claim.formal()
    changed = replace(stated, conclusions={**stated.conclusions, part: edit(stated.conclusions[part])})
    return replace(claim, formal=lambda: changed)
