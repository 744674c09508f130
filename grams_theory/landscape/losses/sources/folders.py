"""Data that the user supplies: by a path, or in the folder that the environment variable GRAMS_THEORY_DATA names."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from grams_theory.core.errors import UsageError

VARIABLE = "GRAMS_THEORY_DATA"


Files = Sequence[str]


def folder_with(
    path: str | os.PathLike[str] | None, versions: Sequence[Files], what: str
) -> tuple[Path, Files]:
    """The folder that holds all files of a version: `path` (None: the one in GRAMS_THEORY_DATA), or one inside it.

    Returns:
        The folder, and the names of the version that is there.

    Raises:
        UsageError: no path, no such folder, or files are missing; it says what to supply, and where.
    """
    supply = (
        f"{what}: give the folder with {', or with '.join(map(', '.join, versions))} as path=..., "
        f"or put it in the folder that {VARIABLE} names"
    )
    root = path or os.environ.get(VARIABLE)
    if not root:
        raise UsageError(f"no path to the data; supply {supply}")
    top = Path(root).expanduser()
    if not top.is_dir():
        raise UsageError(f"{top} is not a folder; supply {supply}")
    missing = {
        (folder, version): [name for name in files if not (folder / name).is_file()]
        for folder in (top, *sorted(child for child in top.iterdir() if child.is_dir()))
        for version, files in enumerate(versions)
    }
    folder, version = min(missing, key=lambda place: len(missing[place]))
    if not missing[folder, version]:
        return folder, versions[version]
    if len(missing[folder, version]) < len(versions[version]):
        raise UsageError(f"{folder} has no {', '.join(missing[folder, version])}; supply {supply}")
    raise UsageError(f"none of the files is in {top} or a folder in it; supply {supply}")
