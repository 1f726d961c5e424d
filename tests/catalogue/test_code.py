"""The checksum of a user's function: another one after an edit, the same in another process."""

import functools
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from astroNN.catalogue import _work, predict_catalogue
from astroNN.catalogue._code import checksum_of_code
from astroNN.shared.errors import ConfigurationError
from tests.catalogue.conftest import N_PIXELS
from tests.test_cli import environment

MODULE = """
import functools
import numpy as np

SCALE = 2.0
n_read = 0

def halved(flux):
    return flux / SCALE

def reader(path, dtype="float32"):
    global n_read
    n_read += 1
    if path in {"a", "b", "c", "d"}:
        return None
    return halved(np.loadtxt(path)).astype(dtype)

class Reader:
    def __init__(self, norm, names):
        self.norm, self.names = norm, names
    def __call__(self, path):
        return self.load(path) / self.norm
    def load(self, path):
        return np.loadtxt(path)

def bound(flux):
    return lambda path: flux * SCALE

def again(path):
    return again(path[1:])

made = {
    "function": reader, "object": Reader(np.arange(3.0), {"x", "y", "z"}), "method": Reader(1, []).load,
    "partial": functools.partial(reader, dtype="float64"), "closure": bound(3.0), "recursion": again,
    "cached": functools.lru_cache(reader), "lambda": lambda path: np.load(path)["flux"],
}
"""


def made(source=MODULE):
    module = {"__name__": "reading"}
    exec(compile(source, "reading.py", "exec"), module)
    return {name: checksum_of_code(function) for name, function in module["made"].items()}


def test_comments_and_counting_do_not_matter():
    module = {"__name__": "reading"}
    exec(MODULE, module)
    before = checksum_of_code(module["reader"])
    for _ in range(3000):  # the interpreter specialises the bytecode of what runs often
        module["reader"]("a")
    assert module["n_read"] == 3000 and checksum_of_code(module["reader"]) == before
    assert made(MODULE.replace("def halved", "# a comment\n\ndef halved")) == made()


def test_is_the_same_in_another_process(tmp_path):
    """There sets have another order, and objects other addresses."""
    (tmp_path / "reading.py").write_text(MODULE)
    command = (
        "import json, reading, sys; from astroNN.catalogue._code import checksum_of_code;"
        "print(json.dumps({name: checksum_of_code(one) for name, one in reading.made.items()}))"
    )
    path = os.pathsep.join([str(tmp_path), environment()["PYTHONPATH"]])
    env = environment() | {"PYTHONHASHSEED": "1", "PYTHONPATH": path}
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, env=env, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.strip().splitlines()[-1]) == made()


@pytest.mark.parametrize(
    "old, new, changed",
    [
        ('["flux"]', '["FLUX"]', {"lambda"}),
        ("np.load(path)", "np.loadtxt(path)", {"lambda"}),
        ("flux / SCALE", "flux * SCALE", {"function", "partial", "cached"}),
        ('"d"}', '"e"}', {"function", "partial", "cached"}),
        ("SCALE = 2.0", "SCALE = 3.0", {"function", "partial", "cached", "closure"}),
        ('"float32"', '"float16"', {"function", "partial", "cached"}),
        ('dtype="float64"', 'dtype="int16"', {"partial"}),
        ("bound(3.0)", "bound(4.0)", {"closure"}),
        ("arange(3.0)", "arange(4.0)", {"object"}),
        ('"z"}', '"w"}', {"object"}),
        ("self.load(path) / self.norm", "self.load(path)", {"object", "method"}),
        ("path[1:]", "path[2:]", {"recursion"}),
    ],
)
def test_edits_are_seen(old, new, changed):
    assert MODULE.count(old) == 1
    before, after = made(), made(MODULE.replace(old, new))
    assert {name for name in before if before[name] != after[name]} == changed


def test_what_cannot_be_pickled_is_known_by_its_class(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        assert checksum_of_code(functools.partial(print, file)) == checksum_of_code(functools.partial(print, file))
        assert checksum_of_code(functools.partial(print, file)) != checksum_of_code(functools.partial(repr, file))


class Restless:
    """Tells pickle something else every time, as networks of Keras do, which pack the time of day."""

    numbers = itertools.count()

    def __reduce__(self):
        return Restless, (next(self.numbers),)


def test_what_is_pickled_in_a_way_of_its_own_does_not_hinder_a_run_from_going_on():
    restless = functools.partial(print, Restless(), Path("a"))
    assert checksum_of_code(restless) == checksum_of_code(restless)
    assert checksum_of_code(restless) != checksum_of_code(functools.partial(print, Restless(), Path("b")))


def test_an_unfinished_run_does_not_go_on_with_an_edited_lambda(network, tmp_path, monkeypatch):
    for name in "ab":
        np.savetxt(tmp_path / f"{name}.fits", np.ones(N_PIXELS))

    def stops(*arguments):
        raise OSError(28, "No space left on device")

    def made_by(reader):
        return predict_catalogue(network, tmp_path / "*.fits", tmp_path / "out.h5", reader=reader, verbose=0)

    with monkeypatch.context() as patched:
        patched.setattr(_work.Work, "write", stops)
        with pytest.raises(OSError, match="No space left"):
            made_by(lambda path: np.loadtxt(path) * 1.5)
    with pytest.raises(ConfigurationError, match="reading"):
        made_by(lambda path: np.loadtxt(path) * 2.5)
    assert made_by(lambda path: np.loadtxt(path) * 1.5).n_rows == 2
