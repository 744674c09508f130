"""Continuous-time flows of the paper. ONE FILE PER SYSTEM: `sample`, `OPTIONS`, `PREMISES`, `FLOWS`, `State`, `System`.

A `State` is a batch of B points at which a flow's rates are examined; a `System` is an ODE to integrate.
"""

from types import ModuleType

from grams_theory.core.errors import UnknownNameError
from grams_theory.core.registry import modules


def by_name(name: str) -> ModuleType:
    """The system's module. Raises `UnknownNameError`."""
    from grams_theory import flows

    systems = {m.__name__.rpartition(".")[2]: m for m in modules(flows) if hasattr(m, "sample")}
    if name not in systems:
        raise UnknownNameError("flow system", name, systems)
    return systems[name]
