"""`study.json`: the document of a study as strict JSON, and back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from grams_theory.core.errors import UsageError

SCHEMA = "grams-theory/study/1"
PARTS: dict[str, type] = {
    "schema": str,
    "packages": dict,
    "settings": dict,
    "seeds": dict,
    "schedule": str,
    "level": float,
    "contenders": list,
    "cells": int,
    "losses": list,
    "sign_tests": list,
}
"""What a document consists of."""


def dumps(document: dict[str, Any]) -> str:
    """Strict JSON (no NaN, no infinity: a diverged run says so instead), ending in a newline."""
    return json.dumps(document, allow_nan=False, ensure_ascii=False, indent=1) + "\n"


def loads(text: str) -> dict[str, Any]:
    """Inverse of `dumps`. Raises UsageError for anything else, and for another schema."""
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        raise UsageError(f"not a study.json: {error}; write one with `grams-theory study`") from error
    found = document.get("schema") if isinstance(document, dict) else None
    if found != SCHEMA:
        raise UsageError(f"study.json has schema {found!r}; this version reads {SCHEMA}; run `study` again")
    wrong = [name for name, kind in PARTS.items() if not isinstance(document.get(name), kind)]
    if wrong:
        raise UsageError(f"study.json is damaged ({', '.join(wrong)}); run `grams-theory study` again")
    return document


def pairs(losses: Iterable[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Each of a document's losses with each of its modes."""
    for loss in losses:
        for mode in loss["modes"]:
            yield loss, mode


def modes(losses: Iterable[dict[str, Any]]) -> list[str]:
    """The names of the modes, each once."""
    return list(dict.fromkeys(mode["mode"] for _, mode in pairs(losses)))
