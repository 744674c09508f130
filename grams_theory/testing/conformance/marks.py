"""What a check says of itself beside its promise."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn, TypeVar

Function = TypeVar("Function", bound=Callable[..., None])


class NotApplicable(Exception):
    """A check has nothing to hold this optimizer, implementation or device to; the message says why."""


def once(function: Function) -> Function:
    """The check is about the class, so that one implementation is enough."""
    function.once = True  # pyright: ignore[reportFunctionMemberAccess]
    return function


def slow(function: Function) -> Function:
    """The check takes seconds, and runs only if it is asked for."""
    function.slow = True  # pyright: ignore[reportFunctionMemberAccess]
    return function


def skip(reason: str) -> NoReturn:
    """Raise NotApplicable."""
    raise NotApplicable(reason)
