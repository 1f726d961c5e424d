"""Where the solution is read from the polynomials of steps."""

import numpy as np
import pytest
from keras import ops

from astroNN.neuralode import odeint
from astroNN.neuralode._output import _first_not_below


@pytest.mark.parametrize("seed", range(5))
def test_steps_are_found_as_by_a_bisection(seed):
    rng = np.random.default_rng(seed)
    n, n_ends, n_times = rng.integers(1, 6), rng.integers(2, 20), rng.integers(1, 30)
    ends = np.sort(rng.integers(0, 15, (n_ends, n)), axis=0).astype("float32")  # a rejected step ends where it began
    ends[rng.integers(1, n_ends) :] = np.inf  # not made yet
    times = np.sort(rng.integers(0, 18, (n, n_times)), axis=1).astype("float32")
    found = ops.convert_to_numpy(_first_not_below(ops.convert_to_tensor(ends), ops.convert_to_tensor(times)))
    expected = [np.searchsorted(ends[:, k], times[k]) for k in range(n)]
    np.testing.assert_array_equal(found, np.minimum(expected, n_ends))


def test_uneven_times_of_many_problems_over_more_steps_than_are_kept():
    def oscillators(y, t):
        return ops.stack([y[1], -y[0]])

    rng = np.random.default_rng(0)
    # Two thirds of the times lie in a hundredth of the time, the others far apart.
    times = np.concatenate(
        [rng.uniform(0, 3, (7, 800)), rng.uniform(0, 300, (7, 400)), np.full((7, 1), 300.0)], axis=1
    )
    times = np.sort(np.concatenate([np.zeros((7, 1)), times], axis=1), axis=1)
    sizes = np.arange(1.0, 8.0)
    start = np.stack([0 * sizes, sizes], axis=1)
    states = odeint(oscillators, start, times, method="dopri5", precision="float64", rtol=1e-10, atol=1e-10)
    expected = sizes[:, None] * np.sin(times)
    np.testing.assert_allclose(ops.convert_to_numpy(states)[:, :, 0], expected, atol=1e-6)
