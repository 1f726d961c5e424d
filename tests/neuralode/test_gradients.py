"""Gradients of solutions: against finite differences, and against solutions that are known."""

import keras
import numpy as np
import pytest
from keras import ops

from astroNN.neuralode import odeint
from tests.neuralode.gradients import differences, gradients, gradients_of_weights

TOLERANCES = {"rtol": 1e-11, "atol": 1e-11}
WAYS = pytest.mark.parametrize(("gradient", "bound"), [("direct", 1e-6), ("adjoint", 1e-5)])


def relative(found, expected):
    return np.abs(found - expected).max() / np.abs(expected).max()


def damped(y, t, damping, aux):
    return ops.stack([y[1] * (1.0 + 0.1 * t), -(aux[0] ** 2) * y[0] - damping * y[1] ** 3])


METHODS = [
    ("dop853", TOLERANCES),
    ("dopri5", TOLERANCES),
    ("rk4", {}),
]


@pytest.mark.slow
@WAYS
@pytest.mark.parametrize(("method", "tolerances"), METHODS)
def test_all_that_goes_in_has_the_gradient_of_finite_differences(method, tolerances, gradient, bound):
    rng = np.random.default_rng(0)
    start, rates, damping = rng.normal(size=(3, 2)), rng.uniform(1, 3, (3, 1)), np.array(0.2)
    t = np.linspace(0.3, 2.3, 6)
    times = np.stack([t, 1.1 * t, -t])  # the last one goes back in time
    weights = rng.normal(size=(3, 6, 2))

    def loss(start, times, rates, damping, gradient=gradient):
        found = odeint(damped, start, times, rates, method, "float64", damping, gradient=gradient, **tolerances)
        return ops.sum(found * ops.convert_to_tensor(weights))

    given = [start, times, rates, damping]
    expected = differences(lambda *values: loss(*values, gradient=None), given)
    for found, truth in zip(gradients(loss, given), expected, strict=True):
        assert relative(found, truth) < bound


def decay(y, t, rate):
    return -rate * y


@pytest.mark.slow
@WAYS
def test_exponential_decay_has_the_gradient_of_its_formula(gradient, bound):
    """y(t) = y0 exp(-k (t - t0)): all derivatives by hand."""

    def loss(start, times, rate):
        return odeint(decay, start, times, None, "dopri5", "float64", rate, gradient=gradient, **TOLERANCES)[-1, 0]

    start, times, rate = np.array([1.7]), np.array([0.2, 0.9, 1.5]), np.array(0.8)
    value = 1.7 * np.exp(-0.8 * 1.3)
    of_start, of_times, of_rate = gradients(loss, [start, times, rate])
    np.testing.assert_allclose(of_start, [value / 1.7], rtol=bound)
    np.testing.assert_allclose(of_times, [0.8 * value, 0.0, -0.8 * value], rtol=bound, atol=1e-12)
    np.testing.assert_allclose(of_rate, -1.3 * value, rtol=bound)


class Field(keras.Model):
    """A small network as right-hand side."""

    def __init__(self):
        super().__init__()
        self.hidden, self.out = keras.layers.Dense(4, activation="tanh"), keras.layers.Dense(2)
        self(np.zeros((1, 2), "float32"))

    def call(self, y):
        return self.out(self.hidden(y))


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    model = Field()

    def field(y, t):
        return model(y)

    model.field = field
    return model


@pytest.mark.parametrize("gradient", [pytest.param("direct", marks=pytest.mark.slow), "adjoint"])
def test_weights_of_a_network_have_a_gradient(network, gradient):
    start, t = np.array([[0.5, 1.0], [-0.3, 0.2]], "float32"), np.linspace(0, 1, 4)

    def loss():
        found = odeint(
            network.field, start, t, method="dopri5", rtol=1e-5, atol=1e-5, gradient=gradient, vectorized=True
        )
        return ops.sum(found**2)

    of_weights = gradients_of_weights(loss, network.trainable_variables)
    assert all(np.abs(one).max() > 0 for one in of_weights)
    for variable, slope in zip(network.trainable_variables, of_weights, strict=True):
        # Along the gradient, so that one difference checks all elements; single precision allows a percent.
        before, along = ops.convert_to_numpy(variable.value).copy(), slope / np.linalg.norm(slope)
        values = []
        for change in (-0.02, 0.02):
            variable.assign(before + change * along)
            values.append(float(ops.convert_to_numpy(loss())))
        variable.assign(before)
        np.testing.assert_allclose((values[1] - values[0]) / 0.04, np.linalg.norm(slope), rtol=1e-2)


def test_a_compiled_solution_follows_its_weights(network):
    start, t = np.array([[0.5, 1.0], [-0.3, 0.2]], "float32"), np.linspace(0, 1, 4)
    arguments = {"method": "dopri5", "rtol": 1e-5, "atol": 1e-5, "gradient": "direct", "vectorized": True}
    before = ops.convert_to_numpy(odeint(network.field, start, t, **arguments))
    bias = network.out.bias
    stored = ops.convert_to_numpy(bias.value).copy()
    bias.assign(stored + 1.0)
    after = ops.convert_to_numpy(odeint(network.field, start, t, **arguments))
    bias.assign(stored)
    assert np.abs(after - before).max() > 0.5


def test_without_a_gradient_there_is_none():
    def loss(start):
        found = odeint(decay, start, [0.0, 1.0], None, "dopri5", "float64", 0.5, gradient=None)
        return ops.sum(found) + ops.sum(start)

    np.testing.assert_allclose(gradients(loss, [np.array([2.0])])[0], [1.0])


@pytest.mark.parametrize("gradient", ["direct", pytest.param("adjoint", marks=pytest.mark.slow)])
def test_states_behind_a_failure_say_nothing_to_the_gradient(gradient):
    """y' = y^2 is infinite at 1 / y0; what was found before it has its gradient."""

    def loss(start):
        found, _ = odeint(
            lambda y, t: y * y, start, [0.0, 0.5, 2.0], None, "dopri5", "float64", rtol=1e-10, atol=1e-10,
            gradient=gradient, statistics=True, max_steps=2000,
        )  # fmt: skip
        return ops.sum(ops.where(ops.isfinite(found), found, 0.0))

    # y(1/2) = y0 / (1 - y0 / 2), so its derivative at y0 = 1 is 4; the first output adds 1.
    np.testing.assert_allclose(gradients(loss, [np.array([1.0])])[0], [5.0], rtol=1e-6)


@pytest.mark.parametrize("gradient", ["backwards", 1, "Direct"])
def test_another_way_to_a_gradient_is_refused(gradient):
    with pytest.raises(ValueError, match="`gradient` must be 'direct', 'adjoint' or None"):
        odeint(decay, [1.0], [0.0, 1.0], None, "dop853", "float64", 0.5, gradient=gradient)


def circle(y, t, rate):
    return rate * ops.stack([y[1], -y[0]])


@pytest.mark.slow
@WAYS
def test_more_steps_than_are_kept_one_by_one(gradient, bound):
    """Segments of the record: sin and cos after thousands of steps, whose derivatives are known."""

    def loss(start, rate):
        found = odeint(
            circle, start, [0.0, 50.0], None, "dopri5", "float64", rate, step=0.01, gradient=gradient, max_steps=6000
        )
        return found[-1, 0]

    of_start, of_rate = gradients(loss, [np.array([0.0, 1.0]), np.array(1.0)])
    np.testing.assert_allclose(of_start, [np.cos(50.0), np.sin(50.0)], rtol=bound)
    np.testing.assert_allclose(of_rate, 50.0 * np.cos(50.0), rtol=bound)
