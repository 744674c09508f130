"""What a command's help lays out by hand is laid out by hand here, too."""

from itertools import groupby

LAID_OUT = "| "
"""How sphinx_click begins each line of a block after \\b."""


def _process(app, ctx, lines):
    found: list[str] = []
    for laid_out, group in groupby(list(lines), key=lambda line: line.startswith(LAID_OUT)):
        if laid_out:
            found += ["::", "", *(f"    {line.removeprefix(LAID_OUT)}" for line in group), ""]
        else:
            found += group
    lines[:] = found


def setup(app):
    app.setup_extension("sphinx_click")
    app.connect("sphinx-click-process-description", _process)
    return {"parallel_read_safe": True}
