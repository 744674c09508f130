"""Errors that a user can act on: each says what is wrong, what is allowed, and what to do next."""

from collections.abc import Iterable
from difflib import get_close_matches

NEAR = 0.6
"""Names whose likeness, in [0, 1] as difflib measures it, is less are not offered."""


class GramsTheoryError(Exception):
    """Base of every error raised on purpose by this package."""


class UsageError(GramsTheoryError, ValueError):
    """Bad input. The command line turns it into exit code 2."""


class UnknownNameError(UsageError, KeyError):
    """A name that is not in a registry; the message offers the nearest ones, or lists all if none is near.

    It is a KeyError, so that mappings that raise it keep `in` and `get`.
    """

    __str__ = Exception.__str__  # KeyError would quote the message

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        known = sorted(known)
        near = get_close_matches(name, known, n=3, cutoff=NEAR)
        hint = f"did you mean {', '.join(near)}?" if near else f"known: {', '.join(known)}"
        super().__init__(f"no {kind} named {name!r}; {hint}")
        self.near = near
