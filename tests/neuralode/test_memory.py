"""The memory of a gradient does not grow with the number of steps."""

import sys
from pathlib import Path

import pytest

SCRIPT = """
import resource
import sys

import numpy as np
from astroNN.neuralode import odeint
from keras import ops

sys.path.append("{root}")
from tests.helpers.gradients import value_and_grad


def decay(y, t, rate):
    return -rate * y


def peak(n_steps):
    start = np.linspace(1.0, 2.0, {size}, dtype="float32")

    def loss(start, rate):
        found = odeint(decay, start, [0.0, 1.0], None, "rk4", "float32", rate, step=1.0 / n_steps, gradient="adjoint")
        return ops.mean(found[-1])

    _, (_, of_rate) = value_and_grad(loss, start, np.array(0.5))
    np.testing.assert_allclose(of_rate, -1.5 * np.exp(-0.5), rtol=2e-3)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


few = peak(100)
print(peak(10_000) - few)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is counted otherwise elsewhere")
def test_ten_thousand_steps_take_the_memory_of_a_hundred(run_python, tmp_path):
    size, root = 40_000, Path(__file__).resolve().parents[2]
    script = SCRIPT.replace("{size}", str(size)).replace("{root}", str(root))
    grown = int(run_python(script, tmp_path).stdout.split()[-1])
    # To keep the states alone would take 10,000 of them, 1.6 GB; the peak itself moves by some MB.
    assert grown < 100 * 4 * size
