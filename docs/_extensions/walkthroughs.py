"""The page `walkthroughs/NAME` is `notebooks/NAME.ipynb`: its text, its code, and what the code printed and drew.

Formulas, on all pages, become MathML: no script, no network. A figure needs words for who cannot see it: `alt` in the
header of its cell.
"""

import json
import re
from html import unescape
from pathlib import Path

from docutils import nodes
from markupsafe import escape
from sphinx.util import logging

from grams_theory.report.mathml import from_latex

FOLDER = "walkthroughs/"
NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
FENCE = "``````"
FORMULA = re.compile(r"\$\$(.+?)\$\$", re.DOTALL)


def _block(directive: str, body: str, *options: str) -> str:
    return "\n".join([f"{FENCE}{{{directive}", *options, "", body.rstrip("\n"), FENCE])


def _raw(html: str) -> str:
    return _block("raw} html", f'<div class="output">{html}</div>')


def _formulas(html: str) -> str:
    return FORMULA.sub(lambda found: from_latex(unescape(found[1]), found[1], display=True), html)


def _shown(output: dict, alt: str | None, where: str) -> str:
    """One output as Markdown: the richest form that it has."""
    if output["output_type"] == "stream":
        return _block("code-block} text", "".join(output["text"]), ":class: output")
    data = {kind: "".join(text) for kind, text in output["data"].items()}
    if "image/png" in data:
        if not alt:
            logging.getLogger(__name__).warning(
                'a figure without words: begin its cell with # %% alt="..."', location=where
            )
        image = data["image/png"].replace("\n", "")
        return _raw(f'<img src="data:image/png;base64,{image}" alt="{escape(alt or "")}">')
    if "text/html" in data:
        return _raw(_formulas(data["text/html"]))
    if "text/latex" in data:
        return f"$${data['text/latex'].strip('$')}$$"
    return _block("code-block} text", data["text/plain"], ":class: output")


def _joined(outputs: list[dict]) -> list[dict]:
    """What was printed in a row, in one piece."""
    found: list[dict] = []
    for output in outputs:
        if found and output["output_type"] == found[-1]["output_type"] == "stream":
            found[-1] = {**output, "text": [*found[-1]["text"], *output["text"]]}
        else:
            found.append(output)
    return found


def markdown(notebook: dict, name: str) -> str:
    """The notebook as a page."""
    pieces = []
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            pieces.append(source)
            continue
        pieces.append(_block("code-block} python", source))
        alt = cell["metadata"].get("alt")
        pieces += [_shown(output, alt, FOLDER + name) for output in _joined(cell["outputs"])]
    pieces.insert(1, f"To run it, and change it: `notebooks/{name}.ipynb`.")
    return "\n\n".join(pieces) + "\n"


def _read(app, docname, source):
    if docname.startswith(FOLDER):
        path = NOTEBOOKS / f"{docname.removeprefix(FOLDER)}.ipynb"
        app.env.note_dependency(str(path), docname=docname)
        source[0] = markdown(json.loads(path.read_text(encoding="utf-8")), path.stem)


def _math(self, node):
    latex = node.astext()
    self.body.append(str(from_latex(latex, latex, display=isinstance(node, nodes.math_block))))
    raise nodes.SkipNode


def setup(app):
    app.connect("source-read", _read)
    app.add_html_math_renderer("mathml", (_math, None), (_math, None))
    return {"parallel_read_safe": True}
