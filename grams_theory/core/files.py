"""Files that survive a kill: written whole or not at all, appended to line by line, and on the disk when done.

`option` is the option of a command that says where the files go: an error tells the user to choose another place.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

from grams_theory.core.errors import UsageError

LONGEST = 150


def readable(name: str) -> str:
    """The name as one part of a path: other characters than letters, digits and . _ = + - become -."""
    return re.sub(r"[^\w.=+-]+", "-", name).strip("-.")[:LONGEST]


def check_writable(*targets: Path, option: str) -> None:
    """Create the parents of the files to be written and try each one. Raises UsageError, before any work is done."""
    for target in targets:
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=target.parent):
                pass
        except OSError as error:
            raise _unwritable(target, error, option) from error
        if target.is_dir():
            raise UsageError(f"cannot write {target}: it is a directory; move it or choose another {option}")


def write_all(contents: Mapping[Path, bytes], *, option: str) -> None:
    """Write every file beside its target, then put them all in place: a reader sees the old or the new.

    Raises:
        UsageError: one cannot be written; the earlier files are as they were.
    """
    written: list[tuple[str, Path]] = []
    try:
        for target, data in contents.items():
            written.append((_write_beside(target, data), target))
        while written:
            os.replace(*written[0])
            written.pop(0)
        for folder in {target.parent for target in contents}:
            _sync(folder)
    except OSError as error:
        raise _unwritable(Path(error.filename or "output"), error, option) from error
    finally:
        for temporary, _ in written:
            Path(temporary).unlink(missing_ok=True)


def append(path: Path, data: bytes, *, option: str) -> None:
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
        raise _unwritable(path, error, option) from error


def _write_beside(target: Path, data: bytes) -> str:
    """A new file in the target's folder, which is made if need be, with the permissions of any new file."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(temporary, 0o666 & ~mask)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return temporary


def _sync(folder: Path) -> None:
    """Put the names of a folder's files on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _unwritable(path: Path, error: OSError, option: str) -> UsageError:
    return UsageError(f"cannot write {path}: {error.strerror or error}; choose another folder with {option}")
