"""The tutorials run as they stand, without the network, and hold what they gave when they were written."""

import json
import re
import shutil

import pytest

from tests.demo.notebooks import FOLDER, NOTEBOOKS, NotebookProcess, by_path, cells

COLAB = "https://colab.research.google.com"
BADGE = f"[![Open in Colab]({COLAB}/assets/colab-badge.svg)]({COLAB}/github/"
TIME = re.compile(r"\btakes\b[^.]*\b(second|minute)", re.IGNORECASE)
# As Python tells of the warnings of astroNN; scripts may quote those of others.
WARNED = re.compile(r"^(?:<code cell \d+>|\S+):\d+: UserWarning: ", re.MULTILINE)
# Folders of somebody's machine, as they stand in warnings and tracebacks.
MACHINE = re.compile(r"(?<![\w.])(/home/|/root/|/Users/|/tmp/|/var/|/work/|/usr/|/opt/|site-packages|[A-Z]:\\\\)")
KERNEL = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}


@pytest.fixture(params=NOTEBOOKS, ids=by_path)
def path(request):
    return request.param


@pytest.fixture
def notebook(path):
    return json.loads(path.read_text(encoding="utf-8"))


def outputs(notebook):
    return [output for cell in notebook["cells"] for output in cell.get("outputs", [])]


def texts(output):
    """What an output says in words, without its pictures."""
    data = {kind: text for kind, text in output.get("data", {}).items() if kind.startswith("text/")}
    return ["".join(text) for text in (output.get("text", ""), *data.values())]


def test_the_tutorials_that_the_documentation_lists_are_those_that_there_are():
    page = FOLDER.parent / "docs" / "source" / "tutorials.rst"
    listed = re.findall(r"``demo_tutorial/([\w/]+\.ipynb)``", page.read_text(encoding="utf-8"))
    assert sorted(listed) == [notebook.relative_to(FOLDER).as_posix() for notebook in NOTEBOOKS]


def test_a_tutorial_begins_with_a_badge_and_says_where_it_is_and_how_long_it_takes(path, notebook):
    first, second = cells(notebook, "markdown")[:2]
    assert first.startswith(BADGE)
    assert f"demo_tutorial/{path.relative_to(FOLDER).as_posix()}" in first
    assert second.startswith("# ")
    assert TIME.search(second)


def test_a_tutorial_was_executed_in_order_without_an_error(notebook):
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    assert any("image/png" in output.get("data", {}) for output in outputs(notebook))
    assert all(output["output_type"] != "error" for output in outputs(notebook))


def test_a_tutorial_shows_no_warnings_and_nothing_of_the_machine_it_ran_on(notebook):
    assert all(output.get("name") != "stderr" for output in outputs(notebook))
    found = [text for output in outputs(notebook) for text in texts(output) if MACHINE.search(text)]
    assert not found
    assert {name: notebook["metadata"][name] for name in KERNEL} == KERNEL
    assert notebook["metadata"]["language_info"] == {"name": "python"}
    assert all(not cell["metadata"] for cell in notebook["cells"])


def test_a_tutorial_is_small(path):
    assert path.stat().st_size < 300_000


def test_the_code_of_a_tutorial_is_python_without_magics(path, notebook):
    for number, cell in enumerate(cells(notebook, "code")):
        compile(cell, f"{by_path(path)}, code cell {number + 1}", "exec")


@pytest.mark.one_backend
def test_a_warning_in_a_cell_would_be_found_and_one_that_is_quoted_not(tmp_path):
    process = NotebookProcess(tmp_path / "printed.txt")
    try:
        process.run(["print('a script told of a UserWarning')"], tmp_path, timeout=300)
        assert not WARNED.search(process.printed())
        process.run(["x = 1", "import warnings\nwarnings.warn('mind this')"], tmp_path, timeout=300)
    finally:
        process.close()
    assert WARNED.search(process.printed())


@pytest.mark.slow
@pytest.mark.tensorflow_only
def test_a_tutorial_runs_from_top_to_bottom(path, notebook, tmp_path):
    # In a copy of its folder: whoever starts Jupyter there finds the scripts that stand beside it. Jupyter draws
    # without being told and shows the last value of a cell; else a cell is plain Python.
    place = shutil.copytree(path.parent, tmp_path / "tutorial")
    process = NotebookProcess(tmp_path / "printed.txt")
    try:
        process.run(cells(notebook, "code"), place, timeout=1800)
    finally:
        process.close()
    printed = process.printed()
    assert not WARNED.search(printed), printed[-3000:]
