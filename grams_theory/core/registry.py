"""Discovery: one file is one claim, family or optimizer; there is no list to keep by hand. And users' own modules."""

import os
import pkgutil
import sys
from importlib import import_module
from types import ModuleType

from grams_theory.core.errors import UsageError


def modules(package: ModuleType) -> list[ModuleType]:
    """The public modules of a package, in the order of their names."""
    names = sorted(
        info.name for info in pkgutil.iter_modules(package.__path__) if not info.name.startswith("_")
    )
    return [import_module(f"{package.__name__}.{name}") for name in names]


def users_module(name: str, spec: str) -> ModuleType:
    """The module of that name, sought in the working directory first, then on sys.path; `spec` is what named it.

    Raises:
        UsageError: it is no name of a module, or cannot be imported.
    """
    if name.endswith(".py"):
        folder, stem = os.path.dirname(os.path.abspath(name)), os.path.basename(name).removesuffix(".py")
        raise UsageError(
            f"{name!r} in {spec!r} is a file; write its module, {stem}:{spec.rpartition(':')[2]}, in {folder} or with "
            "that folder in PYTHONPATH"
        )
    if not name or not all(part.isidentifier() for part in name.split(".")):
        raise UsageError(f"{name!r} in {spec!r} is not a module name; write package.module:name")
    here = os.getcwd()
    sys.path.insert(0, here)
    try:
        return import_module(name)
    except ImportError as error:
        raise UsageError(
            f"cannot import {name!r} of {spec!r}: {error}; looked in {here} and on sys.path"
        ) from error
    except (Exception, SystemExit) as error:  # whatever the module does
        raise UsageError(
            f"cannot import {name!r} of {spec!r}: it raises {type(error).__name__}: {error}; mend the module, or keep "
            "what it runs under if __name__ == '__main__'"
        ) from error
    finally:
        sys.path.remove(here)
