"""`odeint` against solutions that are known, and what it is given: shapes, nestings, times, arguments."""

import keras
import numpy as np
import pytest
from keras import ops

from astroNN.neuralode import dop853, odeint, rk4

METHODS = ("dop853", "dopri5", "rk4")


def oscillator(y, t):
    """Of frequency 5: from (0, 5) the solution is sin(5 t), 5 cos(5 t)."""
    return ops.stack([y[1], -25.0 * y[0]])


def solve(*arguments, **settings):
    # The method that is compiled fastest, where it says nothing to what is tested.
    settings = {"precision": "float64", "method": "dopri5"} | settings
    return ops.convert_to_numpy(odeint(*arguments, **settings))


# Accuracy -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
def test_the_documented_oscillation(method):
    t = np.linspace(0, 10, 1000)
    states = solve(oscillator, [0.0, 5.0], t, method=method)
    assert states.shape == (1000, 2) and states.dtype == np.float64
    np.testing.assert_allclose(states, np.stack([np.sin(5 * t), 5 * np.cos(5 * t)], axis=1), atol=5e-7)


@pytest.mark.parametrize(
    "method", [pytest.param("dopri5", marks=pytest.mark.slow), "dop853", pytest.param("rk4", marks=pytest.mark.slow)]
)
def test_single_precision(method):
    t = np.linspace(0, 5, 500)
    states = solve(oscillator, [0.0, 5.0], t, method=method, precision="float32")
    assert states.dtype == np.float32
    np.testing.assert_allclose(states[:, 0], np.sin(5 * t), atol=1e-4)


@pytest.mark.parametrize("n_times", [3, *(pytest.param(n_times, marks=pytest.mark.slow) for n_times in (2, 11, 101))])
def test_the_output_says_nothing_to_the_steps(n_times):
    t = np.linspace(0, 10, n_times)
    states, statistics = odeint(oscillator, [0.0, 5.0], t, precision="float64", statistics=True)
    np.testing.assert_allclose(ops.convert_to_numpy(states)[:, 0], np.sin(5 * t), atol=1e-10)
    _, dense = odeint(oscillator, [0.0, 5.0], np.linspace(0, 10, 1000), precision="float64", statistics=True)
    assert int(statistics.accepted) == int(dense.accepted)


@pytest.mark.parametrize("method", ["dopri5", pytest.param("rk4", marks=pytest.mark.slow)])
def test_a_derivative_of_time_alone(method):
    t = np.array([1.0, 1.5, 4.0])
    states = solve(lambda y, t: ops.stack([t, t * t]), [0.0, 0.0], t, method=method)
    np.testing.assert_allclose(states, np.stack([t**2 / 2 - 0.5, t**3 / 3 - 1 / 3], axis=1), rtol=1e-9, atol=1e-12)


@pytest.mark.slow
def test_a_list_of_numbers_of_numpy_is_one_state():
    states = solve(oscillator, [np.float64(0.0), np.sqrt(25.0)], [0.0, 1.0])
    np.testing.assert_allclose(states[-1, 0], np.sin(5.0), atol=1e-10)


def test_tolerances_are_kept_to():
    t = np.linspace(0, 10, 50)
    errors = []
    for tolerance in (1e-4, 1e-6, 1e-8, 1e-10):
        states = solve(oscillator, [0.0, 5.0], t, rtol=tolerance, atol=tolerance)
        errors.append(np.abs(states[:, 0] - np.sin(5 * t)).max() / tolerance)
    assert max(errors) < 20


# Shapes -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["dopri5"])
def test_one_problem_and_many_have_the_same_solution(method):
    t = np.linspace(0, 2, 20)
    single = solve(oscillator, [0.0, 5.0], t, method=method)
    batch = solve(oscillator, [[0.0, 5.0], [1.0, 0.0], [0.0, 5.0]], t, method=method)
    alone = solve(oscillator, [[0.0, 5.0]], t, method=method)
    assert batch.shape == (3, 20, 2) and alone.shape == (1, 20, 2)
    np.testing.assert_allclose(alone[0], single, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(batch[[0, 2]], np.stack([single] * 2), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(batch[1, :, 0], np.cos(5 * t), atol=1e-8)


@pytest.mark.slow
def test_every_problem_has_steps_of_its_own():
    def circle(y, t, aux):
        return aux * ops.stack([y[1], -y[0]])

    t, rates = np.linspace(0, 5, 7), np.array([1.0, 30.0])
    _, together = odeint(circle, [[0.0, 1.0]] * 2, t, rates, precision="float64", statistics=True)
    for number, rate in enumerate(rates):
        _, alone = odeint(circle, [0.0, 1.0], t, rate, precision="float64", statistics=True)
        assert int(together.accepted[number]) == int(alone.accepted)
    assert int(together.accepted[1]) > 10 * int(together.accepted[0])


def test_times_of_their_own():
    t = np.stack([np.linspace(0, 1, 30), np.linspace(2, 4, 30), np.linspace(1, -1, 30)])
    states = solve(oscillator, [[0.0, 5.0]] * 3, t)
    passed = t - t[:, :1]
    np.testing.assert_allclose(states[:, :, 0], np.sin(5 * passed), atol=1e-9)


@pytest.mark.parametrize("method", ["dopri5"])
def test_backwards(method):
    t = np.linspace(3, -3, 40)
    states = solve(oscillator, [np.sin(15.0), 5 * np.cos(15.0)], t, method=method)
    np.testing.assert_allclose(states[:, 0], np.sin(5 * t), atol=5e-7)


def test_a_state_of_several_parts():
    def two_bodies(y, t):
        return {"place": y["velocity"], "velocity": -y["place"]}

    t = np.linspace(0, 3, 8)
    start = {"place": np.zeros((2, 2)), "velocity": np.array([[1.0, 2.0], [3.0, 4.0]])}
    states = odeint(two_bodies, start, t, method="dopri5", precision="float64")
    assert set(states) == {"place", "velocity"}
    places = ops.convert_to_numpy(states["place"])
    np.testing.assert_allclose(places, start["velocity"] * np.sin(t)[:, None, None], atol=1e-10)


@pytest.mark.slow
def test_a_list_of_parts_for_several_problems():
    t = np.stack([np.linspace(0, 1, 5), np.linspace(0, 2, 5)])
    places, velocities = odeint(
        lambda y, t: [y[1], -y[0]], [np.zeros(2), np.array([1.0, 3.0])], t, precision="float64"
    )
    assert tuple(places.shape) == (2, 5)
    np.testing.assert_allclose(ops.convert_to_numpy(places), np.array([[1.0], [3.0]]) * np.sin(t), atol=1e-10)


@pytest.mark.slow
def test_a_single_time_and_times_that_are_repeated():
    np.testing.assert_array_equal(solve(oscillator, [0.0, 5.0], [2.0]), [[0.0, 5.0]])
    states = solve(oscillator, [0.0, 5.0], [0.0, 0.0, 1.0, 1.0])
    np.testing.assert_array_equal(states[1], [0.0, 5.0])
    np.testing.assert_array_equal(states[2], states[3])
    np.testing.assert_allclose(states[2, 0], np.sin(5.0), atol=1e-10)
    assert np.isfinite(solve(oscillator, [0.0, 5.0], [1.0, 1.0])).all()


# Arguments of the function --------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["dopri5", pytest.param("rk4", marks=pytest.mark.slow)])
def test_auxiliary_data(method):
    def circle(y, t, aux):
        return ops.stack([y[1], -aux * aux * y[0]])

    t, rates = np.linspace(0, 3, 9), np.array([1.0, 2.0, 3.0])
    states = solve(circle, np.stack([0 * rates, rates], axis=1), t, rates, method=method)
    np.testing.assert_allclose(states[:, :, 0], np.sin(rates[:, None] * t), atol=1e-7)
    np.testing.assert_allclose(solve(circle, [0.0, 2.0], t, 2.0, method=method)[:, 0], np.sin(2 * t), atol=1e-7)


def test_further_arguments_may_change_from_call_to_call():
    seen = []

    def growth(y, t, rate, name, factor=1.0):
        seen.append(name)
        return rate * factor * y

    for rate, factor in ((1.0, 2.0), (0.5, 1.0), (-1.0, 3.0)):
        states = odeint(growth, [1.0], [0.0, 1.0], None, "dopri5", "float64", rate, "name", factor=factor)
        assert float(states[-1, 0]) == pytest.approx(np.exp(rate * factor), rel=1e-10)
    assert set(seen) == {"name"}


@pytest.mark.skipif(keras.backend.backend() == "torch", reason="torch runs step by step, nothing is compiled")
def test_equal_shapes_are_compiled_once():
    calls = []

    def growth(y, t):
        calls.append(1)
        return 0.5 * y

    solve(growth, [1.0], [0.0, 1.0])
    compiled = len(calls)
    for start in (2.0, 3.0):
        assert solve(growth, [start], [0.0, start])[-1, 0] == pytest.approx(start * np.exp(0.5 * start), rel=1e-9)
    assert len(calls) == compiled
    solve(growth, [1.0], [0.0, 0.5, 1.0])
    assert len(calls) > compiled


def test_weights_that_change_are_seen():
    layer = keras.layers.Dense(1, use_bias=False)
    layer.build((None, 1))

    def growth(y, t):
        return layer(y[None])[0]

    for weight in (1.0, -0.5, 2.0):
        layer.set_weights([np.array([[weight]])])
        states = solve(growth, [1.0], [0.0, 1.0], precision="float32")
        assert states[-1, 0] == pytest.approx(np.exp(weight), rel=1e-4)


def test_a_function_in_single_precision_is_told():
    layer = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones", dtype="float32")

    def growth(y, t):
        return layer(ops.cast(y[None], "float32"))[0]

    with pytest.warns(UserWarning, match="`func` computes in float32"):
        states = solve(growth, [1.0], [0.0, 1.0], rtol=1e-6, atol=1e-6)
    assert states.dtype == np.float64
    assert states[-1, 0] == pytest.approx(np.e, rel=1e-4)


# Established names ---------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_integrators_by_name():
    t = np.linspace(0, 1, 5)
    for solver in (dop853, rk4):
        states, times = solver(oscillator, [0.0, 5.0], t, tf_float="float64")
        np.testing.assert_allclose(ops.convert_to_numpy(states)[:, 0], np.sin(5 * t), atol=1e-8)
        np.testing.assert_array_equal(times, t)


def test_plain_numbers_keep_their_precision():
    """0.1 in single precision is off by 1.5e-9 of its size."""

    def growth(y, t, rate, aux):
        return rate * aux["factor"] * y

    t = np.array([0.0, 1.0])
    found = odeint(growth, [1.0], t, {"factor": 0.3}, "dopri5", "float64", 0.1)
    np.testing.assert_allclose(ops.convert_to_numpy(found)[-1, 0], np.exp(0.1 * 0.3), rtol=1e-12)


@pytest.mark.tensorflow_only
def test_in_a_graph_of_the_users_the_solver_is_not_rewritten():
    """Autograph's rewriting of the whole solver would take several times as long as building and compiling it."""
    import traceback

    import tensorflow as tf

    seen = []

    def decay(y, t):
        seen.extend(frame.name for frame in traceback.extract_stack() if "autograph_generated" in frame.filename)
        return -y

    @tf.function
    def users(start):
        return odeint(decay, start, np.array([0.0, 1.0], "float32"), method="dopri5", gradient=None)

    np.testing.assert_allclose(users(tf.constant([1.0]))[-1], np.exp(-1.0), rtol=1e-4)
    assert set(seen) == {"tf__users", "tf__odeint"}
