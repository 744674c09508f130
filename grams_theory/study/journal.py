"""The finished cells of a study in a folder: one file each, written whole or not at all.

`header.json` says what study it is and by which versions; cells of another are not mixed in. A cell is a pure function
of its key, so what a kill leaves out is played again and comes out the same.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from grams_theory.core.errors import UsageError
from grams_theory.core.files import write_all
from grams_theory.study.cell import Cell, Result, parse
from grams_theory.study.settings import Settings

FORMAT = 2
PACKAGES = ("grams-theory", "torch", "numpy", "scipy", "scikit-learn")
OPTION = "--out"


class Journal:
    """What is known of a study's cells: `journal[cell]` is the result.

    Raises:
        UsageError: the folder holds another study, or damaged or foreign records (each is named), or it cannot be
            written.
    """

    def __init__(self, folder: Path, settings: Settings, *, restart: bool = False) -> None:
        self.folder = folder / "cells"
        self._results: dict[str, Result] = {}
        self.seconds: dict[tuple[Any, ...], list[float]] = {}
        """Cost class -> what its cells took."""
        place = folder / "header.json"
        if restart:
            shutil.rmtree(self.folder, ignore_errors=True)
            place.unlink(missing_ok=True)
        wanted = header(settings)
        if place.exists():
            _refuse_other(place, wanted)
        elif any(self.folder.glob("*.json")):
            raise UsageError(f"{self.folder} has cells but no {place.name}; drop them with --restart")
        else:
            write_all({place: _bytes(wanted, indent=1)}, option=OPTION)
        self._read()

    def __contains__(self, cell: Cell) -> bool:
        return cell.name in self._results

    def __getitem__(self, cell: Cell) -> Result:
        return self._results[cell.name]

    def __len__(self) -> int:
        return len(self._results)

    def add(self, cell: Cell, result: Result, seconds: float) -> None:
        """Keep the result; when this returns it is on the disk."""
        record = {"format": FORMAT, "key": cell.key, "seconds": round(seconds, 3), "result": result}
        write_all({self.folder / f"{cell.name}.json": _bytes(record)}, option=OPTION)
        self._keep(cell, json.loads(_bytes(record)))

    def _keep(self, cell: Cell, record: dict[str, Any]) -> None:
        self._results[cell.name] = record["result"]
        self.seconds.setdefault(cell.cost_class, []).append(record["seconds"])

    def _read(self) -> None:
        bad = []
        for path in sorted(self.folder.glob("*.json")):
            found = _record(path)
            if isinstance(found, str):
                bad.append(f"{path.name} ({found})")
            else:
                self._keep(*found)
        if bad:
            raise UsageError(
                f"{len(bad)} of the records in {self.folder} cannot be used: {', '.join(bad)}; delete them and they "
                "are played again, or drop everything with --restart"
            )


def _record(path: Path) -> tuple[Cell, dict[str, Any]] | str:
    """A cell and its record, or what is wrong with the file."""
    try:
        record = json.loads(path.read_bytes())
        cell = parse(record["key"])
        complete = record["format"] == FORMAT and isinstance(record["result"], dict)
        float(record["seconds"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        return f"damaged: {type(error).__name__}"
    if not complete:
        return "of another format"
    return (cell, record) if path.stem == cell.name else "foreign: its key belongs to another name"


def header(settings: Settings) -> dict[str, Any]:
    """What the results of a study depend on, as plain JSON."""
    made = {
        "format": FORMAT,
        "packages": {package: version(package) for package in PACKAGES},
        "settings": settings.as_dict(),
    }
    return json.loads(json.dumps(made))


def _refuse_other(path: Path, wanted: dict[str, Any]) -> None:
    try:
        found = json.loads(path.read_bytes())
        differing = list(_differences("", found, wanted))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} is damaged ({error}); drop the study with --restart") from error
    if differing:
        raise UsageError(
            f"{path.parent} holds another study: {'; '.join(differing)}; put that back, drop the study with --restart, "
            f"or begin another with {OPTION}"
        )


def _differences(name: str, found: Any, wanted: Any) -> Iterator[str]:
    if isinstance(found, dict) and isinstance(wanted, dict):
        for key in sorted({*found, *wanted}):
            yield from _differences(f"{name}.{key}".strip("."), found.get(key), wanted.get(key))
    elif isinstance(found, list) and isinstance(wanted, list) and len(found) == len(wanted):
        for index, (one, other) in enumerate(zip(found, wanted, strict=True)):
            yield from _differences(f"{name}[{index}]", one, other)
    elif found != wanted:
        yield f"{name} was {json.dumps(found)} and is {json.dumps(wanted)}"


def _bytes(data: dict[str, Any], indent: int | None = None) -> bytes:
    return json.dumps(data, allow_nan=False, ensure_ascii=False, indent=indent).encode() + b"\n"
