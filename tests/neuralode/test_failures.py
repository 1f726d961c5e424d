"""What a solver can't do, and what it can't be given: errors that say where and why, and never a loop without end."""

import numpy as np
import pytest
from keras import ops

from astroNN.neuralode import IntegrationError, odeint

TIMES = [0.0, 0.5, 0.9, 1.5]


def explosion(y, t):
    """From 1 the solution is 1 / (1 - t)."""
    return y * y


def decay(y, t):
    return -y


def test_a_singularity_is_found_and_told():
    with pytest.raises(IntegrationError, match=r"came to t = (1|1\.0000\d*|0\.9999\d*) only, of 1\.5"):
        odeint(explosion, [1.0], TIMES, method="dopri5", precision="float64")


def test_what_was_reached_can_be_had():
    states, statistics = odeint(explosion, [1.0], TIMES, method="dopri5", precision="float64", statistics=True)
    states = ops.convert_to_numpy(states)[:, 0]
    np.testing.assert_allclose(states[:3], [1.0, 2.0, 10.0], rtol=1e-8)
    assert np.isnan(states[3]) and not bool(statistics.success)


def test_the_problems_that_fail_are_counted_and_the_others_solved():
    start = [[1.0], [0.1], [2.0]]
    with pytest.raises(ValueError, match=r"problem 0 of 3 \(and 1 more\)"):
        odeint(explosion, start, TIMES, method="dopri5", precision="float64")
    states, statistics = odeint(explosion, start, TIMES, method="dopri5", precision="float64", statistics=True)
    assert ops.convert_to_numpy(statistics.success).tolist() == [False, True, False]
    np.testing.assert_allclose(ops.convert_to_numpy(states)[1, :, 0], 0.1 / (1 - 0.1 * np.array(TIMES)), rtol=1e-10)


def test_too_many_steps():
    with pytest.raises(IntegrationError, match="5 steps were tried: raise `max_steps`"):
        odeint(decay, [1.0], [0.0, 1000.0], method="dopri5", precision="float64", max_steps=5)
    with pytest.raises(IntegrationError, match="5 steps"):
        odeint(decay, [1.0], [0.0, 1000.0], method="dopri5", precision="float64", nmax=5)


@pytest.mark.parametrize("start", [0.0, pytest.param(0.5, marks=pytest.mark.slow)])
def test_a_function_that_gives_nan(start):
    def rooted(y, t):
        return ops.sqrt(start - t) - 1.0 + 0.0 * y

    with pytest.raises(IntegrationError, match="`func` gave NaN or infinite values there"):
        odeint(rooted, [1.0], [0.1, 1.0], method="dopri5")


@pytest.mark.parametrize(
    ("method", "start"),
    [
        ("dop853", 0.0),
        pytest.param("dopri5", 1.0, marks=pytest.mark.slow),
        pytest.param("rk4", 0.0, marks=pytest.mark.slow),
    ],
)
def test_a_derivative_of_zero(method, start):
    states = odeint(lambda y, t: 0.0 * y, [start], [0.0, 1.0, 1e6], method=method, precision="float64")
    np.testing.assert_array_equal(ops.convert_to_numpy(states)[:, 0], [start] * 3)


def test_a_state_of_zero():
    states = odeint(lambda y, t: 1.0 + 0.0 * y, [0.0], [0.0, 1.0, 2.0], method="dopri5", precision="float64")
    np.testing.assert_allclose(ops.convert_to_numpy(states)[:, 0], [0.0, 1.0, 2.0], atol=1e-12)


@pytest.mark.parametrize(
    ("given", "error", "match"),
    [
        ({"func": None}, TypeError, "`func` must be a function"),
        ({"x": None}, ValueError, "`x` is None"),
        ({"t": None}, ValueError, "`t` is None"),
        ({"t": [0.0, 2.0, 1.0]}, ValueError, "`t` must rise"),
        ({"t": [0.0, np.nan]}, ValueError, "`t` must rise"),
        ({"t": []}, ValueError, "`t` must have the shape"),
        ({"t": 1.0}, ValueError, "`t` must have the shape"),
        ({"t": np.ones((3, 2)), "x": [[1.0]] * 2}, ValueError, "`t` has 3 rows, but `x` has 2"),
        ({"x": [np.nan]}, ValueError, "`x` holds NaN"),
        ({"x": []}, ValueError, "`x` is empty"),
        ({"x": 1.0}, ValueError, r"`x` must have the shape \(d,\) or \(n, d\)"),
        ({"x": [1j]}, TypeError, "real numbers"),
        ({"x": ["a"]}, TypeError, "real numbers"),
        ({"precision": "float16"}, TypeError, "`precision` must be float32 or float64, got 'float16'"),
        ({"precision": None}, TypeError, "`precision` must be float32 or float64"),
        (
            {"method": "euler"},
            NotImplementedError,
            "Method 'euler' is not implemented; there are dop853, dopri5, rk4",
        ),
        ({"method": 4}, NotImplementedError, "Method 4 is not implemented"),
        ({"rtol": -1.0}, ValueError, "`rtol` must be a positive number"),
        ({"rtol": "small"}, ValueError, "`rtol` must be a positive number"),
        ({"max_steps": 0}, ValueError, "`max_steps` must be a positive number"),
        ({"step": 0.0}, ValueError, "`step` must be a positive number"),
        ({"hmax": -1.0}, ValueError, "`hmax` must be a positive number"),
        ({"fac1": 2.0}, ValueError, "`fac1` must be below 1"),
        ({"tol": 1e-3}, ValueError, "`tol` is the tolerance of the method rk4 alone"),
        ({"aux": np.ones(3), "x": [[1.0]] * 2}, ValueError, "`aux` must have a row for each of the 2 problems"),
        (
            {"func": lambda y, t: ops.concatenate([y, y])},
            ValueError,
            r"derivatives of shape \(2,\), but the state .*\(1,\)",
        ),
    ],
)
def test_what_can_not_be_solved(given, error, match):
    with pytest.raises(error, match=match):
        odeint(**({"func": decay, "x": [1.0], "t": [0.0, 1.0]} | given))


def test_precision_by_types():
    for precision in (np.float64, np.dtype("float64"), "float64"):
        assert (
            ops.convert_to_numpy(odeint(decay, [1], [0, 1], method="dopri5", precision=precision)).dtype == np.float64
        )
