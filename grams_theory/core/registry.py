"""Discovery: one file is one claim, family or optimizer; there is no list to keep by hand."""

import pkgutil
from importlib import import_module
from types import ModuleType


def modules(package: ModuleType) -> list[ModuleType]:
    """The public modules of a package, in the order of their names."""
    names = sorted(
        info.name for info in pkgutil.iter_modules(package.__path__) if not info.name.startswith("_")
    )
    return [import_module(f"{package.__name__}.{name}") for name in names]
