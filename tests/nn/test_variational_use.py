"""Variational layers in use: in files, in Monte Carlo inference, and with settings that make no sense."""

import keras
import numpy as np
import pytest
from keras import layers

from astroNN.nn.layers import (
    Conv1DFlipout,
    Conv2DFlipout,
    DenseFlipout,
    DenseReparameterization,
    FastMCInference,
    MonteCarloEngine,
)
from astroNN.nn.layers._graph import without_dropout
from tests.nn.variational_cases import DENSE, as_numpy, every_layer, model_of, set_posterior


@pytest.fixture
def rng():
    return np.random.default_rng(3)


# Keeping it ----------------------------------------------------------------------------------------------


@every_layer
def test_the_config_holds_every_argument(cls, kwargs, shape):
    settings = {"activation": "tanh", "use_bias": False, "initial_std": 0.3, "prior_std": 0.7, "n_train": 12}
    settings |= {"seed": 3, "disable": True, "name": "own", **kwargs}
    layer = cls(kernel_initializer="he_normal", bias_initializer="ones", **settings)
    config = layer.get_config()
    copy = cls.from_config(config)
    assert copy.get_config() == config
    for name in set(settings) - {"activation", "kernel_size", "strides"}:
        assert getattr(copy, name) == settings[name]
    assert copy.activation is keras.activations.tanh
    assert isinstance(copy.kernel_initializer, keras.initializers.HeNormal)


@every_layer
def test_models_come_back_from_their_files(cls, kwargs, shape, tmp_path, rng):
    model, x = model_of(cls, shape, n_train=123, **kwargs), rng.normal(size=(3, *shape)).astype("float32")
    model.layers[-1].kernel_rho.assign(rng.normal(size=model.layers[-1].kernel_rho.shape))
    model.save(tmp_path / "model.keras")
    model.save_weights(tmp_path / "model.weights.h5")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    fresh = model_of(cls, shape, **kwargs)
    fresh.load_weights(tmp_path / "model.weights.h5")
    divergence = as_numpy(model.layers[-1].kl_divergence())
    expected = MonteCarloEngine(model, mc_num=3).draws(x)[model.output_names[0]]
    for copy in (loaded, fresh):
        assert copy.layers[-1].n_train == 123
        np.testing.assert_array_equal(MonteCarloEngine(copy, mc_num=3).draws(x)[copy.output_names[0]], expected)
        copy.layers[-1](x, training=True)  # raises unless n_train is known
        np.testing.assert_allclose(as_numpy(copy.losses[0]), divergence / 123, rtol=1e-6)


def test_weights_of_another_training_do_not_replace_an_n_train_that_is_given(tmp_path):
    model_of(DenseFlipout, (4,), units=1, n_train=100_000).save_weights(tmp_path / "model.weights.h5")
    model = model_of(DenseFlipout, (4,), units=1, n_train=50)
    model.load_weights(tmp_path / "model.weights.h5")
    assert model.layers[-1].n_train == 50


@every_layer
def test_the_shape_of_the_output_is_foretold(cls, kwargs, shape):
    layer = cls(**kwargs)
    assert layer.compute_output_shape((2, *shape)) == tuple(layer(np.ones((2, *shape), "float32")).shape)


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("settings", [{}, {"strides": 3}, {"dilation_rate": 2}])
def test_the_shape_of_a_convolution_is_that_of_keras(padding, settings):
    for length in range(7, 12):
        ours, plain = (cls(2, 3, padding=padding, **settings) for cls in (Conv1DFlipout, layers.Conv1D))
        assert ours.compute_output_shape((None, length, 4)) == plain.compute_output_shape((None, length, 4))
    assert ours.compute_output_shape((None, None, 4)) == (None, None, 2)


# In Monte Carlo inference --------------------------------------------------------------------------------


@pytest.mark.parametrize("sampling", ["exact", "per_star"])
@pytest.mark.parametrize("cls", DENSE)
def test_the_engine_gives_the_analytic_mean_and_variance(cls, sampling, rng):
    n, x = 2000, rng.normal(size=(2, 5)).astype("float32")
    model = model_of(cls, (5,), units=2)
    mean, std, bias = rng.normal(size=(5, 2)), rng.uniform(0.1, 1, (5, 2)), rng.normal(size=2)
    set_posterior(model.layers[-1], mean, std, bias)
    found, variance = MonteCarloEngine(model, mc_num=n, seed=1, sampling=sampling).predict(x)[model.output_names[0]]
    expected = x**2 @ std**2
    np.testing.assert_array_less(np.abs(found - (x @ mean + bias)), 4 * np.sqrt(expected / n))
    np.testing.assert_array_less(np.abs(variance - expected), 4 * expected * np.sqrt(2 / n))


@every_layer
def test_in_one_pass_all_stars_see_the_same_weights(cls, kwargs, shape, rng):
    model = model_of(cls, shape, use_bias=False, **kwargs)
    x = rng.normal(size=(1, *shape)).astype("float32")
    draws = MonteCarloEngine(model, mc_num=3).draws(np.concatenate([x, 2 * x]))[model.output_names[0]]
    np.testing.assert_allclose(draws[:, 1], 2 * draws[:, 0], rtol=1e-4, atol=1e-6)
    assert (draws[0] != draws[1]).all()


def test_the_fast_setting_takes_the_exact_way_with_a_warning():
    inputs = keras.Input((12, 1))
    hidden = layers.Flatten()(Conv1DFlipout(2, 3, seed=1)(inputs))
    model = keras.Model(inputs, layers.Dense(1)(hidden))
    with pytest.warns(UserWarning, match="is sampled exactly"):
        fast = MonteCarloEngine(model, mc_num=5, sampling="fast")
    x = np.ones((2, 12, 1), "float32")
    name = model.output_names[0]
    np.testing.assert_array_equal(fast.predict(x)[name], MonteCarloEngine(model, mc_num=5).predict(x)[name])


@every_layer
def test_fast_mc_inference_gives_the_mean_and_variance_of_the_weights(cls, kwargs, shape, rng):
    n, x = 1000, rng.normal(size=(2, *shape)).astype("float32")
    model = model_of(cls, shape, initial_std=0.5, **kwargs)
    expected, variance = MonteCarloEngine(model, mc_num=n).predict(x)[model.output_names[0]]
    out = FastMCInference(n)(model).predict(x, verbose=0)
    np.testing.assert_array_less(np.abs(out[..., 0] - expected), 5 * np.sqrt(2 * variance / n))
    np.testing.assert_array_less(np.abs(out[..., 1] - variance), 5 * variance * np.sqrt(4 / n))


@every_layer
def test_left_out_of_a_network_it_leaves_the_mean_weights_which_later_training_changes(cls, kwargs, shape, rng):
    model, x = model_of(cls, shape, **kwargs), rng.normal(size=(2, *shape)).astype("float32")
    mean_network, layer = without_dropout(model), model.layers[-1]
    for factor in (1.0, 2.0):
        layer.kernel_mean.assign(factor * as_numpy(layer.kernel_mean))
        expected = as_numpy(layer.call_without_noise(x))
        np.testing.assert_allclose(mean_network.predict(x, verbose=0), expected, rtol=1e-5, atol=1e-6)


# What can't be used --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cls", "kwargs", "message"),
    [
        (DenseFlipout, {"units": 0}, "units=0"),
        (DenseFlipout, {"units": 2.5}, "units=2.5"),
        (DenseFlipout, {"units": True}, "units=True"),
        (DenseReparameterization, {"units": -1}, "units=-1"),
        (DenseFlipout, {"units": 1, "prior_std": 0.0}, "prior_std=0.0"),
        (DenseFlipout, {"units": 1, "prior_std": float("nan")}, "prior_std=nan"),
        (DenseFlipout, {"units": 1, "initial_std": -0.1}, "initial_std=-0.1"),
        (DenseFlipout, {"units": 1, "n_train": 0}, "n_train=0"),
        (DenseFlipout, {"units": 1, "n_train": "many"}, "n_train='many'"),
        (Conv1DFlipout, {"filters": 0, "kernel_size": 3}, "filters=0"),
        (Conv1DFlipout, {"filters": 1, "kernel_size": (3, 3)}, r"kernel_size=\(3, 3\)"),
        (Conv2DFlipout, {"filters": 1, "kernel_size": (3,)}, r"sequence of 2, got kernel_size=\(3,\)"),
        (Conv2DFlipout, {"filters": 1, "kernel_size": 3, "strides": 0}, "strides=0"),
        (Conv1DFlipout, {"filters": 1, "kernel_size": 3, "padding": "causal"}, "padding='causal'"),
        (Conv1DFlipout, {"filters": 1, "kernel_size": 3, "data_format": "channels_first"}, "channels_first"),
        (Conv1DFlipout, {"filters": 1, "kernel_size": 3, "strides": 2, "dilation_rate": 2}, "can't both"),
    ],
)
def test_settings_that_make_no_sense_are_refused_by_value(cls, kwargs, message):
    with pytest.raises(ValueError, match=message):
        cls(**kwargs)


def test_a_late_n_train_is_checked_too():
    layer = DenseFlipout(1)
    with pytest.raises(ValueError, match="n_train=-3"):
        layer.n_train = -3


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (DenseFlipout(2), (5,), r"n_stars, n_inputs"),
        (DenseFlipout(2), (5, None), "fixed length"),
        (DenseReparameterization(2), (5, 4, 3), "use DenseFlipout"),
        (Conv1DFlipout(2, 3), (5, 4), "n_stars, n_pixels, channels"),
        (Conv2DFlipout(2, 3), (5, 4, 3), "n_stars, height, width, channels"),
        (Conv1DFlipout(2, 7), (5, 4, 1), "shorter than the kernel"),
    ],
)
def test_inputs_of_other_axes_are_refused(layer, shape, message):
    with pytest.raises(ValueError, match=message):
        layer.build(shape)
