"""The tutorials run as they stand, without the network, and hold what they gave when they were written."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import astroNN

FOLDER = Path(__file__).resolve().parents[2] / "demo_tutorial"
NOTEBOOKS = sorted(FOLDER.rglob("*.ipynb"))

COLAB = "https://colab.research.google.com"
BADGE = f"[![Open in Colab]({COLAB}/assets/colab-badge.svg)]({COLAB}/github/"
TIME = re.compile(r"\btakes\b[^.]*\b(second|minute)", re.IGNORECASE)
# Folders of somebody's machine, as they stand in warnings and tracebacks.
MACHINE = re.compile(r"(?<![\w.])(/home/|/root/|/Users/|/tmp/|/var/|/work/|/usr/|/opt/|site-packages|[A-Z]:\\\\)")
KERNEL = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}

# Cells run one after the other in one namespace, as in Jupyter, and an error names its cell. Whatever asks for an
# address in the internet fails.
RUN_CELLS = """
import json, socket, sys

def refused(*args, **kwargs):
    raise OSError("a tutorial must run without the internet")

socket.create_connection = refused
lookup = socket.getaddrinfo
socket.getaddrinfo = lambda host, *args, **kw: lookup(host, *args, **kw) if host in LOCAL else refused()
LOCAL = (None, "", "localhost", "127.0.0.1", "::1", socket.gethostname())

namespace = {"__name__": "__main__"}
for number, cell in enumerate(json.loads(sys.stdin.read())):
    exec(compile(cell, f"<code cell {number + 1}>", "exec"), namespace)
"""


def by_path(path):
    return path.relative_to(FOLDER).with_suffix("").as_posix()


@pytest.fixture(params=NOTEBOOKS, ids=by_path)
def path(request):
    return request.param


@pytest.fixture
def notebook(path):
    return json.loads(path.read_text(encoding="utf-8"))


def cells(notebook, kind):
    return ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == kind]


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


@pytest.mark.slow
@pytest.mark.tensorflow_only
def test_a_tutorial_runs_from_top_to_bottom(path, notebook, tmp_path):
    # In a copy of its folder: whoever starts Jupyter there finds the scripts that stand beside it.
    place = shutil.copytree(path.parent, tmp_path / "tutorial")
    # Jupyter draws without being told and shows the last value of a cell; else a cell is plain Python.
    places = [str(Path(astroNN.__file__).parents[1]), os.environ.get("PYTHONPATH")]
    # The scripts of a tutorial find the modules beside them unless Python is told not to look there.
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    done = subprocess.run(
        [sys.executable, "-c", RUN_CELLS],
        input=json.dumps(cells(notebook, "code")),
        cwd=place,
        env=kept | {"PYTHONPATH": os.pathsep.join(filter(None, places)), "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        encoding="utf-8",
        timeout=1800,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "UserWarning" not in done.stderr, done.stderr[-3000:]  # which are those of astroNN
