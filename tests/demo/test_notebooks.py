"""The tutorials run as they stand, and hold what they gave when they were written."""

import json
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "demo_tutorial"
NOTEBOOKS = sorted(FOLDER.rglob("*.ipynb"))


def by_name(path):
    return path.stem


@pytest.fixture(params=NOTEBOOKS, ids=by_name)
def notebook(request):
    return json.loads(request.param.read_text(encoding="utf-8"))


def code_of(notebook):
    return ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]


def test_there_are_tutorials():
    assert NOTEBOOKS


def test_a_notebook_was_executed_in_order_without_an_error(notebook):
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert all(output["output_type"] != "error" for output in outputs)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=by_name)
def test_a_notebook_is_small(path):
    assert path.stat().st_size < 500_000


@pytest.mark.slow
@pytest.mark.tensorflow_only
def test_the_cells_of_a_notebook_run(notebook, run_python, tmp_path):
    # Jupyter draws without being told and shows the last value of a cell; else a cell is plain Python.
    run_python("\n".join(code_of(notebook)), tmp_path)
