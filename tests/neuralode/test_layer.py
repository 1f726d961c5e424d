"""`NeuralODE` in models of Keras: trained, saved, and refused what it can't do."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from astroNN.neuralode import NeuralODE

TIMES = np.linspace(0.0, 1.0, 4)


def rotated(start, times, rate=2.0):
    """Solutions of the rotation dy/dt = rate (y1, -y0), by hand."""
    angle = rate * np.asarray(times)[None]
    first, second = start[:, :1], start[:, 1:]
    turned = (np.cos(angle) * first + np.sin(angle) * second, np.cos(angle) * second - np.sin(angle) * first)
    return np.stack(turned, axis=-1).astype("float32")


def rotation():
    """A field that is that rotation: a linear layer with its weights set."""
    field = layers.Dense(2, use_bias=False)
    field.build((None, 2))
    field.set_weights([np.array([[0.0, -2.0], [2.0, 0.0]], "float32")])
    return field


@pytest.fixture(scope="module")
def starts():
    return np.random.default_rng(0).normal(size=(64, 2)).astype("float32")


def predicted(model, inputs):
    return ops.convert_to_numpy(model(inputs))


def test_it_solves_the_equation_of_its_field(starts):
    layer = NeuralODE(rotation(), t=TIMES, return_sequences=True, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(predicted(layer, starts), rotated(starts, TIMES), atol=2e-5)
    assert layer.compute_output_shape((None, 2)) == (None, 4, 2)
    last = NeuralODE(layer.field, t=TIMES, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(predicted(last, starts), rotated(starts, TIMES)[:, -1], atol=2e-5)
    assert last.compute_output_shape((None, 2)) == (None, 2)


@pytest.mark.slow
@pytest.mark.parametrize("gradient", ["direct", "adjoint"])
def test_a_linear_field_learns_the_rotation_it_is_shown(starts, gradient, tmp_path):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((2,))
    outputs = NeuralODE(layers.Dense(2, use_bias=False), t=TIMES, return_sequences=True, gradient=gradient)(inputs)
    model = keras.Model(inputs, outputs)
    model.compile(keras.optimizers.Adam(0.2), "mse")
    history = model.fit(starts, rotated(starts, TIMES), epochs=120, batch_size=64, verbose=0)
    assert history.history["loss"][-1] < 1e-3 < history.history["loss"][0]
    np.testing.assert_allclose(model.get_weights()[0], [[0.0, -2.0], [2.0, 0.0]], atol=0.15)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    # The last block is smaller: the graph is built for any number.
    expected = model.predict(starts, batch_size=64, verbose=0)
    np.testing.assert_allclose(again.predict(starts, batch_size=50, verbose=0), expected, atol=1e-5)


def test_a_field_of_time(starts):
    """dy/dt = t, whatever the state: y(t) = y(0) + t^2 / 2."""
    state, time = keras.Input((2,)), keras.Input((1,))
    field = keras.Model([state, time], layers.Concatenate()([time, time]))
    layer = NeuralODE(field, t=[0.0, 2.0], with_time=True)
    np.testing.assert_allclose(predicted(layer, starts), starts + 2.0, atol=1e-4)


def test_images_keep_their_axes():
    images = np.random.default_rng(0).normal(size=(2, 3, 4)).astype("float32")
    layer = NeuralODE(layers.Rescaling(-1.0), t=[0.0, 1.0], rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(predicted(layer, images), images * np.exp(-1.0), atol=1e-5)


def test_settings_survive_their_configuration():
    settings = {
        "t": [0.0, -1.0],
        "return_sequences": True,
        "method": "dop853",
        "gradient": "adjoint",
        "max_steps": 50,
    }
    layer = NeuralODE(layers.Dense(2), **settings)
    again = NeuralODE.from_config(layer.get_config())
    assert {name: getattr(again, name) for name in settings} == settings and again.max_steps == 50
    assert isinstance(again.field, layers.Dense) and again.field.units == 2


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"field": lambda y: y}, TypeError, "`field` must be a layer or model"),
        ({"t": [0.0]}, ValueError, "`t` must hold two or more times"),
        ({"t": [0.0, 2.0, 1.0]}, ValueError, "`t` must hold two or more times"),
        ({"t": [0.0, np.nan]}, ValueError, "`t` must hold two or more times"),
        ({"method": "euler"}, ValueError, "`method` must be one of"),
        ({"gradient": "back"}, ValueError, "`gradient` must be one of"),
    ],
)
def test_wrong_settings_are_refused(settings, error, message):
    with pytest.raises(error, match=message):
        NeuralODE(**{"field": layers.Dense(2), **settings})


def test_a_field_of_another_shape_is_refused(starts):
    with pytest.raises(ValueError, match="they must be alike"):
        NeuralODE(layers.Dense(3))(starts)
