"""Function families with certified constants: one public module per family, with a module-level `FAMILY`.

Traits that a family may certify: "smooth", "bounded" (the batch has `minimum`), "convex", "pl", "separable"
(ids of the assumptions of a claim); "quadratic" (every row is a quadratic form, given exactly by
`FunctionBatch.quadratic`); "interpolating" (a sum of terms that one point minimises all at once);
"stochastic" (the batch has `noise(generator, shape)`); "real-data".
"""

import sys
from collections.abc import Iterable
from functools import cache

from grams_theory.core.errors import UnknownNameError
from grams_theory.core.function import Family
from grams_theory.core.registry import modules

__all__ = ["all_families", "by_name", "certifying", "names"]


@cache
def all_families() -> tuple[Family, ...]:
    """Every family, in the order of their names."""
    return tuple(module.FAMILY for module in modules(sys.modules[__name__]))


def names() -> tuple[str, ...]:
    """The names of all families, sorted."""
    return tuple(family.name for family in all_families())


def by_name(name: str) -> Family:
    """The family called `name`.

    Raises:
        UnknownNameError: there is none; the message offers the nearest names.
    """
    for family in all_families():
        if family.name == name:
            return family
    raise UnknownNameError("family", name, names())


def certifying(traits: Iterable[str]) -> tuple[Family, ...]:
    """The families whose traits include all of `traits` (such as ids of assumptions)."""
    return tuple(family for family in all_families() if family.traits.issuperset(traits))
