"""The notebook of examples/ runs, is shipped without outputs, and names no machine."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from traitlets.config import Config

from tests.golden.make import STORE

ROOT = Path(__file__).parents[1]
NOTEBOOK = ROOT / "examples" / "scaling_study.ipynb"
TIMEOUT_S = 600


def notebook() -> nbformat.NotebookNode:
    return nbformat.read(NOTEBOOK, as_version=4)


def is_sweep(cell: nbformat.NotebookNode) -> bool:
    return "sweep" in cell.metadata.get("tags", [])


def executed(book: nbformat.NotebookNode, folder: Path) -> nbformat.NotebookNode:
    """Run every cell in a kernel of this Python, in a folder."""
    resources = {"metadata": {"path": str(folder)}}
    # Through sockets in a folder, not TCP; their paths have to be short.
    with tempfile.TemporaryDirectory(prefix="nb") as place:
        config = Config({"KernelManager": {"transport": "ipc", "ip": f"{place}/k"}})
        client = NotebookClient(book, timeout=TIMEOUT_S, config=config, resources=resources)
        return client.execute()


def shown(book: nbformat.NotebookNode) -> str:
    """Everything that the cells show as text, as a table or as a drawing."""
    data = [out.get("data", {}) for cell in book.cells for out in cell.get("outputs", [])]
    drawings = [x["image/svg+xml"] for x in data if "image/svg+xml" in x]
    return "\n".join([str(x.get("text/html", x.get("text/plain", ""))) for x in data] + drawings)


def check_story(book: nbformat.NotebookNode) -> str:
    """It shows an answer, charts, laws and a decision; returns what it shows."""
    text = shown(book)
    assert "Scaling report: " in text
    assert text.count("vegaEmbed") + text.count("<svg") >= 2
    assert "amdahl" in text
    assert "balanced" in text
    return text


def test_it_is_shipped_without_outputs():
    cells = [cell for cell in notebook().cells if cell.cell_type == "code"]
    assert sum(map(is_sweep, cells)) == 1
    assert all(not cell.outputs and cell.execution_count is None for cell in cells)
    assert str(ROOT) not in NOTEBOOK.read_text()


def test_all_but_the_sweep_runs_on_stored_results(tmp_path):
    shutil.copytree(STORE, tmp_path / "study-results")
    book = notebook()
    book.cells = [cell for cell in book.cells if not is_sweep(cell)]
    text = check_story(executed(book, tmp_path))
    assert "Use 4 workers for now: 3.47x" in text
    assert (tmp_path / "study-results" / "runs.csv").stat().st_size > 1000


@pytest.mark.cluster
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_whole_of_it_runs(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    assert "emulated" in check_story(executed(notebook(), tmp_path))
