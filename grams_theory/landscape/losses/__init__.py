"""Real losses by name, each a model, a loss function and data; most load offline, some from a path.

Every public module here that has `PROBLEMS`, a tuple of `Recipe`s, adds its losses: nothing else lists them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from typing import Any

from grams_theory.core.errors import NEAR, UnknownNameError, UsageError
from grams_theory.core.registry import modules, users_module
from grams_theory.landscape.losses.problem import Problem, Size
from grams_theory.landscape.losses.recipe import Recipe

__all__ = ["Problem", "Recipe", "by_name", "load", "names", "recipes"]


@cache
def recipes() -> Mapping[str, Recipe]:
    """What is known of every built-in loss before its data are loaded, by name."""
    found = [
        recipe for module in modules(sys.modules[__name__]) for recipe in getattr(module, "PROBLEMS", ())
    ]
    return {recipe.name: recipe for recipe in found}


def names(size: Size | None = "small") -> tuple[str, ...]:
    """The built-in losses of that size: "small", "medium" or "large"; None: all of them."""
    return tuple(name for name, recipe in recipes().items() if size in (None, recipe.size))


def by_name(
    name: str, *, seed: int = 0, path: str | os.PathLike[str] | None = None, **options: Any
) -> Problem:
    """A fresh copy of a built-in loss at its initial weights.

    Args:
        name: one of `names(None)`.
        seed: draws the initial weights, nothing else: the data and what is held out are always the same.
        path: the data, where they can or must be supplied; see `Recipe.supply`.
        options: keywords of that loss, see `Recipe.options`.

    Raises:
        UnknownNameError: there is no such loss; the message offers the nearest.
        UsageError: an unknown option; data or a package that is missing, with what to do about it.
    """
    if name not in recipes():
        raise UnknownNameError("loss", name, recipes())
    return recipes()[name].make(seed, path, **options)


def load(spec: str, **options: Any) -> Problem:
    """A built-in loss by name, or what "module:factory" returns: a `Problem` or (model, loss_fn, data).

    Options are keywords of `by_name`, or of the factory. Modules are looked for in the current directory too.

    Raises:
        UsageError: no such module or attribute (with the nearest names), or the factory fails or returns other things.
    """
    if ":" not in spec:
        try:
            return by_name(spec, **options)
        except UnknownNameError as error:
            raise UsageError(f"{error}; or give your own as module:factory") from error
    module_name, _, attribute = spec.partition(":")
    factory = getattr(users_module(module_name, spec), attribute, None)
    if not callable(factory):
        raise UsageError(_missing(module_name, attribute, factory))
    try:
        made = factory(**options)
    except Exception as error:
        called = f"with the keywords {', '.join(options)}" if options else "without arguments"
        raise UsageError(f"{spec} failed: {type(error).__name__}: {error}; it is called {called}") from error
    if isinstance(made, Problem):
        return made
    if not (isinstance(made, tuple) and len(made) == 3):
        raise UsageError(f"{spec} returned {type(made).__name__}; return (model, loss_fn, data)")
    return Problem(spec, spec, *made)


def _missing(module_name: str, attribute: str, found: object) -> str:
    if found is not None:
        kind = type(found).__name__
        return f"{module_name}:{attribute} is {kind}, not a function that returns (model, loss_fn, data)"
    module = sys.modules[module_name]
    known = [n for n, value in vars(module).items() if callable(value) and not n.startswith("_")]
    if near := get_close_matches(attribute, known, n=3, cutoff=NEAR):
        offer = f"did you mean {', '.join(near)}?"
    else:
        offer = f"it has {', '.join(sorted(known)[:10]) or 'no functions'}"
    return f"module {module_name!r} has no attribute {attribute!r}; {offer}"
