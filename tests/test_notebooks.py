"""The walkthroughs run from a fresh kernel, their outputs are stored, and their scripts say the same."""

from pathlib import Path

import jupytext
import nbformat
import pytest
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from notebooks.execute import execute

NOTEBOOKS = sorted(Path(__file__).parents[1].glob("notebooks/*.ipynb"))
BUDGET = "5000"

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def read(path):
    return nbformat.read(path, as_version=4)


def content(notebook):
    return [(cell.cell_type, cell.source) for cell in notebook.cells]


def faults(notebook):
    """Indices of the code cells that were not run in their turn, or that raised."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [
        index
        for index, cell in enumerate(code)
        if cell.execution_count != index + 1 or any(out.output_type == "error" for out in cell.outputs)
    ]


def titled(notebook):
    """A title in a code cell would be shown as a comment."""
    first = notebook.cells[0]
    return first.cell_type == "markdown" and first.source.startswith("# ")


def wordless(notebook):
    """Indices of the cells that draw, without `alt` in their headers."""
    return [
        index
        for index, cell in enumerate(notebook.cells)
        if any("image/png" in out.get("data", {}) for out in cell.get("outputs", []))
        and not cell.metadata.get("alt")
    ]


def test_there_is_a_notebook():
    assert NOTEBOOKS


@each_notebook
def test_it_runs_in_a_fresh_kernel(path, tmp_path, monkeypatch):
    monkeypatch.setenv("GRAMS_THEORY_BUDGET", BUDGET)
    assert not faults(execute(read(path), tmp_path))


@each_notebook
def test_every_cell_was_executed_in_order(path):
    assert not faults(read(path))


@each_notebook
def test_script_and_notebook_say_the_same(path):
    notebook, script = read(path), jupytext.read(path.with_suffix(".py"))
    assert content(script) == content(notebook)
    assert content(jupytext.reads(jupytext.writes(notebook, "py:percent"), "py:percent")) == content(notebook)


@each_notebook
def test_it_begins_with_its_title(path):
    assert titled(read(path))


@each_notebook
def test_every_figure_has_words_for_who_cannot_see_it(path):
    assert wordless(read(path)) == []
    words = [cell.metadata.get("alt") for cell in read(path).cells]
    assert words == [cell.metadata.get("alt") for cell in jupytext.read(path.with_suffix(".py")).cells]


@each_notebook
def test_any_machine_has_its_kernel(path):
    assert read(path).metadata.kernelspec.name == "python3"


def test_a_failing_assertion_fails_the_run(tmp_path):
    with pytest.raises(CellExecutionError, match="AssertionError"):
        execute(new_notebook(cells=[new_code_cell("assert 1 > 2")]), tmp_path)


@pytest.mark.parametrize(
    ("cells", "at_fault"),
    [
        ([new_code_cell("1", execution_count=1), new_code_cell("2", execution_count=2)], []),
        ([new_code_cell("1", execution_count=1), new_code_cell("2")], [1]),
        ([new_code_cell("1", execution_count=2), new_code_cell("2", execution_count=1)], [0, 1]),
        ([new_code_cell("1", execution_count=1, outputs=[new_output("error")])], [0]),
    ],
    ids=["in order", "skipped", "out of order", "raised"],
)
def test_cells_out_of_turn_are_found(cells, at_fault):
    assert faults(new_notebook(cells=cells)) == at_fault


def test_a_changed_cell_is_seen():
    cell, changed = (new_notebook(cells=[new_code_cell(source)]) for source in ("eta = 1", "eta = 2"))
    assert content(cell) != content(changed)


def test_a_title_in_a_code_cell_is_seen():
    assert titled(new_notebook(cells=[new_markdown_cell("# Title")]))
    assert not titled(new_notebook(cells=[new_code_cell("# # Title")]))


def test_a_figure_without_words_is_seen():
    drawn = [new_output("display_data", data={"image/png": ""})]
    cells = [new_code_cell(outputs=drawn, metadata=words) for words in ({"alt": "a line"}, {}, {"alt": ""})]
    assert wordless(new_notebook(cells=[*cells, new_code_cell("1")])) == [1, 2]
