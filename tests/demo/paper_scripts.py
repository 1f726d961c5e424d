"""The scripts of demo_tutorial/apogee_paper, as a user calls them."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from astropy.table import Table

FOLDER = Path(__file__).resolve().parents[2] / "demo_tutorial" / "apogee_paper"
NEEDS_SCRIPTS = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="the scripts (demo_tutorial/apogee_paper in the repository) are not here"
)
MISSING = -9999.0


def run(script, *arguments, check=True):
    """Run a script of the workflow; returns the finished process."""
    command = [sys.executable, str(FOLDER / script), *map(str, arguments)]
    # Scripts find the modules beside them unless Python is told not to look there.
    env = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=3600, env=env)
    assert done.returncode == 0 or not check, done.stderr[-3000:]
    return done


def scores_of(path):
    """Rows of a table of scores, by label."""
    return {row["label"]: row for row in Table.read(path)}


def scatter_of_the_demo():
    """Scatter of each label in the table of docs/source/demo.rst, of `astronn demo`."""
    page = (FOLDER.parents[1] / "docs" / "source" / "demo.rst").read_text(encoding="utf-8")
    rows = re.findall(r"^ +(Teff|log g|\[\w+/H\]) +(?:K|dex) +[\d.]+ +[+-][\d.]+ +([\d.]+) ", page, re.MULTILINE)
    names = {"Teff": "teff", "log g": "logg"}
    # The first table is the demo's; another one on the page is of three made-up stars.
    return {names.get(name, name[1:-3]): float(scatter) for name, scatter in rows[:6]}
