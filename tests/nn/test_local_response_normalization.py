"""Local response normalisation of both kinds, against loops over pixels and channels in float64."""

import keras
import numpy as np
import pytest
from keras import ops

from astroNN.nn.layers import ChannelResponseNormalization, SpatialResponseNormalization
from tests.helpers.gradients import value_and_grad

RNG = np.random.default_rng(0)
LAYERS = [ChannelResponseNormalization, SpatialResponseNormalization]


def across_channels(x, radius, bias, alpha, beta):
    """Channel by channel, the window cut off at both ends."""
    out = np.empty_like(x)
    n_channels = x.shape[-1]
    for c in range(n_channels):
        total = np.zeros(x.shape[:-1])
        for other in range(max(0, c - radius), min(n_channels, c + radius + 1)):
            total += x[..., other] ** 2
        out[..., c] = x[..., c] / (bias + alpha * total) ** beta
    return out


def over_space(x, n, alpha, beta, k):
    """Pixel by pixel, over the neighbours that exist."""
    out = np.empty_like(x)
    height, width = x.shape[1:3]
    before, behind = (n - 1) // 2, n // 2
    for i in range(height):
        for j in range(width):
            neighbours = [
                x[:, row, column] ** 2
                for row in range(max(0, i - before), min(height, i + behind + 1))
                for column in range(max(0, j - before), min(width, j + behind + 1))
            ]
            mean_of_channels = sum(neighbours) / len(neighbours)
            out[:, i, j] = x[:, i, j] / (k + alpha * mean_of_channels.sum(axis=-1))[:, None] ** beta
    return out


def applied(layer, x):
    return ops.convert_to_numpy(layer(x.astype("float32"))).astype("float64")


# A sum of a few hundred positive squares, a logarithm, an exponential and a product: each rounds by 2^-24 of itself,
# and the logarithm of numbers below 1e4 is below 10.
ROUNDING = 40 * 2.0**-24


@pytest.mark.parametrize(("radius", "bias", "alpha", "beta"), [
    (5, 1.0, 1e-4, 0.75), (0, 1.0, 0.3, 0.75), (1, 2.0, 0.5, 0.5), (2, 0.1, 1.0, 1.3), (40, 1.0, 1e-2, 0.75),
    (3, 1.0, 0.0, 0.75), (3, 2.0, 0.1, 0.0),
])  # fmt: skip
@pytest.mark.parametrize("shape", [(2, 3, 4, 13), (2, 3, 4, 1), (3, 7), (2, 5, 9)])
def test_across_channels_it_is_the_loop_over_the_window(shape, radius, bias, alpha, beta):
    x = RNG.normal(0.0, 10.0, shape)
    expected = across_channels(x, radius, bias, alpha, beta)
    out = applied(ChannelResponseNormalization(radius, bias, alpha, beta), x)
    np.testing.assert_allclose(out, expected, rtol=ROUNDING)


@pytest.mark.parametrize(("n", "alpha", "beta", "k"), [
    (5, 1e-4, 0.75, 1.0), (1, 0.3, 0.75, 1.0), (3, 0.5, 0.5, 2.0), (2, 1.0, 0.75, 1.0), (4, 1.0, 1.3, 0.1),
    (25, 1e-2, 0.75, 1.0), (3, 0.0, 0.75, 1.0), (3, 0.1, 0.0, 2.0),
])  # fmt: skip
@pytest.mark.parametrize("shape", [(2, 6, 9, 3), (2, 7, 3, 1), (1, 1, 1, 4)])
def test_over_space_it_is_the_loop_over_the_neighbours_edges_included(shape, n, alpha, beta, k):
    x = RNG.normal(0.0, 10.0, shape)
    expected = over_space(x, n, alpha, beta, k)
    out = applied(SpatialResponseNormalization(n, alpha, beta, k), x)
    np.testing.assert_allclose(out, expected, rtol=ROUNDING)


def test_hand_values_of_a_constant_image():
    x = np.full((1, 8, 8, 96), 10.0)
    # Over space: 96 channels of 100 make m = 9600 at every pixel.
    np.testing.assert_allclose(applied(SpatialResponseNormalization(), x), 10 / 1.96**0.75, rtol=ROUNDING)
    assert round(10 / 1.96**0.75, 4) == 6.0368
    # Across channels: 11 terms inside, 6 at the ends.
    across = applied(ChannelResponseNormalization(), x)[0, 0, 0]
    assert [round(value, 4) for value in across[[0, 5, 90, 95]]] == [9.5724, 9.2471, 9.2471, 9.5724]
    np.testing.assert_allclose(across[5:91], 10 / 1.11**0.75, rtol=ROUNDING)


@pytest.mark.parametrize("layer", LAYERS)
def test_the_gradient_is_that_of_differences(layer):
    layer = layer(alpha=0.05)
    x = RNG.normal(0.0, 2.0, (1, 3, 4, 5))
    reference = across_channels if isinstance(layer, ChannelResponseNormalization) else over_space
    arguments = (5, 1.0, 0.05, 0.75) if reference is across_channels else (5, 0.05, 0.75, 1.0)
    _, (gradient,) = value_and_grad(layer, x)
    step, expected = 1e-5, np.empty_like(x)
    for index in np.ndindex(*x.shape):
        shift = np.zeros_like(x)
        shift[index] = step
        up, down = (reference(x + sign * shift, *arguments).sum() for sign in (1, -1))
        expected[index] = (up - down) / (2 * step)
    # Sums of 60 terms below 2 in float32.
    np.testing.assert_allclose(gradient, expected, rtol=1e-4, atol=60 * 2 * 2.0**-24)


@pytest.mark.parametrize("layer", LAYERS)
def test_in_double_precision_nothing_is_lost(layer):
    x = RNG.normal(0.0, 10.0, (2, 4, 5, 7))
    out = ops.convert_to_numpy(layer(dtype="float64")(ops.convert_to_tensor(x, dtype="float64")))
    if out.dtype != np.float64:
        pytest.skip("this backend is set to single precision")
    expected = across_channels(x, 5, 1.0, 1e-4, 0.75) if layer is LAYERS[0] else over_space(x, 5, 1e-4, 0.75, 1.0)
    np.testing.assert_allclose(out, expected, rtol=1e-14)


@pytest.mark.parametrize("layer", LAYERS)
def test_squares_do_not_overflow_under_mixed_precision(layer):
    # 300^2 is past the largest number of float16, 65,504.
    out = layer(dtype="mixed_float16")(ops.full((1, 3, 3, 4), 300.0, "float16"))
    scale = 1 + 1e-4 * 4 * 300.0**2
    np.testing.assert_allclose(ops.convert_to_numpy(out).astype("f8"), 300 / scale**0.75, rtol=2.0**-11)


@pytest.mark.parametrize("layer", LAYERS)
def test_the_size_of_images_may_be_open(layer):
    inputs = keras.Input((None, None, 3))
    outputs = layer()(inputs)
    assert outputs.shape == (None, None, None, 3)
    model = keras.Model(inputs, outputs)
    for size in (4, 7):
        x = RNG.normal(size=(2, size, size + 1, 3)).astype("float32")
        np.testing.assert_allclose(model.predict(x, verbose=0), applied(layer(), x), rtol=1e-6)


@pytest.mark.parametrize("layer", LAYERS)
def test_it_has_no_weights_and_a_saved_model_keeps_its_settings(layer, tmp_path):
    settings = {"alpha": 0.3, "beta": 0.5}
    settings |= {"depth_radius": 1, "bias": 2.0} if layer is LAYERS[0] else {"n": 3, "k": 2.0}
    model = keras.Sequential([keras.Input((5, 5, 4)), layer(**settings, name="damped")])
    assert model.count_params() == 0
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    config = loaded.get_layer("damped").get_config()
    assert {name: config[name] for name in settings} == settings
    x = RNG.normal(size=(2, 5, 5, 4)).astype("float32")
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))


@pytest.mark.parametrize(("layer", "argument", "value"), [
    (LAYERS[0], "depth_radius", -1), (LAYERS[0], "depth_radius", 1.5), (LAYERS[0], "bias", 0.0),
    (LAYERS[0], "alpha", -1e-4), (LAYERS[0], "beta", np.nan), (LAYERS[0], "beta", "0.75"),
    (LAYERS[1], "n", 0), (LAYERS[1], "n", True), (LAYERS[1], "k", -1.0), (LAYERS[1], "k", None),
    (LAYERS[1], "alpha", np.inf), (LAYERS[1], "beta", -0.75),
])  # fmt: skip
def test_arguments_out_of_range_are_refused(layer, argument, value):
    with pytest.raises(ValueError, match=f"{layer.__name__}: `{argument}` .*got"):
        layer(**{argument: value})


def test_inputs_that_are_no_images_are_refused():
    with pytest.raises(ValueError, match="expected ndim=4, found ndim=3"):
        SpatialResponseNormalization()(np.ones((2, 5, 3), "float32"))
    with pytest.raises(ValueError, match="min_ndim=2, found ndim=1"):
        ChannelResponseNormalization()(np.ones(5, "float32"))
