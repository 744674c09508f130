"""The claims, in the order of the paper. ONE FILE PER CLAIM, each with a `CLAIM`; there is no list to keep.

Importing a claim costs nothing: what a proof needs is imported when the proof runs.

A claim of yours is a file too, and its path is its id: `by_id("./my_claim.py")`. A claim on one loss only is a claim
again, with an id of its own: `by_id("lemma-4.2 on my_package.losses:mine")`.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from grams_theory.core.claim import Claim, Noise
from grams_theory.core.errors import UnknownNameError, UsageError
from grams_theory.core.registry import modules

_ON = " on "  # of the ids of claims on one loss


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
    """The claim of that id, in the file of that path (it ends in .py), or on that loss ("lemma-4.2 on module:factory").

    Raises:
        UnknownNameError: there is no claim of that id, or no loss of that name.
        UsageError: there is no such file, it fails, or it defines no claim; or the loss lacks what the claim assumes.
    """
    if claim_id.endswith(".py"):
        return _from_file(claim_id)
    name, restricted, loss = claim_id.rpartition(_ON)
    if restricted:
        return on(by_id(name), loss)
    found = {claim.id: claim for claim in all_claims()}
    if claim_id not in found:
        raise UnknownNameError("claim", claim_id, found)
    return found[claim_id]


def on(claim: Claim, loss: str) -> Claim:
    """The claim, attacked on functions of that family alone: its name, or that of a loss (`families.by_name`).

    Raises:
        UnknownNameError: there is none of that name.
        UsageError: it lacks an assumption of the claim, or the claim is not about a function that could be chosen.
    """
    from grams_theory import families

    if claim.setting is None or isinstance(claim.setting, Noise):
        raise UsageError(f"claim {claim.id!r} is not about the steps on a loss; drop the loss")
    family = families.by_name(loss)
    lacking = sorted({assumption.id for assumption in claim.assumptions} - family.traits)
    if lacking:
        raise UsageError(
            f"claim {claim.id!r} assumes {', '.join(lacking)}, which {loss!r} does not have; "
            "families.from_loss takes the constants that you know: smoothness, pl, minimum"
        )
    return replace(claim, id=f"{claim.id}{_ON}{loss}", families=(loss,))


def _from_file(path: str) -> Claim:
    """The claim that a file defines; the path is its id, so that a token of it replays."""
    try:
        changed = Path(path).stat().st_mtime_ns
    except OSError as error:
        raise UsageError(f"no claim at {path!r} ({error.strerror}); give the path of a file") from error
    found = getattr(_run(str(Path(path).resolve()), changed), "CLAIM", None)
    if not isinstance(found, Claim):
        problem = "defines no CLAIM" if found is None else f"has a CLAIM that is {type(found).__name__}"
        raise UsageError(
            f"{path!r} {problem}; write CLAIM = Claim(...), as the files that `new-claim` starts do"
        )
    claim = replace(found, id=path)
    check_references((*all_claims(), claim))
    return claim


@cache
def _run(path: str, changed: int) -> ModuleType:
    """The file as a module, run once for each time that it was changed."""
    name = f"_claim_{hashlib.sha256(path.encode()).hexdigest()[:16]}"
    spec = spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = sys.modules[name] = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise UsageError(f"{path!r} failed: {type(error).__name__}: {error}") from error
    return module


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
