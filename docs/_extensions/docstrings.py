"""Docstrings are plain text with backquoted code: here they become reStructuredText."""

import re

SECTION = re.compile(r"(Args|Returns|Raises|Yields|Attributes|Examples?|Notes?|Source)\s*:\s*$")
CODE = re.compile(r"(`[^`]+`)")


def convert(lines: list[str]) -> list[str]:
    """Code in backquotes as literals, everything else literally, indented blocks after a blank line as they are."""
    found: list[str] = []
    block = None
    inside_section = False
    for before, line in zip(["", *lines], lines, strict=False):
        depth = len(line) - len(line.lstrip())
        if line.strip() and depth == 0:
            inside_section = bool(SECTION.match(line))
        if block is not None and line.strip() and depth < block:
            block = None
        if block is None and depth and not before.strip() and not inside_section and line.strip():
            block = depth
            found += ["::", ""]
        found.append(line if block is not None else _escaped(line))
    return found


def _escaped(line: str) -> str:
    found = ""
    for part in CODE.split(line):
        if part.startswith("`"):
            found += f"`{part}`"
            continue
        glued = found.endswith("`") and part[:1].isalnum()
        found += ("\\ " if glued else "") + re.sub(r"([*|\\_])", r"\\\1", part)
    return found


def _process(app, what, name, obj, options, lines):
    lines[:] = convert(lines)


def setup(app):
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("autodoc-process-docstring", _process, priority=100)
    return {"parallel_read_safe": True}
