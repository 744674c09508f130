"""Files that survive a kill: written whole or not at all, appended to line by line, and on the disk when done."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

from grams_theory.core.errors import UsageError

LONGEST = 150


def readable(name: str) -> str:
    """The name as one part of a path: other characters than letters, digits and . _ = + - become -."""
    return re.sub(r"[^\w.=+-]+", "-", name).strip("-.")[:LONGEST]


def write_whole(path: Path, data: bytes) -> None:
    """Put the data in place of the file, whose folder is made if need be; a reader sees the old or the new.

    Raises:
        UsageError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, beside = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(beside, path)
        except BaseException:
            Path(beside).unlink(missing_ok=True)
            raise
        _sync(path.parent)
    except OSError as error:
        raise _unwritable(path, error) from error


def append(path: Path, data: bytes) -> None:
    """Append the data in one piece.

    Raises:
        UsageError: it cannot be written, or not all of it.
    """
    try:
        new = not path.exists()
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            if os.write(handle, data) < len(data):
                raise OSError("the disk is full")
            os.fsync(handle)
        finally:
            os.close(handle)
        if new:
            _sync(path.parent)
    except OSError as error:
        raise _unwritable(path, error) from error


def _sync(folder: Path) -> None:
    """Put the names of a folder's files on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _unwritable(path: Path, error: OSError) -> UsageError:
    return UsageError(f"cannot write {path}: {error.strerror or error}; choose another folder with --state")
