"""Rich consoles: colours and bars on a terminal, plain text elsewhere; NO_COLOR is respected."""

import os

from rich.console import Console

PIPE_WIDTH = 120


def console(stderr: bool = False) -> Console:
    """A console for the current standard streams; when piped it wraps at COLUMNS, or at 120."""
    found = Console(stderr=stderr, highlight=False, emoji=False, markup=False)
    if not found.is_terminal and "COLUMNS" not in os.environ:
        found.width = PIPE_WIDTH
    return found
