"""`verdicts.json`: a ledger as strict JSON, and back. `verdicts.schema.json` beside this file is its JSON Schema.

JSON has no NaN and no infinity: such floats are written as the strings "nan", "inf" and "-inf".
"""

import json
import math
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from grams_theory.core.errors import UsageError
from grams_theory.core.evidence import (
    AblationEvidence,
    ArgumentEvidence,
    Evidence,
    FuzzEvidence,
    MeasuredEvidence,
    MutationEvidence,
    ProofEvidence,
    ProofStep,
    SharpnessEvidence,
    Stated,
    Streamed,
    Witness,
)
from grams_theory.core.ledger import SCHEMA, ClaimResult, Ledger
from grams_theory.core.verdict import Verdict

_TYPES: Mapping[str, type] = {
    "proof": ProofEvidence,
    "fuzz": FuzzEvidence,
    "argument": ArgumentEvidence,
    "measured": MeasuredEvidence,
    "ablation": AblationEvidence,
    "sharpness": SharpnessEvidence,
    "mutation": MutationEvidence,
}
_NONFINITE = ("nan", "inf", "-inf")


def schema() -> str:
    """The JSON Schema (draft 2020-12) of what `dumps` writes, as text."""
    return (files("grams_theory.core") / "verdicts.schema.json").read_text(encoding="utf-8")


def dumps(ledger: Ledger) -> str:
    """Strict JSON, indented, ending in a newline."""
    return json.dumps(_plain(ledger.as_dict()), allow_nan=False, ensure_ascii=False, indent=1) + "\n"


def loads(text: str) -> Ledger:
    """Inverse of `dumps` (sequences come back as tuples). Raises UsageError for anything else."""
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        raise UsageError(f"not a verdicts.json: {error}; write one with `grams-theory verify`") from error
    schema = document.get("schema") if isinstance(document, dict) else None
    if schema != SCHEMA:
        raise UsageError(
            f"verdicts.json has schema {schema!r}; this version reads {SCHEMA}; run `verify` again"
        )
    try:
        return Ledger(tuple(_result(claim) for claim in document["claims"]), document["environment"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(f"verdicts.json is damaged ({error!r}); run `grams-theory verify` again") from error


def _plain(value: Any) -> Any:
    match value:
        case float() if not math.isfinite(value):
            return str(value)
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
    return value


def _frozen(value: Any) -> Any:
    match value:
        case list():
            return tuple(_frozen(item) for item in value)
        case dict():
            return {key: _frozen(item) for key, item in value.items()}
        case str() if value in _NONFINITE:
            return float(value)
    return value


def _evidence(entry: Mapping[str, Any]) -> Evidence:
    fields = {key: _frozen(value) for key, value in entry.items() if key != "type"}
    if entry["type"] == "proof":
        fields["steps"] = tuple(ProofStep(**step) for step in fields["steps"])
        fields["stated"] = None if fields["stated"] is None else Stated(**fields["stated"])
    if entry["type"] == "fuzz" and fields["streams"] is not None:
        fields["streams"] = Streamed(**fields["streams"])
    if entry["type"] == "sharpness":
        fields["examples"] = tuple(Witness(**example) for example in fields["examples"])
    if entry["type"] == "ablation" and fields["witness"] is not None:
        fields["witness"] = Witness(**fields["witness"])
    return _TYPES[entry["type"]](**fields)


def _result(claim: Mapping[str, Any]) -> ClaimResult:
    witness = () if claim["witness"] is None else (Witness(**_frozen(claim["witness"])),)
    return ClaimResult(
        id=claim["id"],
        title=claim["title"],
        source=claim["source"],
        verdict=Verdict(claim["verdict"]),
        recorded=None if claim["recorded"] is None else Verdict(claim["recorded"]),
        evidence=tuple(_evidence(entry) for entry in claim["evidence"]) + witness,
        seconds=claim["seconds"],
    )
