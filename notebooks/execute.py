"""Run the walkthroughs: each percent script NAME.py given becomes NAME.ipynb with its outputs stored.

python notebooks/execute.py notebooks/01_one_step_descent.py
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import jupytext
import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

CELL_TIMEOUT = 600
"""Seconds that one cell may take."""


def execute(notebook: NotebookNode, folder: Path) -> NotebookNode:
    """The notebook, run in place from its first cell in a fresh kernel that works in `folder`.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell raised; the message shows the cell and the traceback.
    """
    client = NotebookClient(
        notebook,
        kernel_name="python3",
        timeout=CELL_TIMEOUT,
        record_timing=False,
        resources={"metadata": {"path": str(folder)}},
    )
    return client.execute()


def main(scripts: list[str]) -> None:
    for script in map(Path, scripts):
        notebook = jupytext.read(script)
        for index, cell in enumerate(notebook.cells):
            cell.id = f"cell-{index:02}"  # random by default: each run would differ
        with TemporaryDirectory() as folder:
            nbformat.write(execute(notebook, Path(folder)), script.with_suffix(".ipynb"))


if __name__ == "__main__":
    main(sys.argv[1:])
