"""Runs cells of notebooks: a script, so that a notebook that breaks its process breaks no other test.

Reads a line of JSON for each notebook: its cells, the folder to run them in, and whether scripts that it starts are
run in this same process, which saves importing TensorFlow for each. Answers with a line of JSON: the traceback, or
nothing. Cells run one after the other in one namespace, as in Jupyter, and an error names its cell. Whatever asks for
an address in the internet fails.
"""

import contextlib
import gc
import io
import json
import os
import runpy
import socket
import subprocess
import sys
import traceback


def forbid_the_internet():
    """Let only this machine be asked for."""

    def refused(*args, **kwargs):
        raise OSError("a tutorial must run without the internet")

    lookup, local = socket.getaddrinfo, (None, "", "localhost", "127.0.0.1", "::1", socket.gethostname())
    socket.create_connection = refused
    socket.getaddrinfo = lambda host, *args, **kw: lookup(host, *args, **kw) if host in local else refused()


@contextlib.contextmanager
def scripts_in_this_process():
    """Run what is started as ``python script.py ...`` here; all other commands as ever.

    A script with a folder or an environment of its own is started as ever too: here it would share this one's.
    """
    start = subprocess.run

    def run(command, **settings):
        is_script = command[0] == sys.executable and str(command[1]).endswith(".py")
        if not is_script or settings.keys() & {"cwd", "env"}:
            return start(command, **settings)
        printed, path, arguments = io.StringIO(), list(sys.path), sys.argv
        sys.argv, sys.path[:] = command[1:], [os.path.dirname(command[1]), *path]
        try:
            with contextlib.redirect_stdout(printed):
                runpy.run_path(command[1], run_name="__main__")
        finally:
            sys.argv, sys.path[:] = arguments, path
        return subprocess.CompletedProcess(command, 0, printed.getvalue(), "")

    subprocess.run = run
    try:
        yield
    finally:
        subprocess.run = start


@contextlib.contextmanager
def left_as_it_was():
    """Nothing of one notebook is there for the next."""
    path, modules, environment = list(sys.path), set(sys.modules), dict(os.environ)
    folder = os.getcwd()
    try:
        yield
    finally:
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        sys.path[:] = path
        # A package may stay, being the same for all; a module of a notebook's own folder must go.
        for name in set(sys.modules) - modules:
            file = getattr(sys.modules[name], "__file__", None)
            # Without a file it is built in, or a folder of modules.
            if file and not any(file.startswith(place) for place in path if place):
                del sys.modules[name]
        if "keras" in sys.modules:
            import keras

            keras.backend.clear_session()
        if "matplotlib.pyplot" in sys.modules:
            import matplotlib.pyplot as plt

            plt.close("all")
            plt.rcdefaults()
        gc.collect()


def run_cells(cells, folder):
    """Run them in the folder, as Jupyter does that is started there."""
    os.chdir(folder)
    namespace = {"__name__": "__main__"}
    for number, cell in enumerate(cells, 1):
        exec(compile(cell, f"<code cell {number}>", "exec"), namespace)


def main():
    # Answers go where nothing that is printed gets between.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    forbid_the_internet()
    for line in sys.stdin:
        job, error = json.loads(line), None
        inside = scripts_in_this_process() if job["scripts_inside"] else contextlib.nullcontext()
        try:
            with left_as_it_was(), inside:
                run_cells(job["cells"], job["folder"])
        except (Exception, SystemExit):
            error = traceback.format_exc()
        print(json.dumps({"error": error}), file=answers, flush=True)


if __name__ == "__main__":
    main()
