"""The notebooks of the folder demo_tutorial, and a process to run them in."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import astroNN

FOLDER = Path(__file__).resolve().parents[2] / "demo_tutorial"
NOTEBOOKS = sorted(FOLDER.rglob("*.ipynb"))


def by_path(path):
    """The name of a tutorial: its path without folder and ending."""
    return path.relative_to(FOLDER).with_suffix("").as_posix()


def cells(notebook, kind):
    """Texts of the cells of a kind, of a notebook as JSON has it."""
    return ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == kind]


class NotebookProcess:
    """A Python that runs notebooks, one after the other.

    Parameters
    ----------
    log : Path
        File for all that is printed, warnings too.
    """

    def __init__(self, log):
        self.log = log
        places = [str(Path(astroNN.__file__).parents[1]), os.environ.get("PYTHONPATH")]
        # The scripts of a tutorial find the modules beside them unless Python is told not to look there.
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
        with open(log, "w") as stderr:
            self._process = subprocess.Popen(
                [sys.executable, str(Path(__file__).with_name("run_notebooks.py"))],
                env=kept | {"PYTHONPATH": os.pathsep.join(filter(None, places)), "TF_CPP_MIN_LOG_LEVEL": "3"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                encoding="utf-8",
            )

    @property
    def alive(self):
        """Whether it can run another one."""
        return self._process.poll() is None

    def run(self, code, folder, timeout, scripts_inside=False):
        """Run cells in a folder; an error in them, or no end in so many seconds, is an AssertionError."""
        job = {"cells": code, "folder": str(folder), "scripts_inside": scripts_inside}
        alarm = threading.Timer(timeout, self._process.kill)
        alarm.start()
        try:
            print(json.dumps(job), file=self._process.stdin, flush=True)
            answer = self._process.stdout.readline()
        finally:
            alarm.cancel()
        assert answer, f"The process ended, or took more than {timeout} s.\n{self.printed()[-3000:]}"
        error = json.loads(answer)["error"]
        assert error is None, error[-3000:]

    def printed(self):
        """All that was printed so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def close(self):
        """End it."""
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(60)
