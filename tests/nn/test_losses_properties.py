"""Properties of every loss over random labels, weights and gaps, against float64 arithmetic of numpy.

The reference works on the labels present alone, star by star. Labels are multiples of 1/8 and probabilities of 1/16,
so that differences are exact in float32 and what remains is a few roundings of 6e-8 in sums of at most 4 numbers.
"""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from astroNN.nn import losses

from ..helpers.gradients import value_and_grad

MAGIC, EPS = -9999.0, 1e-7
# Few examples: some two hundred tests draw them, and every one of them costs a compilation or a gradient.
PROPERTY = settings(derandomize=True, deadline=None, max_examples=8, database=None)
CLOSE = {"rtol": 1e-5, "atol": 2e-6}
# Of the same numbers at another place of an array, whose vectorised logarithms may differ in the last bit.
SAME = {"rtol": 1e-6, "atol": 2e-7}


def numpy_of(tensor):
    return ops.convert_to_numpy(tensor)


def bernoulli(y, p):
    return -np.mean(y * np.log(np.clip(p, EPS, 1)) + (1 - y) * np.log(np.clip(1 - p, EPS, 1)))


def percentage(y, p):
    return 100 * np.abs((y - p) / np.maximum(np.abs(y), EPS))


# Kind of labels, and the value of one star from its labels present and the predictions there.
OF_PRESENT = {
    "mean_squared_error": ("values", lambda y, p: np.mean((y - p) ** 2)),
    "mean_absolute_error": ("values", lambda y, p: np.mean(np.abs(y - p))),
    "mean_error": ("values", lambda y, p: np.mean(y - p)),
    "mean_absolute_percentage_error": ("values", lambda y, p: np.mean(percentage(y, p))),
    "mean_percentage_error": ("values", lambda y, p: 100 * np.mean((y - p) / np.maximum(y, EPS))),
    "mean_squared_logarithmic_error": (
        "values",
        lambda y, p: np.mean((np.log1p(np.maximum(y, EPS)) - np.log1p(np.maximum(p, EPS))) ** 2),
    ),
    "zeros_loss": ("values", lambda y, p: 0.0),
    "mean_squared_reconstruction_error": ("values", lambda y, p: np.sum((y - p) ** 2)),
    "median_error": ("values", lambda y, p: np.median(y - p)),
    "median_absolute_error": ("values", lambda y, p: np.median(np.abs(y - p))),
    "median_absolute_deviation": ("values", lambda y, p: np.median(np.abs(y - p))),
    "mad_std": ("values", lambda y, p: 1.4826 * np.median(np.abs(y - p))),
    "binary_crossentropy": ("probabilities", bernoulli),
    "binary_crossentropy_from_logits": ("logits", lambda y, p: bernoulli(y, 1 / (1 + np.exp(-p)))),
    "nll": ("probabilities", bernoulli),
    "binary_accuracy": ("probabilities", lambda y, p: np.mean(y == np.round(p))),
    "binary_accuracy_from_logits": ("logits", lambda y, p: np.mean(y == (p > 0))),
}
# Those that look at the predictions of the whole row: value from labels, predictions, where present.
OF_ROW = {
    "categorical_crossentropy": (
        "distributions",
        lambda y, p, there: -np.sum(y[there] * np.log(np.maximum(p / p.sum(), EPS))[there]) * y.size / there.sum(),
    ),
    "categorical_crossentropy_from_logits": (
        "one-hot logits",
        lambda y, p, there: -np.sum(y[there] * (p - np.log(np.exp(p).sum()))[there]) * y.size / there.sum(),
    ),
    "categorical_accuracy": (
        "one-hot logits",
        lambda y, p, there: float(np.argmax(np.where(there, y, 0)) == np.argmax(p)),
    ),
}
# One median over the batch, given to every star.
OF_BATCH = {
    "median_absolute_percentage_error": ("values", lambda y, p: np.median(percentage(y, p))),
    "median_percentage_error": ("values", lambda y, p: 100 * np.median((y - p) / np.maximum(y, EPS))),
}
ALL = {**OF_PRESENT, **OF_ROW, **OF_BATCH}
NOT_FOR_TRAINING = {"categorical_accuracy", "binary_accuracy", "binary_accuracy_from_logits"}
TRAINABLE = [name for name in ALL if name not in NOT_FOR_TRAINING]
names = pytest.mark.parametrize("name", ALL)


@st.composite
def tables(draw):
    """Settings of `table`: few shapes, since every new one is compiled anew on JAX."""
    return {
        "shape": draw(st.sampled_from([(1, 1), (2, 4), (5, 3)])),
        "seed": draw(st.integers(0, 2**32 - 1)),
        "share_missing": draw(st.sampled_from([0.0, 0.3, 0.8, 1.0])),
        "missing": draw(st.sampled_from([(MAGIC,), (np.nan,), (MAGIC, np.nan)])),
    }


def table(kind, shape, seed, share_missing, missing):
    """Labels with gaps and predictions, float32."""
    rng = np.random.default_rng(seed)
    if kind == "values":
        labels, pred = rng.integers(-32, 33, (2, *shape)) / 8
    else:
        labels = rng.integers(2, size=shape).astype(float)
        pred = rng.integers(17, size=shape) / 16 if kind == "probabilities" else rng.integers(-80, 81, shape) / 8
    if kind in ("distributions", "one-hot logits"):
        labels = np.eye(shape[1])[rng.integers(shape[1], size=shape[0])]
    if kind == "distributions":
        pred = rng.integers(1, 17, shape) / 16
    gaps = rng.random(shape) < share_missing
    labels[gaps] = rng.choice(missing, gaps.sum())
    return labels.astype("float32"), pred.astype("float32")


def present(labels):
    return ~(np.isnan(labels) | (labels == MAGIC))


def reference(name, labels, pred):
    """Value of every star, from the labels present alone."""
    labels, pred = labels.astype("float64"), pred.astype("float64")
    there, of = present(labels), ALL[name][1]
    has_label = there.any(-1)
    if name in OF_BATCH:
        return np.where(has_label, of(labels[there], pred[there]) if there.any() else 0.0, 0.0)
    rows = zip(labels, pred, there, has_label, strict=True)
    if name in OF_ROW:
        return np.array([of(y, p, m) if any_label else 0.0 for y, p, m, any_label in rows])
    return np.array([of(y[m], p[m]) if any_label else 0.0 for y, p, m, any_label in rows])


@names
@PROPERTY
@given(settings_of_table=tables())
def test_the_value_is_that_of_the_labels_present(name, settings_of_table):
    labels, pred = table(ALL[name][0], **settings_of_table)
    value = numpy_of(getattr(losses, name)(labels, pred))
    assert value.shape == labels.shape[:1] and value.dtype == "float32"
    np.testing.assert_allclose(value, reference(name, labels, pred), **CLOSE)


@names
@PROPERTY
@given(settings_of_table=tables())
def test_weights_multiply_the_values(name, settings_of_table):
    labels, pred = table(ALL[name][0], **settings_of_table)
    weights = (np.random.default_rng(1).integers(0, 9, len(labels)) / 4).astype("float32")
    value = numpy_of(getattr(losses, name)(labels, pred, sample_weight=weights))
    np.testing.assert_allclose(value, weights * reference(name, labels, pred), **CLOSE)


@names
@PROPERTY
@given(settings_of_table=tables())
def test_stars_in_another_order_keep_their_values(name, settings_of_table):
    labels, pred = table(ALL[name][0], **settings_of_table)
    order, loss = np.random.default_rng(2).permutation(len(labels)), getattr(losses, name)
    # ln(1 + e^z) - y z of a logit of 10 is a small difference of numbers whose last bit is 1e-6, and it may change
    # with the lane of the vectorised code that takes a row.
    close = SAME | {"atol": 1e-6} if name == "binary_crossentropy_from_logits" else SAME
    np.testing.assert_allclose(
        numpy_of(loss(labels[order], pred[order])), numpy_of(loss(labels, pred))[order], **close
    )


@names
@PROPERTY
@given(settings_of_table=tables(), missing=st.sampled_from([MAGIC, np.nan]))
def test_a_star_without_labels_adds_zero_and_leaves_the_others_alone(name, settings_of_table, missing):
    labels, pred = table(ALL[name][0], **settings_of_table)
    loss = getattr(losses, name)
    longer = numpy_of(loss(np.append(labels, np.full_like(labels[:1], missing), 0), np.append(pred, pred[:1], 0)))
    assert longer[-1] == 0
    np.testing.assert_allclose(longer[:-1], numpy_of(loss(labels, pred)), **SAME)


@pytest.mark.parametrize("name", TRAINABLE)
@PROPERTY
@given(settings_of_table=tables())
def test_the_gradient_is_finite_and_zero_at_the_gaps(name, settings_of_table):
    labels, pred = table(ALL[name][0], **settings_of_table)
    _, (gradient,) = value_and_grad(lambda p: getattr(losses, name)(labels, p), pred)
    assert np.isfinite(gradient).all()
    np.testing.assert_array_equal(gradient[~present(labels)], 0.0)


@names
@PROPERTY
@given(settings_of_table=tables(), predicted=st.sampled_from([np.nan, np.inf, -np.inf]))
def test_what_is_predicted_at_a_gap_changes_nothing_even_nan_and_infinity(name, settings_of_table, predicted):
    kind, loss = ALL[name][0], getattr(losses, name)
    labels, pred = table(kind, **settings_of_table)
    gaps = ~present(labels)
    # Among classes it is as if the class had no probability: exp(-100) is nothing beside exp(-10).
    plain, odd = (np.where(gaps, x, pred) for x in (-100.0 if kind == "one-hot logits" else 0.0, predicted))
    (truth, (gradient_truth,)), (value, (gradient,)) = (
        value_and_grad(lambda p: loss(labels, p), x)
        if name in TRAINABLE
        else (numpy_of(loss(labels, x)), (0 * gaps,))
        for x in (plain, odd)
    )
    np.testing.assert_allclose(value, truth, **SAME)
    np.testing.assert_allclose(gradient, gradient_truth, **SAME)
    np.testing.assert_array_equal(gradient[gaps], 0.0)


@names
def test_one_label_needs_no_axis_of_its_own(name):
    labels, pred = table(ALL[name][0], (6, 1), seed=1, share_missing=0.3, missing=(MAGIC,))
    loss, weights = getattr(losses, name), np.arange(6.0)
    truth = numpy_of(loss(labels, pred, weights))
    assert truth.shape == (6,)
    np.testing.assert_array_equal(numpy_of(loss(labels[:, 0], pred, weights)), truth)
    np.testing.assert_array_equal(numpy_of(loss(labels, pred[:, 0], weights)), truth)


@names
def test_no_stars_have_no_losses(name):
    empty = np.zeros((0, 3), "float32")
    assert numpy_of(getattr(losses, name)(empty, empty)).shape == (0,)


@pytest.mark.parametrize("name", [name for name in ALL if "categorical" not in name])
def test_no_labels_count_as_missing_labels(name):
    empty = np.zeros((4, 0), "float32")
    np.testing.assert_array_equal(numpy_of(getattr(losses, name)(empty, empty)), np.zeros(4))


@names
@PROPERTY
@given(settings_of_table=tables())
def test_no_zero_has_a_minus(name, settings_of_table):
    labels, pred = table(ALL[name][0], **settings_of_table)
    for weights in (None, np.zeros(len(labels))):
        value = numpy_of(getattr(losses, name)(labels, pred, weights))
        assert not np.signbit(value[value == 0]).any()


@pytest.mark.parametrize("name", ["robust_categorical_crossentropy", "robust_binary_crossentropy"])
@settings(PROPERTY, max_examples=8)
@given(settings_of_table=tables())
def test_robust_cross_entropies_ignore_gaps_in_value_and_gradient(name, settings_of_table):
    labels, logits = table("one-hot logits", **settings_of_table)
    spread = np.linspace(-2.0, 2.0, labels.size).reshape(labels.shape).astype("float32")
    weights = np.arange(1.0, len(labels) + 1)

    def loss(z, v):
        return getattr(losses, name)(labels, z, v, weights, n_draws=6, seed=3)

    value, gradients = value_and_grad(loss, logits, spread)
    there = present(labels)
    assert np.isfinite(value).all() and (value[~there.any(-1)] == 0).all()
    for gradient in gradients:
        assert np.isfinite(gradient).all()
        np.testing.assert_array_equal(gradient[~there], 0.0)


@pytest.mark.parametrize("name", ["robust_categorical_crossentropy", "robust_binary_crossentropy"])
@pytest.mark.parametrize("predicted", [np.nan, np.inf, -np.inf])
def test_odd_logits_and_spreads_at_gaps_do_not_reach_a_robust_cross_entropy(name, predicted):
    labels, logits = table("one-hot logits", (5, 3), 1, 0.4, (MAGIC, np.nan))
    gaps, spread = ~present(labels), np.ones_like(logits)
    assert gaps.any() and not gaps.all()

    def loss(z, v):
        return getattr(losses, name)(labels, z, v, n_draws=500, seed=3)

    logits_there = np.where(gaps, -100.0, logits)
    truth, gradients_truth = value_and_grad(loss, logits_there, np.where(gaps, 0.0, spread))
    value, gradients = value_and_grad(loss, np.where(gaps, predicted, logits), np.where(gaps, predicted, spread))
    np.testing.assert_allclose(value, truth, rtol=0.3, atol=0.05)  # with other noise
    for gradient, gradient_truth in zip(gradients, gradients_truth, strict=True):
        assert np.isfinite(gradient).all() and np.isfinite(gradient_truth).all()
        np.testing.assert_array_equal(gradient[gaps], 0.0)


def test_the_epsilon_of_this_reference_is_that_of_keras():
    assert keras.config.epsilon() == EPS
