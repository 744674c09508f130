"""A witness that is no single step, checked again in exact arithmetic: what its falsifying example calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from grams_theory.core.errors import UnknownNameError, UsageError
from grams_theory.core.evidence import Witness
from grams_theory.engine import exact_flow, exact_noise, exact_run, weaken
from grams_theory.engine.exact import exactly, precision

_KINDS = {"run": exact_run, "flow": exact_flow, "noise": exact_noise}
_SNIPPET = """\
from grams_theory.engine.recheck import recheck

case = {case}
margin = recheck({kind!r}, {claim!r}, {part!r}, case)
print({part!r}, margin, ">= 0 is", margin >= 0)
"""


def recheck(kind: str, claim_id: str, part: str, data: Mapping[str, Any]) -> Any:
    """The margin of a case by the definitions: an exact rational, or a ball that contains it. It is violated below 0.

    Args:
        kind: of the witness: run, flow or noise.
        claim_id: the claim, also one that was weakened, as in a replay token.
        part: of the claim.
        data: the case as `Witness.data` spells it: strings "p/q"; change them and look.

    Raises:
        UnknownNameError: there is no such kind, claim or part.
        UsageError: the case is outside the premise of the claim.
    """
    if kind not in _KINDS:
        raise UnknownNameError("kind of witness", kind, _KINDS)
    claim = weaken.by_id(claim_id)
    counts = {name: value for name, value in data.items() if isinstance(value, int)}
    try:
        with precision():
            margin = _KINDS[kind].margin_of(claim, {**exactly(data), **counts}, part)
    except KeyError as missing:
        raise UsageError(f"claim {claim_id!r} has no part, or the case has no entry, {missing}") from None
    if margin is None:
        raise UsageError(f"the case is outside the premise of {claim_id!r}, which says nothing about it")
    return margin


def as_code(data: Mapping[str, Any]) -> str:
    """A case as a dict, an entry on each line."""
    entries = "".join(f"    {name!r}: {value!r},\n" for name, value in data.items())
    return f"{{\n{entries}}}"


def snippet(witness: Witness, claim_id: str) -> str | None:
    """Python text that rechecks the witness; None for any other kind."""
    if witness.kind not in _KINDS:
        return None
    text = _SNIPPET.format(case=as_code(witness.data), kind=witness.kind, claim=claim_id, part=witness.part)
    return text + (f"# grams-theory replay {witness.token}\n" if witness.token else "")
