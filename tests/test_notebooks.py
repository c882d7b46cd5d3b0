"""The notebooks run from top to bottom, offline, and every cell ends on something to look at."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request):
    return nbformat.read(request.param, as_version=4)


def test_it_is_stored_without_outputs(notebook):
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in cells)


@pytest.mark.slow
def test_it_runs_and_every_cell_shows_something(notebook, tmp_path, monkeypatch):
    monkeypatch.delenv("MPLBACKEND", raising=False)  # pictures belong into the notebook
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # whoever calls out meets nobody
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": tmp_path}}).execute()
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.outputs, f"nothing to look at:\n{cell.source}"
            streams = [out.text for out in cell.outputs if out.get("name") == "stderr"]
            assert not streams, f"{cell.source}\nwrote to stderr: {streams}"
