"""Freed memory stays, so that the arrays of the next step of a training need no new pages."""

import sys

import pytest

from astroNN.models.training import run
from astroNN.shared import _memory

pytestmark = [
    pytest.mark.one_backend,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="for glibc alone"),
]

# What TensorFlow does at the first batch from a generator; and the new pages of 50 arrays of 4 MB, one after another.
SCRIPT = """
import ctypes, resource
import numpy as np
from astroNN.shared._memory import keep_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(50):
        np.empty(1 << 19).fill(1.0)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

ctypes.CDLL(None).mallopt(-1, 128 * 1024)
print(faults(), keep_freed_memory(), faults(), faults())
"""


def test_arrays_of_later_steps_need_no_new_pages(run_python, tmp_path):
    first, done, _, last = run_python(SCRIPT, tmp_path).stdout.split()
    assert done == "True"
    assert 10 * int(last) < int(first)


@pytest.mark.parametrize("name", ["MALLOC_TOP_PAD_", "GLIBC_TUNABLES"])
def test_the_choice_of_a_user_stays(name, monkeypatch):
    monkeypatch.setenv(name, "1")
    assert _memory.keep_freed_memory.__wrapped__() is False


def test_without_glibc_nothing_happens(monkeypatch):
    for name in _memory._CHOICES_OF_USERS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(_memory.ctypes, "CDLL", lambda name: object())
    assert _memory.keep_freed_memory.__wrapped__() is False


def test_a_training_by_tensorflow_asks_for_it(monkeypatch):
    class Begun(Exception):
        pass

    def begun(*arguments):
        raise Begun

    asked = []
    monkeypatch.setattr(run, "keep_freed_memory", lambda: asked.append("kept"))
    monkeypatch.setattr(run, "_Run", begun)
    for backend, expected in (("jax", []), ("torch", []), ("tensorflow", ["kept"])):
        monkeypatch.setattr(run.keras.backend, "backend", lambda backend=backend: backend)
        with pytest.raises(Begun):
            run.run_training(None, None, resume=False, engine=None)
        assert asked == expected
