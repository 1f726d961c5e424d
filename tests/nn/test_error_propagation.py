import keras
import numpy as np
import pytest
from keras import layers, ops

from astroNN.nn.layers import ErrorProp, FastMCInference, MCDropout, MonteCarloEngine
from astroNN.nn.layers._graph import without_dropout


def as_numpy(tensor):
    return ops.convert_to_numpy(ops.cast(tensor, "float32"))


def values_and_errors(n=6, size=40, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, size)).astype("float32"), rng.uniform(0.1, 2.0, (n, size)).astype("float32")


def network(size=40, dropout=False):
    x, x_err = keras.Input((size,), name="input"), keras.Input((size,), name="input_err")
    hidden = ErrorProp(seed=1)([x, x_err])
    if dropout:
        hidden = MCDropout(0.2, seed=2)(hidden)
    return keras.Model([x, x_err], layers.Dense(2, name="label")(hidden))


def test_in_training_the_values_pass_unchanged():
    x, x_err = values_and_errors()
    np.testing.assert_array_equal(as_numpy(ErrorProp()([x, x_err], training=True)), x)


def test_every_element_has_noise_of_its_own():
    x, x_err = np.zeros((200, 300), "float32"), np.ones((200, 300), "float32")
    noise = as_numpy(ErrorProp(seed=1)([x, x_err]))
    assert len(np.unique(noise)) > 0.95 * noise.size
    for axis in (0, 1):  # means over n independent unit normals scatter by 1 / sqrt(n)
        n = noise.shape[axis]
        assert noise.mean(axis).std() == pytest.approx(1 / np.sqrt(n), rel=0.25)


@pytest.mark.parametrize("dtype", ["float32", "mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("missing", [np.nan, -9999.0, 0.0])
def test_a_missing_or_zero_error_adds_nothing(dtype, missing):
    x, x_err = values_and_errors()
    x_err[:, ::2] = missing
    layer = ErrorProp(seed=1, dtype=dtype)
    out = as_numpy(layer([x, x_err]))
    np.testing.assert_array_equal(out[:, ::2], as_numpy(ops.cast(x, layer.compute_dtype))[:, ::2])
    assert np.isfinite(out).all()
    assert (out[:, 1::2] != x[:, 1::2]).all()


def test_a_missing_value_stays_missing():
    x, x_err = values_and_errors()
    x[0, 0], x[0, 1] = np.nan, -9999.0
    out = as_numpy(ErrorProp(seed=1)([x, x_err]))
    assert np.isnan(out[0, 0])
    assert out[0, 1] == -9999.0


def test_the_sign_of_an_error_does_not_matter():
    x, x_err = values_and_errors(n=1)
    tiled = [np.repeat(values, 20_000, axis=0) for values in (x, -x_err)]
    out = as_numpy(ErrorProp(seed=1)(tiled)).astype("float64")
    assert np.abs((out.mean(0) - x[0]) / x_err[0]).max() < 4.5 / np.sqrt(20_000)
    assert np.abs(out.var(0) / x_err[0].astype("float64") ** 2 - 1).max() < 4.5 * np.sqrt(2 / 20_000)


@pytest.mark.parametrize("stddev", [0.5, np.array([0.1, 1.0, 3.0]), np.array([[0.1], [2.0]])])
def test_the_form_of_version_1_takes_the_error_as_its_argument(stddev, tmp_path):
    x = np.ones((20_000, 2, 3), "float32")
    layer = ErrorProp(stddev, seed=1)
    noise = as_numpy(layer(x)).astype("float64") - 1.0
    expected = np.broadcast_to(np.asarray(stddev) ** 2, (2, 3))
    assert np.abs(noise.var(0) / expected - 1).max() < 4 * np.sqrt(2 / 20_000)
    np.testing.assert_array_equal(as_numpy(layer(x, training=True)), x)
    inputs = keras.Input((2, 3))
    model = keras.Model(inputs, layer(inputs))
    model.save(tmp_path / "model.keras")
    copy = keras.models.load_model(tmp_path / "model.keras").layers[-1]
    np.testing.assert_array_equal(copy.stddev, stddev)
    assert model.output.shape == (None, 2, 3)


def test_an_error_of_zero_or_missing_everywhere_is_no_noise():
    for stddev in (0.0, [np.nan, -9999.0, 0.0]):
        layer, x = ErrorProp(stddev), np.ones((2, 3), "float32")
        assert not layer.random_at_inference
        np.testing.assert_array_equal(as_numpy(layer(x)), x)


@pytest.mark.parametrize("dropout", [False, True])
@pytest.mark.parametrize("sampling", ["exact", "per_star"])
def test_the_engine_carries_errors_to_the_labels(sampling, dropout):
    model, (x, x_err) = network(dropout=dropout), values_and_errors()
    kernel = model.get_layer("label").get_weights()[0].astype("float64")
    # Var(sum of k z (x + e n)), z of mean 1 and variance v: k^2 [(1 + v) e^2 + v x^2].
    v = 0.25 if dropout else 0.0
    expected = ((1 + v) * x_err.astype("float64") ** 2 + v * x.astype("float64") ** 2) @ kernel**2
    engine = MonteCarloEngine(model, mc_num=800, seed=1, sampling=sampling)
    mean, variance = engine.predict([x, x_err])["label"]
    assert np.abs((mean - x @ kernel) / np.sqrt(expected / 800)).max() < 4.5
    assert np.abs(variance / expected - 1).max() < 5.5 * np.sqrt(2 / 800)


def test_fastmcinference_carries_errors_to_the_labels_of_many_stars():
    model, (x, x_err) = network(), values_and_errors(n=1)
    kernel = model.get_layer("label").get_weights()[0].astype("float64")
    expected = x_err[0].astype("float64") ** 2 @ kernel**2
    stars = [np.repeat(values, 512, axis=0) for values in (x, x_err)]
    result = FastMCInference(10)(model).predict(stars, verbose=0, batch_size=512).astype("float64")
    # Each star's ten draws give 9 degrees of freedom.
    np.testing.assert_allclose(result[..., 1].mean(0), expected * 9 / 10, rtol=4 * np.sqrt(2 / (9 * 512)))


def test_without_dropout_the_values_alone_count():
    model, (x, x_err) = network(dropout=True), values_and_errors()
    quiet = without_dropout(model)
    kernel, bias = model.get_layer("label").get_weights()
    np.testing.assert_allclose(as_numpy(quiet([x, x_err])), x @ kernel + bias, rtol=1e-4, atol=1e-5)


class FirstPlusNoise(layers.Layer):
    """A random layer of two inputs that doesn't say what it gives without noise."""

    random_at_inference = True

    def call(self, inputs):
        return inputs[0] + keras.random.normal(ops.shape(inputs[0]))

    def compute_output_shape(self, input_shape):
        return input_shape[0]


def test_a_layer_of_two_inputs_that_cannot_be_left_out_is_named():
    x, x_err = keras.Input((3,)), keras.Input((3,))
    model = keras.Model([x, x_err], FirstPlusNoise(name="noisy")([x, x_err]))
    with pytest.raises(ValueError, match="'noisy' changes the shape.*call_without_noise"):
        without_dropout(model)


def test_a_model_trains_through_it_and_survives_saving(tmp_path):
    model, (x, x_err) = network(), values_and_errors()
    model.compile("adam", "mse")
    model.fit([x, x_err], np.ones((6, 2), "float32"), verbose=0)
    model.save(tmp_path / "model.keras")
    copy = keras.models.load_model(tmp_path / "model.keras")
    quiet, original = without_dropout(copy), without_dropout(model)
    np.testing.assert_array_equal(as_numpy(quiet([x, x_err])), as_numpy(original([x, x_err])))


def test_inputs_that_do_not_fit_are_refused():
    x = np.ones((4, 5), "float32")
    with pytest.raises(ValueError, match=r"same shape.*\(4, 5\).*\(4, 1\)"):
        ErrorProp()([x, x[:, :1]])
    with pytest.raises(ValueError, match=r"same shape.*\(None, 5\).*\(None, 6\)"):
        ErrorProp()([keras.Input((5,)), keras.Input((6,))])
    layer = ErrorProp()
    layer([x, x])
    with pytest.raises(ValueError, match="same shape"):
        layer([x, x[:3]])
    with pytest.raises(ValueError, match=r"two tensors, \[x, x_err\].*ErrorProp\(stddev\)"):
        ErrorProp()(x)
    with pytest.raises(ValueError, match="two tensors"):
        ErrorProp()([x, x, x])
    with pytest.raises(ValueError, match="with x alone, got 2"):
        ErrorProp(0.1)([x, x])
    with pytest.raises(ValueError, match=r"stddev.*\(3,\).*\(4, 5\)"):
        ErrorProp([0.1, 0.2, 0.3])(x)


@pytest.mark.parametrize("stddev", [-0.1, [0.1, -2.0], float("inf")])
def test_a_negative_or_infinite_stddev_is_refused(stddev):
    with pytest.raises(ValueError, match="stddev.*finite and not negative"):
        ErrorProp(stddev)


def test_a_symbolic_stddev_is_refused_with_the_way_to_do_it():
    with pytest.raises(TypeError, match=r"ErrorProp\(\)\(\[x, x_err\]\)"):
        ErrorProp(keras.Input((3,)))


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_integers_get_noise_of_the_size_of_their_errors_and_keep_their_gaps(dtype):
    x, x_err = np.full((20_000, 2), 2, "int32"), np.full((20_000, 2), 0.5, "float32")
    x[:, 1] = -9999  # -9984 in bfloat16: the gap has to be found before
    layer = ErrorProp(seed=1, dtype=dtype)
    out = layer([x, x_err])
    assert keras.backend.standardize_dtype(out.dtype) == layer.compute_dtype
    out = as_numpy(out).astype("float64")
    # The noise is rounded to 2^-7 in bfloat16 between 2 and 4.
    assert abs(out[:, 0].mean() - 2) < 4 * 0.5 / np.sqrt(20_000)
    assert abs(out[:, 0].var() / 0.25 - 1) < 4 * np.sqrt(2 / 20_000) + 1e-3
    assert len(np.unique(out[:, 1])) == 1
    whole = ErrorProp(0.5, seed=1, dtype=dtype)(x)
    assert abs(as_numpy(whole)[:, 0].astype("float64").var() / 0.25 - 1) < 4 * np.sqrt(2 / 20_000) + 1e-3
    assert keras.backend.standardize_dtype(layer([x, x_err], training=True).dtype) == layer.compute_dtype


@pytest.mark.parametrize("stddev", ["name", ["a"], True, [[0.1], [0.1, 0.2]]])
def test_a_stddev_that_is_no_number_is_refused(stddev):
    with pytest.raises((TypeError, ValueError), match="stddev.*number or an array of numbers.*name="):
        ErrorProp(stddev)
