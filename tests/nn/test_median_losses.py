"""Medians of the errors of label tables with gaps, against numpy, scikit-learn and scipy, eager and compiled."""

import keras
import numpy as np
import pytest
import scipy.stats
import sklearn.metrics
from keras import ops

from astroNN.nn import losses, metrics
from astroNN.nn.losses import (
    mad_std,
    median,
    median_absolute_deviation,
    median_absolute_error,
    median_absolute_percentage_error,
    median_error,
    median_percentage_error,
)

from ..helpers.gradients import value_and_grad

MAGIC, NAN = -9999.0, np.nan
CLOSE = {"rtol": 1e-6, "atol": 1e-6}
MEDIANS = [
    median_error,
    median_absolute_error,
    median_absolute_deviation,
    mad_std,
    median_absolute_percentage_error,
    median_percentage_error,
]
each = pytest.mark.parametrize("metric", MEDIANS, ids=lambda metric: metric.__name__)


def numpy_of(tensor):
    return ops.convert_to_numpy(tensor)


def table(n_stars=7, n_labels=5, seed=0):
    """Labels with gaps; the first star and the first label have none at all."""
    rng = np.random.default_rng(seed)
    labels, pred = rng.uniform(1.0, 3.0, (2, n_stars, n_labels))
    labels[rng.random(labels.shape) < 0.3] = MAGIC
    labels[0], labels[:, 0] = NAN, MAGIC
    return labels.astype("float32"), pred.astype("float32")


def masked(labels):
    return np.where((labels == MAGIC) | np.isnan(labels), NAN, labels.astype("float64"))


@pytest.mark.parametrize("axis", [None, 0, 1, -1])
@pytest.mark.parametrize("shape", [(3, 4), (4, 3), (1, 1), (5, 2)])
def test_the_plain_median_is_that_of_numpy(shape, axis):
    x = np.random.default_rng(0).normal(size=shape).astype("float32")
    np.testing.assert_allclose(numpy_of(median(x, axis)), np.median(x.astype("float64"), axis), **CLOSE)


def test_the_plain_median_knows_nothing_of_the_magic_number():
    assert float(median([MAGIC, 1.0, 2.0])) == 1.0
    assert float(median(np.array([3, 1, 2, 10]))) == 2.5


@pytest.mark.parametrize("shape, axis", [((0,), None), ((4, 0), -1), ((4, 0), None), ((0, 3), 0)])
def test_the_plain_median_of_nothing_is_refused(shape, axis):
    with pytest.raises(ValueError, match="median: `x` has no elements along axis="):
        median(np.ones(shape), axis)
    assert numpy_of(median(np.ones((0, 3)), -1)).shape == (0,)
    assert numpy_of(median_error(np.ones((0, 3)), np.ones((0, 3)), axis=0)).tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("axis", [None, 0, -1])
@pytest.mark.parametrize(
    "metric, size",
    [(median_error, lambda e: e), (median_absolute_error, np.abs), (mad_std, lambda e: 1.4826 * np.abs(e))],
    ids=["median_error", "median_absolute_error", "mad_std"],
)
def test_along_any_axis_the_median_is_over_the_labels_present(metric, size, axis):
    labels, pred = table()
    truth = np.ma.filled(np.ma.median(np.ma.masked_invalid(size(masked(labels) - pred)), axis=axis), 0.0)
    value = numpy_of(metric(labels, pred, axis=axis))
    assert value.shape == truth.shape
    np.testing.assert_allclose(value, truth, **CLOSE)


def test_it_agrees_with_scikit_learn_and_scipy_where_nothing_is_missing():
    y, pred = np.random.default_rng(3).uniform(1, 2, (2, 6, 9)).astype("float32")
    truth = sklearn.metrics.median_absolute_error(y.T, pred.T, multioutput="raw_values")
    np.testing.assert_allclose(numpy_of(median_absolute_error(y, pred)), truth, **CLOSE)
    truth = scipy.stats.median_abs_deviation((y - pred).astype("float64"), axis=1, center=lambda x, axis: 0 * x[:, 0])
    np.testing.assert_allclose(numpy_of(median_absolute_deviation(y, pred)), truth, **CLOSE)


def test_the_factor_of_mad_std_is_that_of_a_gaussian():
    np.testing.assert_allclose(float(mad_std([[1.0]], [[0.0]])[0]), 1 / scipy.stats.norm.ppf(0.75), atol=5e-5)


def test_percentages_have_one_median_over_the_batch_that_stars_without_labels_do_not_get():
    labels, pred = table()
    there = ~np.isnan(masked(labels))
    error = 100 * (labels.astype("float64") - pred)[there] / labels[there]
    has_label = there.any(-1)
    for metric, truth in (
        (median_percentage_error, np.median(error)),
        (median_absolute_percentage_error, np.median(np.abs(error))),
    ):
        np.testing.assert_allclose(numpy_of(metric(labels, pred)), has_label * truth, rtol=1e-5)


@each
@pytest.mark.parametrize("missing", [MAGIC, NAN])
def test_a_batch_without_labels_gives_zero_and_finite_gradients(metric, missing):
    value, (gradient,) = value_and_grad(lambda p: metric(np.full((3, 2), missing, "float32"), p), np.ones((3, 2)))
    np.testing.assert_array_equal(value, np.zeros(3))
    np.testing.assert_array_equal(gradient, np.zeros((3, 2)))


def test_a_star_without_labels_has_no_minus_zero_for_a_negative_median():
    value = numpy_of(median_percentage_error([[1.0, 2.0], [NAN, MAGIC]], [[2.0, 4.0], [1.0, 1.0]]))
    np.testing.assert_array_equal(value, [-100.0, 0.0])
    assert not np.signbit(value[1])


@each
def test_shapes_that_would_broadcast_are_refused(metric):
    with pytest.raises(ValueError, match="`y_true` and `y_pred` must have the same shape"):
        metric(np.ones((4, 1)), np.ones((4, 2)))


def test_weights_must_have_the_shape_of_the_result():
    y = np.ones((4, 3), "float32")
    np.testing.assert_array_equal(numpy_of(median_error(y, 0 * y, [1.0, 2.0, 3.0, 4.0])), [1.0, 2.0, 3.0, 4.0])
    with pytest.raises(ValueError, match=r"`sample_weight` .*shape \(3,\); got shape \(4,\)"):
        median_error(y, 0 * y, np.ones(4), axis=0)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_lifted_to_float32(dtype):
    labels = ops.cast(ops.convert_to_tensor([[MAGIC, 60000.0, 60000.0]], dtype="float32"), dtype)
    value = median_error(labels, ops.zeros((1, 3), dtype))
    assert keras.backend.standardize_dtype(value.dtype) == "float32"
    np.testing.assert_allclose(numpy_of(value), [60000.0], rtol=2**-8)


@pytest.mark.slow
@pytest.mark.parametrize("jit_compile", [False, pytest.param(True, marks=pytest.mark.tensorflow_only)])
def test_they_are_metrics_of_a_compiled_network_with_any_batch_size(jit_compile):
    labels, x = table(n_stars=11)[0], np.ones((11, 2), "float32")
    net = keras.Sequential([keras.Input((2,)), keras.layers.Dense(5, kernel_initializer="zeros")])
    net.compile("sgd", loss="mse", metrics=MEDIANS, jit_compile=jit_compile)
    labels = labels[1:]  # 10 stars: two batches of 4 and one of 2
    found = net.evaluate(x[1:], labels, batch_size=4, verbose=0, return_dict=True)
    for metric in MEDIANS:
        batches = [numpy_of(metric(y, np.zeros_like(y))) for y in (labels[:4], labels[4:8], labels[8:])]
        np.testing.assert_allclose(found[metric.__name__], np.concatenate(batches).mean(), rtol=1e-5)
    net.compile("sgd", loss=losses.mean_squared_error, metrics=MEDIANS, jit_compile=jit_compile)
    history = net.fit(x[1:], labels, batch_size=4, epochs=2, verbose=0).history
    assert np.isfinite([history[metric.__name__] for metric in MEDIANS]).all()


@each
def test_they_survive_serialisation_and_are_metrics(metric):
    assert keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(metric)) is metric
    assert getattr(metrics, metric.__name__) is metric is losses.losses_lookup(metric.__name__)
    assert losses.mad is metrics.mad is median_absolute_deviation
