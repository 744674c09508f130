"""Output that is either complete or untouched."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from grams_theory.core.errors import UsageError


def check_writable(*targets: Path) -> None:
    """Create the parents of the files to be written and try each one. Raises UsageError, before any work is done."""
    for target in targets:
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=target.parent):
                pass
        except OSError as error:
            raise _unwritable(target, error) from error
        if target.is_dir():
            raise UsageError(f"cannot write {target}: it is a directory; move it or choose another --out")


def write_all(contents: Mapping[Path, bytes]) -> None:
    """Write every file beside its target, then put them all in place: a failure leaves earlier output as it was."""
    written: list[tuple[str, Path]] = []
    try:
        for target, data in contents.items():
            written.append((_write_beside(target, data), target))
        while written:
            os.replace(*written[0])
            written.pop(0)
    except OSError as error:
        raise _unwritable(Path(error.filename or "output"), error) from error
    finally:
        for temporary, _ in written:
            Path(temporary).unlink(missing_ok=True)


def _write_beside(target: Path, data: bytes) -> str:
    handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(temporary, 0o666 & ~mask)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return temporary


def _unwritable(target: Path, error: OSError) -> UsageError:
    return UsageError(f"cannot write {target}: {error.strerror}; choose another directory with --out")
