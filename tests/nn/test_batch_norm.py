import keras
import numpy as np
import pytest
from keras import layers, ops

from astroNN.nn.layers import MCBatchNorm, MCDropout, MonteCarloEngine
from astroNN.nn.layers._graph import is_random


def as_numpy(tensor):
    return ops.convert_to_numpy(ops.cast(tensor, "float32"))


def data(*shape, seed=0):
    return (np.random.default_rng(seed).normal(size=shape) * 3.0 + 5.0).astype("float32")


@pytest.mark.parametrize("shape", [(50, 4), (50, 6, 4), (50, 3, 2, 4)])
def test_in_training_each_element_is_normalised_over_the_stars_of_the_batch(shape):
    x = data(*shape)
    wide = x.astype("float64")
    expected = (wide - wide.mean(0)) / np.sqrt(wide.var(0) + 1e-10)
    np.testing.assert_allclose(as_numpy(MCBatchNorm()(x, training=True)), expected, rtol=1e-4, atol=1e-5)


def test_untrained_it_is_the_identity_at_prediction():
    x = data(20, 3)
    np.testing.assert_allclose(as_numpy(MCBatchNorm()(x)), x, rtol=1e-6)  # stored mean 0 and variance 1
    np.testing.assert_allclose(as_numpy(MCBatchNorm()(x, training=False)), x, rtol=1e-6)


def test_stored_statistics_follow_the_batches_and_are_used_at_prediction():
    layer, mean, variance = MCBatchNorm(momentum=0.8), np.zeros(3), np.ones(3)
    for seed in range(4):
        x = data(30, 3, seed=seed)
        layer(x, training=True)
        mean, variance = 0.8 * mean + 0.2 * x.mean(0), 0.8 * variance + 0.2 * x.var(0)
    np.testing.assert_allclose(as_numpy(layer.moving_mean), mean, rtol=1e-5)
    np.testing.assert_allclose(as_numpy(layer.moving_variance), variance, rtol=1e-5)
    np.testing.assert_allclose(as_numpy(layer(x)), (x - mean) / np.sqrt(variance + 1e-10), rtol=1e-4, atol=1e-5)


def test_it_agrees_with_keras_on_flat_inputs():
    ours, theirs, x = MCBatchNorm(epsilon=1e-3), layers.BatchNormalization(epsilon=1e-3), data(40, 5)
    for training in (True, False):
        np.testing.assert_allclose(
            as_numpy(ours(x, training=training)), as_numpy(theirs(x, training=training)), rtol=1e-4, atol=1e-5
        )
    assert [w.name for w in ours.weights] == [w.name for w in theirs.weights]


@pytest.mark.slow
def test_scale_and_offset_are_learned():
    """Targets of spread 2 around 7: the optimum is gamma = 2, beta = 7, which plain descent reaches."""
    keras.utils.set_random_seed(1)
    x = data(256, 3)
    targets = 7.0 + 2.0 * (x - x.mean(0)) / x.std(0)
    inputs = keras.Input((3,))
    layer = MCBatchNorm(momentum=0.5)
    model = keras.Model(inputs, layer(inputs))
    model.compile(keras.optimizers.SGD(0.5), loss="mse")
    model.fit(x, targets, batch_size=256, epochs=60, verbose=0)
    np.testing.assert_allclose(as_numpy(layer.gamma), 2.0, rtol=1e-3)
    np.testing.assert_allclose(as_numpy(layer.beta), 7.0, rtol=1e-3)
    np.testing.assert_allclose(as_numpy(layer.moving_mean), x.mean(0), rtol=1e-4)
    np.testing.assert_allclose(model.predict(x, verbose=0), targets, rtol=1e-2, atol=1e-2)


def test_disabled_it_is_the_identity_and_learns_nothing():
    layer, x = MCBatchNorm(disable=True), data(20, 3)
    np.testing.assert_array_equal(as_numpy(layer(x, training=True)), x)
    np.testing.assert_array_equal(as_numpy(layer.moving_mean), 0.0)


def test_a_frozen_layer_keeps_and_uses_its_statistics():
    layer, x = MCBatchNorm(), data(20, 3)
    layer.trainable = False
    np.testing.assert_allclose(as_numpy(layer(x, training=True)), x, rtol=1e-6)
    np.testing.assert_array_equal(as_numpy(layer.moving_mean), 0.0)


@pytest.mark.parametrize("dtype", ["float32", "mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("value", [0.0, 0.1, 1234.5, -3e4])
def test_a_constant_element_stays_small_in_training_and_at_prediction(dtype, value):
    layer = MCBatchNorm(dtype=dtype, momentum=0.5)
    x = data(64, 2)
    x[:, 1] = value
    for _ in range(40):
        out = as_numpy(layer(x, training=True))
    assert np.abs(out[:, 1]).max() < 1e-2
    assert out[:, 0].std() == pytest.approx(1.0, rel=0.02)
    np.testing.assert_array_equal(as_numpy(layer.moving_variance)[1], 1.0)
    x[:, 1] += 100.0  # a unit that was dead in training fires: nothing to divide by, so the number stands
    fired = as_numpy(layer(x))
    assert np.isfinite(fired).all()
    assert np.abs(fired[:, 1] - 100.0).max() < 0.01 * (100.0 + abs(value))


@pytest.mark.parametrize("dtype", ["mixed_float16", "mixed_bfloat16"])
def test_under_mixed_precision_squares_do_not_overflow(dtype):
    layer = MCBatchNorm(dtype=dtype)
    x = data(64, 3) * 2000.0
    out = layer(x, training=True)
    assert keras.backend.standardize_dtype(out.dtype) == dtype.removeprefix("mixed_")
    assert keras.backend.standardize_dtype(layer.moving_variance.dtype) == "float32"
    # Inputs are rounded to 11 or 8 bits, a few hundredths of their spread.
    np.testing.assert_allclose(as_numpy(out), (x - x.mean(0)) / x.std(0), atol=0.05)


def test_a_batch_of_one_star_gives_the_offset_and_keeps_the_variance():
    layer = MCBatchNorm()
    np.testing.assert_array_equal(as_numpy(layer(data(1, 3), training=True)), 0.0)
    np.testing.assert_array_equal(as_numpy(layer.moving_variance), 1.0)


def test_it_is_not_random_and_the_fast_setting_takes_it_in_its_stride():
    inputs = keras.Input((80, 1))
    x = MCBatchNorm()(layers.Conv1D(2, 5, padding="same")(MCDropout(0.2)(inputs)))
    model = keras.Model(inputs, layers.Dense(1, name="label")(layers.Flatten()(x)))
    assert not is_random(model.layers[3])
    assert isinstance(model.layers[3], MCBatchNorm)
    x = data(64, 80, 1)
    exact = MonteCarloEngine(model, mc_num=1000, seed=1).predict(x)["label"]
    fast = MonteCarloEngine(model, mc_num=200, seed=2, sampling="fast")
    assert type(fast._sampler).__name__ == "FastSampler"
    mean, variance = fast.predict(x)["label"]
    assert np.median(np.abs(mean - exact[0]) / np.sqrt(exact[1])) < 4 * np.sqrt(1 / 200 + 1 / 1000)
    assert abs(np.median(variance / exact[1]) - 1) < 4 * np.sqrt(2 / 200 + 2 / 1000)


def test_models_and_weights_survive_saving(tmp_path):
    inputs = keras.Input((4,))
    model = keras.Model(inputs, MCBatchNorm(momentum=0.9, epsilon=1e-5, name="norm")(inputs))
    model.layers[-1](data(30, 4), training=True)
    model.save(tmp_path / "model.keras")
    model.save_weights(tmp_path / "model.weights.h5")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.layers[-1].get_config() == model.layers[-1].get_config()
    fresh = keras.Model.from_config(model.get_config())
    fresh.load_weights(tmp_path / "model.weights.h5")
    for copy in (loaded, fresh):
        np.testing.assert_array_equal(copy.predict(data(5, 4), verbose=0), model.predict(data(5, 4), verbose=0))
    old = MCBatchNorm.from_config({"name": "norm", "epsilon": 1e-10})
    assert (old.epsilon, old.disable) == (1e-10, False)
    assert MCBatchNorm().compute_output_shape((None, 3, 2)) == (None, 3, 2)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"momentum": 1.0}, "momentum.*1.0"),
        ({"momentum": "a"}, "momentum.*'a'"),
        ({"epsilon": -1.0}, "epsilon.*-1.0"),
    ],
)
def test_bad_settings_are_named(kwargs, message):
    with pytest.raises(ValueError, match=message):
        MCBatchNorm(**kwargs)


def test_inputs_of_unknown_length_are_refused():
    with pytest.raises(ValueError, match="must be fixed.*BatchNormalization"):
        MCBatchNorm()(keras.Input((None, 3)))
