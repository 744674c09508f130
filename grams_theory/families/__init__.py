"""Function families with certified constants: one public module per family, with a module-level `FAMILY`.

Traits that a family may certify: "smooth", "bounded" (the batch has `minimum`), "convex", "pl", "separable"
(ids of the assumptions of a claim); "quadratic" (every row is a quadratic form, given exactly by
`FunctionBatch.quadratic`); "interpolating" (a sum of terms that one point minimises all at once);
"stochastic" (the batch has `noise(generator, shape)`); "real-data".

`from_loss` makes a family of a model, its loss function and data, with constants that are estimated.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from functools import cache

from grams_theory import landscape
from grams_theory.core.errors import UnknownNameError, UsageError
from grams_theory.core.function import Family
from grams_theory.core.registry import modules
from grams_theory.families._user_loss import from_loss, load

__all__ = ["add", "all_families", "by_name", "certifying", "from_loss", "names"]

_ADDED: dict[str, Family] = {}


@cache
def all_families() -> tuple[Family, ...]:
    """Every family, in the order of their names."""
    return tuple(module.FAMILY for module in modules(sys.modules[__name__]))


def names() -> tuple[str, ...]:
    """The names of all families, sorted."""
    return tuple(family.name for family in all_families())


def by_name(name: str) -> Family:
    """The family called `name`: one of ours, one that was added, or a loss by its name or as "module:factory".

    Raises:
        UnknownNameError: there is none; the message offers the nearest names.
        UsageError: the loss cannot be loaded.
    """
    for family in (*all_families(), *_ADDED.values()):
        if family.name == name:
            return family
    if ":" in name or name in landscape.names():
        return load(name)
    raise UnknownNameError("family", name, (*names(), *_ADDED, *landscape.names()))


def add(family: Family) -> Family:
    """Make a family of yours known to `by_name` in this process, in place of an earlier one that you added.

    Raises:
        UsageError: its name is taken by one of ours, or by a loss.
    """
    if family.name in (*names(), *landscape.names()) or ":" in family.name:
        raise UsageError(f"the name {family.name!r} is taken, or is that of a module; choose another")
    _ADDED[family.name] = family
    return family


def certifying(traits: Iterable[str]) -> tuple[Family, ...]:
    """The families whose traits include all of `traits` (such as ids of assumptions)."""
    return tuple(family for family in all_families() if family.traits.issuperset(traits))
