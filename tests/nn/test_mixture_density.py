"""The mixture density layer, its moments and its loss."""

import keras
import numpy as np
import pytest
from keras import layers, ops
from scipy import integrate, stats

from astroNN.nn.distributions import GaussianMixture
from astroNN.nn.layers import FastMCInference, MCDropout, MixtureDensity, MixtureMoments
from astroNN.nn.losses import losses_lookup, mixture_nll, mixture_nll_wrapper

from ..helpers.gradients import value_and_grad

MAGIC = -9999.0


def as_array(tensor):
    return ops.convert_to_numpy(tensor)


def random_parameters(n_stars=6, n_labels=3, n_components=2, seed=0):
    """Output of the layer, as it might be."""
    rng = np.random.default_rng(seed)
    shape = (n_stars, n_labels, n_components)
    weight = rng.dirichlet(np.ones(n_components), shape[:2])
    parameters = [rng.normal(size=shape), rng.normal(-0.5, 0.5, shape), np.log(weight)]
    return np.stack(parameters, axis=2).astype("float32")


def nll_by_numpy(labels, parameters, err=0.0):
    """Negative log likelihood of every label in float64."""
    mean, log_scale, log_weight = np.moveaxis(parameters.astype("float64"), 2, 0)
    scale = np.sqrt(np.exp(2 * log_scale) + np.square(np.broadcast_to(err, labels.shape)[..., None]))
    density = (np.exp(log_weight) * stats.norm.pdf(labels[..., None], mean, scale)).sum(-1)
    return -np.log(density)


def mean_over(element, present):
    return np.where(present, element, 0).sum(1) / np.maximum(present.sum(1), 1)


# The layer ----------------------------------------------------------------------------------------------------


def test_components_start_apart_with_unit_scales_and_equal_weights():
    parameters = as_array(MixtureDensity(2, n_components=5)(np.zeros((1, 4), "float32")))
    assert parameters.shape == (1, 2, 3, 5)
    np.testing.assert_allclose(parameters[0, :, 0], [[-1, -0.5, 0, 0.5, 1]] * 2)
    # The soft bounds 0.001 and 1000 move a scale of 1 by a thousandth each way.
    np.testing.assert_allclose(parameters[0, :, 1], 0.0, atol=2e-6)
    np.testing.assert_allclose(parameters[0, :, 2], np.log(0.2), rtol=1e-6)
    single = as_array(MixtureDensity(1, n_components=1)(np.zeros((1, 4), "float32")))
    np.testing.assert_allclose(single[0, 0, [0, 2], 0], 0.0)


def test_the_first_outputs_scatter_as_documented():
    features = np.random.default_rng(0).normal(size=(2000, 64)).astype("float32")
    layer = MixtureDensity(4, n_components=3, seed=1)
    raw = features @ as_array(layer(features) is not None and layer.kernel)
    # 36 outputs, each with a variance of 0.1 times chi squared with 64 degrees of freedom / 64.
    assert raw.var() == pytest.approx(0.1, rel=4 * np.sqrt(2 / (36 * 64)))


def test_layers_start_differently_unless_they_share_a_seed():
    x = np.ones((1, 4), "float32")
    first, second = (as_array(MixtureDensity(2)(x)) for _ in range(2))
    assert np.all(first[:, :, 0] != second[:, :, 0])
    first, second = (as_array(MixtureDensity(2, seed=3)(x)) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_output_follows_the_equations():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(5, 4)).astype("float32")
    layer = MixtureDensity(2, n_components=3, min_scale=0.05, max_scale=4.0, seed=1)
    layer.build((None, 4))
    kernel, bias = rng.normal(size=(4, 18)), rng.normal(size=(2, 3, 3))
    layer.set_weights([kernel, bias])
    found = as_array(layer(x))
    a, b, c = np.moveaxis((x @ kernel).reshape(5, 2, 3, 3) + bias, 2, 0)
    np.testing.assert_allclose(found[:, :, 0], a, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(np.exp(found[:, :, 1]), 1 / (1 / (0.05 + np.exp(b)) + 1 / 4.0), rtol=1e-5)
    np.testing.assert_allclose(np.exp(found[:, :, 2]), np.exp(c) / np.exp(c).sum(-1, keepdims=True), rtol=1e-5)


def test_scales_stay_between_their_bounds_whatever_comes():
    layer = MixtureDensity(1, n_components=2, min_scale=0.01, max_scale=10.0)
    layer.build((None, 1))
    kernel = np.zeros((1, 6))
    kernel[0, 2:4] = [-1.0, 1.0]  # the log scales
    layer.set_weights([kernel, np.zeros((1, 3, 2))])
    found = as_array(layer(np.array([[0.0], [1e4], [1e30]], "float32")))
    assert np.isfinite(found).all()
    np.testing.assert_allclose(np.exp(found[1:, 0, 1]), [[0.01, 10.0]] * 2, rtol=2e-3)


@pytest.mark.parametrize("dtype", ["mixed_float16", "mixed_bfloat16", "float16", "float64"])
def test_every_precision_gives_finite_float32_or_better(dtype):
    # Features whose sum overflows float16 (65,504).
    x = np.full((2, 100), 1000.0, "float32")
    inputs = keras.Input((100,), dtype="float16" if "16" in dtype else dtype)
    layer = MixtureDensity(2, kernel_initializer="ones", dtype=dtype)
    outputs = layer(inputs)
    model = keras.Model(inputs, {**MixtureMoments(dtype=dtype)(outputs), "parameters": outputs})
    expected = "float64" if dtype == "float64" else "float32"
    assert {tensor.dtype for tensor in model.outputs} == {expected}
    found = model.predict(x, verbose=0)
    assert all(np.isfinite(values).all() for values in found.values())
    assert found["parameters"][..., 0, :].min() == pytest.approx(1e5 - 1, rel=1e-6)
    value, _ = value_and_grad(lambda y: mixture_nll(np.zeros((2, 2), "float32"), y), found["parameters"])
    assert np.isfinite(value).all()


def test_a_model_in_half_precision_trains(tmp_path):
    inputs = keras.Input((3,))
    hidden = layers.Dense(8, "relu", dtype="mixed_float16")(inputs)
    model = keras.Model(inputs, MixtureDensity(1, dtype="mixed_float16")(hidden))
    model.compile("adam", loss=mixture_nll)
    x = np.random.default_rng(0).normal(size=(64, 3)).astype("float32")
    history = model.fit(x, x[:, :1], epochs=2, verbose=0)
    assert np.isfinite(history.history["loss"]).all()


def test_models_survive_saving(tmp_path):
    inputs = keras.Input((4,))
    parameters = MixtureDensity(
        2, 3, min_scale=0.02, kernel_regularizer=keras.regularizers.L2(1e-3), seed=1, name="head"
    )(inputs)
    model = keras.Model(inputs, {**MixtureMoments(name="moments")(parameters), "mixture": parameters})
    x = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
    expected = model.predict(x, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    model.save_weights(tmp_path / "model.weights.h5")
    other = keras.models.clone_model(model)
    other.load_weights(tmp_path / "model.weights.h5")
    for restored in (again, other):
        for name, values in restored.predict(x, verbose=0).items():
            np.testing.assert_array_equal(values, expected[name])
    assert again.get_layer("head").get_config() == model.get_layer("head").get_config()
    assert float(as_array(sum(again.losses))) == pytest.approx(
        1e-3 * np.square(model.get_weights()[0]).sum(), rel=1e-5
    )


def test_a_compiled_model_is_loaded_with_its_loss(tmp_path):
    model = keras.Sequential([keras.Input((4,)), MixtureDensity(2)])
    model.compile("sgd", loss=mixture_nll)
    model.save(tmp_path / "model.keras")
    x, y = np.ones((8, 4), "float32"), np.ones((8, 2), "float32")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.evaluate(x, y, verbose=0) == pytest.approx(model.evaluate(x, y, verbose=0), rel=1e-6)


def test_output_shape_is_known_beforehand():
    assert MixtureDensity(5, 2).compute_output_shape((None, 7)) == (None, 5, 3, 2)
    assert MixtureMoments().compute_output_shape((None, 5, 3, 2)) == {
        "output": (None, 5),
        "variance_output": (None, 5),
    }


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_labels": 0}, "`n_labels` must be a positive integer, got n_labels=0"),
        ({"n_labels": 2.5}, "`n_labels` must be a positive integer"),
        ({"n_labels": 2, "n_components": 0}, "`n_components` must be a positive integer, got n_components=0"),
        ({"n_labels": 2, "n_components": True}, "`n_components` must be a positive integer"),
        ({"n_labels": 2, "min_scale": 0.0}, "0 < min_scale < max_scale"),
        ({"n_labels": 2, "min_scale": 2.0, "max_scale": 1.0}, "min_scale=2.0, max_scale=1.0"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        MixtureDensity(**settings)


def test_inputs_of_another_rank_are_refused():
    for shape in ((2, 5, 4), (4,)):
        with pytest.raises(
            ValueError, match=r"MixtureDensity: the inputs must have the shape \(n_stars, n_features\)"
        ):
            MixtureDensity(2)(np.ones(shape, "float32"))
    for shape in ((2, 5, 4, 3), (2, 3)):
        with pytest.raises(ValueError, match="MixtureMoments: the inputs must have the shape"):
            MixtureMoments()(keras.Input(shape[1:]))


# Moments ------------------------------------------------------------------------------------------------------


def test_moments_are_those_of_numpy():
    parameters = random_parameters()
    mean, log_scale, log_weight = np.moveaxis(parameters.astype("float64"), 2, 0)
    weight = np.exp(log_weight)
    expected = (weight * mean).sum(-1)
    second = (weight * (np.exp(2 * log_scale) + mean**2)).sum(-1)
    found = MixtureMoments()(parameters)
    np.testing.assert_allclose(found["output"], expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(np.exp(as_array(found["variance_output"])), second - expected**2, rtol=1e-5)


@pytest.mark.parametrize("with_moments", [False, True])
def test_monte_carlo_inference_averages_over_dropped_units(with_moments):
    rng = np.random.default_rng(3)
    inputs = keras.Input((4,))
    head = MixtureDensity(2, 2, seed=1)
    parameters = head(MCDropout(0.5, seed=2)(inputs))
    model = keras.Model(inputs, MixtureMoments()(parameters) if with_moments else parameters)
    head.set_weights([rng.normal(size=(4, 12)), rng.normal(size=(2, 3, 2))])
    x = np.ones((1, 4), "float32")
    n = 4000
    found = FastMCInference(n)(model).predict(x, verbose=0)
    # The truth: all 16 ways to drop, equally likely.
    ways = (np.indices((2,) * 4).reshape(4, -1).T * 2).astype("float32")
    exact = as_array(head(ways)).astype("float64")
    if with_moments:
        moments = MixtureMoments()(exact.astype("float32"))
        found, exact = found["output"], np.asarray(moments["output"], "float64")
    mean, variance = exact.mean(0), exact.var(0)
    fourth = ((exact - mean) ** 4).mean(0)
    assert found.shape == (1, *mean.shape, 2)
    # 5 standard errors, and the rounding of float32.
    assert np.all(np.abs(found[0, ..., 0] - mean) < 5 * np.sqrt(variance / n) + 1e-5)
    assert np.all(np.abs(found[0, ..., 1] - variance) < 5 * np.sqrt((fourth - variance**2) / n) + 1e-5)


# The loss -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", [MAGIC, np.nan])
def test_loss_is_the_mean_over_the_labels_present(missing):
    rng = np.random.default_rng(5)
    parameters, labels = random_parameters(40, 5), rng.normal(size=(40, 5)).astype("float32")
    present = rng.random((40, 5)) < 0.6
    present[0] = False
    expected = mean_over(nll_by_numpy(labels, parameters), present)
    found = np.asarray(mixture_nll(np.where(present, labels, np.float32(missing)), parameters))
    assert found.shape == (40,)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    assert found[0] == 0


def test_a_missing_label_has_no_gradient_and_all_gradients_are_finite():
    parameters = random_parameters(4, 3)
    labels = np.array([[0.5, MAGIC, 1e4], [np.nan, 0.0, -1e4], [MAGIC] * 3, [0.0, 0.1, 0.2]], "float32")
    err = np.array([[0.1, np.nan, MAGIC], [0.1, 0.0, 0.0], [0.1, MAGIC, np.nan], [0.0, 0.1, 0.2]], "float32")
    present = np.isfinite(labels) & (labels != MAGIC)
    value, (gradient,) = value_and_grad(lambda p: mixture_nll(labels, p, err), parameters)
    assert np.isfinite(value).all()
    assert np.isfinite(gradient).all()
    np.testing.assert_array_equal(gradient[~present], 0.0)
    assert np.all(np.abs(gradient[present]).max(axis=(1, 2)) > 0)


def test_gradients_are_those_of_differences():
    parameters, labels = random_parameters(2, 2), np.array([[0.3, -1.0], [2.0, 0.1]], "float32")
    err = np.array([[0.3, 0.0], [1.0, 0.1]], "float32")
    _, (gradient,) = value_and_grad(lambda p: mixture_nll(labels, p, err), parameters)
    step, expected = 1e-5, np.zeros(parameters.shape)
    for index in np.ndindex(parameters.shape):
        shifted = [parameters.astype("float64") for _ in range(2)]
        shifted[0][index] += step
        shifted[1][index] -= step
        for plus in shifted:  # the loss divides the weights by their sum
            plus[:, :, 2] -= np.log(np.exp(plus[:, :, 2]).sum(-1, keepdims=True))
        up, down = (nll_by_numpy(labels, p, err).mean(1).sum() for p in shifted)
        expected[index] = (up - down) / (2 * step)
    np.testing.assert_allclose(gradient, expected, rtol=1e-4, atol=1e-5)


def test_label_errors_convolve_the_predicted_density():
    parameters = random_parameters(3, 2)
    labels, err = np.array([[0.3, -1.0], [2.0, 0.1], [0, 0]], "float32"), 0.7
    mean, log_scale, log_weight = np.moveaxis(parameters.astype("float64"), 2, 0)
    expected = np.zeros(labels.shape)
    for i, j in np.ndindex(labels.shape):

        def integrand(t, i=i, j=j):
            density = np.exp(log_weight[i, j]) * stats.norm.pdf(t, mean[i, j], np.exp(log_scale[i, j]))
            return density.sum() * stats.norm.pdf(labels[i, j], t, err)

        value, _ = integrate.quad(integrand, -12, 12, points=sorted(mean[i, j]), limit=300)
        expected[i, j] = -np.log(value)
    found = mixture_nll(labels, parameters, np.full(labels.shape, err, "float32"))
    np.testing.assert_allclose(found, expected.mean(1), rtol=1e-5)


def test_a_missing_error_counts_as_none():
    parameters, labels = random_parameters(2, 2), np.array([[0.3, -1.0], [2.0, 0.1]], "float32")
    with_gaps = mixture_nll(labels, parameters, np.array([[np.nan, MAGIC], [0.5, 0.0]], "float32"))
    filled = mixture_nll(labels, parameters, np.array([[0.0, 0.0], [0.5, 0.0]], "float32"))
    np.testing.assert_array_equal(with_gaps, filled)


def test_a_single_component_is_the_gaussian_of_scipy():
    labels = np.array([[0.3], [2.0]], "float32")
    one = np.stack([np.full((2, 1, 1), 0.5), np.full((2, 1, 1), np.log(0.2)), np.zeros((2, 1, 1))], axis=2)
    expected = -stats.norm.logpdf(labels[:, 0].astype("float64"), 0.5, 0.2)
    np.testing.assert_allclose(mixture_nll(labels, one.astype("float32")), expected, rtol=1e-5)


def test_weights_multiply_and_the_wrapper_binds_the_errors():
    parameters, labels = random_parameters(2, 2), np.array([[0.3, -1.0], [2.0, 0.1]], "float32")
    err, weight = np.full((2, 2), 0.4, "float32"), np.array([2.0, 0.0], "float32")
    plain = np.asarray(mixture_nll(labels, parameters, err))
    np.testing.assert_allclose(mixture_nll(labels, parameters, err, weight), plain * weight)
    bound = mixture_nll_wrapper(err)
    np.testing.assert_array_equal(bound(labels, parameters, weight), plain * weight)
    assert losses_lookup("mixture_nll") is mixture_nll


def test_far_labels_have_finite_loss_and_gradient():
    def loss(parameters):
        return mixture_nll(np.array([[50.0, -50.0, 5e3]], "float32"), parameters)

    value, (gradient,) = value_and_grad(loss, random_parameters(1))
    assert np.isfinite(value).all()
    assert np.isfinite(gradient).all()


def test_mismatched_shapes_are_refused():
    parameters, labels = random_parameters(2, 3), np.zeros((2, 3), "float32")
    with pytest.raises(ValueError, match=r"`y_pred` must have the shape \(n_stars, n_labels, 3, n_components\)"):
        mixture_nll(labels, labels)
    with pytest.raises(ValueError, match="`y_true` and `y_pred` must have the same shape"):
        mixture_nll(labels[:, :2], parameters)
    with pytest.raises(ValueError, match="`y_true` and `labels_err` must have the same shape"):
        mixture_nll(labels, parameters, np.zeros(2, "float32"))


def test_plain_keras_training_skips_missing_labels_and_finds_two_modes():
    """Labels of +1 or -1 that nothing in the input tells apart: a Gaussian would say 0."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2048, 2)).astype("float32")
    label = np.where(rng.random(2048) < 0.3, -1.0, 1.0) + rng.normal(0, 0.1, 2048)
    labels = np.stack([label, np.full(2048, MAGIC)], axis=1).astype("float32")
    labels[::7, 0] = np.nan
    model = keras.Sequential([keras.Input((2,)), MixtureDensity(2, n_components=2, seed=1)])
    model.compile(keras.optimizers.Adam(0.02), loss=mixture_nll)
    history = model.fit(x, labels, epochs=25, batch_size=128, verbose=0)
    mixture = GaussianMixture.from_parameters(model.predict(x[:100], verbose=0)[:, 0])
    order = np.argsort(np.asarray(mixture.means), axis=1)
    means, scales, weights = (
        np.take_along_axis(np.asarray(values), order, axis=1).mean(0)
        for values in (mixture.means, mixture.scales, mixture.weights)
    )
    # Standard errors with 1755 labels: 0.004 in the means, 0.003 in the scales, 0.011 in the weights; the training
    # stops short of the best fit by some of it.
    np.testing.assert_allclose(means, [-1, 1], atol=0.05)
    np.testing.assert_allclose(scales, [0.1, 0.1], atol=0.03)
    np.testing.assert_allclose(weights, [0.3, 0.7], atol=0.05)
    entropy = -(0.3 * np.log(0.3) + 0.7 * np.log(0.7)) + 0.5 * np.log(2 * np.pi * np.e * 0.1**2)
    # The star's loss is the mean over the label that it has; a seventh of the stars has none and counts 0.
    assert history.history["loss"][-1] == pytest.approx(entropy * 6 / 7, abs=0.1)


def test_one_label_in_a_flat_array_trains_in_plain_keras():
    x, losses = np.ones((16, 2), "float32"), []
    for labels in (np.zeros(16), np.zeros((16, 1))):
        model = keras.Sequential([keras.Input((2,)), MixtureDensity(1, seed=1)])
        model.compile("adam", loss=mixture_nll)
        losses.append(model.fit(x, labels, epochs=2, verbose=0).history["loss"])
    np.testing.assert_allclose(*losses, rtol=1e-6)


def test_the_layer_gives_the_distribution_of_its_outputs():
    layer = MixtureDensity(2, n_components=3, seed=1)
    outputs = layer(np.ones((4, 5), "float32"))
    mixture = layer.distribution(outputs)
    assert isinstance(mixture, GaussianMixture) and mixture.batch_shape == (4, 2)
    labels = np.linspace(-1, 1, 8).reshape(4, 2).astype("float32")
    found = -as_array(mixture.log_prob(labels))
    np.testing.assert_allclose(found, nll_by_numpy(labels, as_array(outputs)), rtol=1e-5, atol=1e-6)
    by_class = MixtureDensity.distribution(as_array(outputs))
    np.testing.assert_allclose(as_array(by_class.cdf(as_array(mixture.quantile(0.3)))), 0.3, rtol=1e-5)
    assert by_class.sample(7, seed=1).shape == (7, 4, 2)


@pytest.mark.parametrize("bounds", [{"min_scale": "a"}, {"max_scale": None}, {"min_scale": [0.1]}])
def test_bounds_that_are_no_numbers_are_refused_by_name(bounds):
    (name,) = bounds
    with pytest.raises(ValueError, match=f"0 < min_scale < max_scale.*{name}="):
        MixtureDensity(2, **bounds)
