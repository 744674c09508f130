"""The claims, in the order of the paper. ONE FILE PER CLAIM, each with a `CLAIM`; there is no list to keep.

Importing a claim costs nothing: what a proof needs is imported when the proof runs.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from functools import cache

from grams_theory.core.claim import Claim
from grams_theory.core.errors import UnknownNameError, UsageError
from grams_theory.core.registry import modules


@cache
def all_claims() -> tuple[Claim, ...]:
    """Every claim, in the order of the paper (`Claim.place`, then id).

    Raises:
        UsageError: two files share an id, or a reference between claims is unknown or cyclic.
    """
    found = [module.CLAIM for module in modules(sys.modules[__name__])]
    return check_references(sorted(found, key=lambda claim: (claim.place or (sys.maxsize,), claim.id)))


def names() -> tuple[str, ...]:
    """The ids, in the order of the paper."""
    return tuple(claim.id for claim in all_claims())


def by_id(claim_id: str) -> Claim:
    """The claim of that id. Raises `UnknownNameError`."""
    found = {claim.id: claim for claim in all_claims()}
    if claim_id not in found:
        raise UnknownNameError("claim", claim_id, found)
    return found[claim_id]


def check_references(claims: Iterable[Claim]) -> tuple[Claim, ...]:
    """The same claims, if ids are unique, references exist, and no argument rests on itself.

    Raises:
        UsageError: otherwise, with the ids at fault.
    """
    claims = tuple(claims)
    known: dict[str, Claim] = {}
    for claim in claims:
        if claim.id in known:
            raise UsageError(f"two claims have the id {claim.id!r}; rename one of them")
        known[claim.id] = claim
    for claim in claims:
        for field, ids in _references(claim).items():
            if dangling := sorted(set(ids) - known.keys()):
                raise UsageError(f"claim {claim.id!r} {field} {dangling}, which no file defines")
    for claim in claims:
        if path := _path(claim.id, claim.id, known):
            raise UsageError(
                f"the arguments rest on each other: {' argues from '.join(path)}; break the circle"
            )
    return claims


def _references(claim: Claim) -> dict[str, tuple[str, ...]]:
    amended = () if claim.amends is None else (claim.amends,)
    return {"argues from": claim.argument, "amends": amended}


def _path(start: str, goal: str, known: dict[str, Claim], seen: frozenset[str] = frozenset()) -> list[str]:
    """A chain of arguments from start to goal, at least one link long; [] if there is none."""
    for used in known[start].argument:
        if used == goal:
            return [start, goal]
        if used not in seen and (rest := _path(used, goal, known, seen | {used})):
            return [start, *rest]
    return []
