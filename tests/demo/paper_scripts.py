"""The scripts of demo_tutorial/apogee_paper, as a user calls them."""

import os
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "demo_tutorial" / "apogee_paper"
MISSING = -9999.0


def run(script, *arguments, check=True):
    """Run a script of the workflow; returns the finished process."""
    command = [sys.executable, str(FOLDER / script), *map(str, arguments)]
    # Scripts find the modules beside them unless Python is told not to look there.
    env = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=3600, env=env)
    assert done.returncode == 0 or not check, done.stderr[-3000:]
    return done
