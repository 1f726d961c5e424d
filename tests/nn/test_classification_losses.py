"""Cross entropies and accuracies against scikit-learn, Keras and tensorflow-probability."""

import keras
import numpy as np
import pytest
import sklearn.metrics
from keras import ops
from scipy.special import log_softmax

from astroNN.nn import losses, metrics
from astroNN.nn.losses import (
    binary_accuracy,
    binary_accuracy_from_logits,
    binary_crossentropy,
    binary_crossentropy_from_logits,
    categorical_accuracy,
    categorical_crossentropy,
    categorical_crossentropy_from_logits,
    losses_lookup,
)

from ..helpers.gradients import value_and_grad

MAGIC, NAN = -9999.0, np.nan
# Float32 logarithms of sizes to 10, sums of some ten numbers.
CLOSE = {"rtol": 3e-6, "atol": 3e-6}
CROSS_ENTROPIES = [
    categorical_crossentropy,
    categorical_crossentropy_from_logits,
    binary_crossentropy,
    binary_crossentropy_from_logits,
]
ACCURACIES = [categorical_accuracy, binary_accuracy, binary_accuracy_from_logits]
PLAIN = {"categorical": categorical_crossentropy_from_logits, "binary": binary_crossentropy_from_logits}


def numpy_of(tensor):
    return ops.convert_to_numpy(tensor)


def table(kind, n_stars=8, n_classes=4, seed=0):
    """Complete labels, probabilities and logits."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(n_stars, n_classes))
    if kind == "categorical":
        labels = np.eye(n_classes)[rng.integers(n_classes, size=n_stars)]
        probabilities = np.exp(log_softmax(logits, -1))
    else:
        labels, probabilities = rng.integers(2, size=logits.shape), 1 / (1 + np.exp(-logits))
    return labels.astype("float32"), probabilities.astype("float32"), logits.astype("float32")


# Against others -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["categorical", "binary"])
def test_complete_labels_give_what_keras_gives(kind):
    labels, probabilities, logits = table(kind)
    ours, theirs = getattr(losses, f"{kind}_crossentropy"), getattr(keras.losses, f"{kind}_crossentropy")
    truth = numpy_of(theirs(labels, probabilities))
    np.testing.assert_allclose(numpy_of(ours(labels, probabilities)), truth, **CLOSE)
    truth = numpy_of(theirs(labels, logits, from_logits=True))
    np.testing.assert_allclose(numpy_of(ours(labels, logits, from_logits=True)), truth, **CLOSE)
    np.testing.assert_allclose(numpy_of(PLAIN[kind](labels, logits)), truth, **CLOSE)
    ours, theirs = getattr(metrics, f"{kind}_accuracy"), getattr(keras.metrics, f"{kind}_accuracy")
    truth = numpy_of(theirs(labels, probabilities)).reshape(len(labels), -1).mean(-1)
    np.testing.assert_allclose(numpy_of(ours(labels, probabilities)), truth, **CLOSE)


def test_complete_labels_give_what_scikit_learn_gives():
    labels, probabilities, logits = table("categorical", n_stars=40)
    weights = np.random.default_rng(1).uniform(size=40)
    exact = np.exp(log_softmax(logits.astype("float64"), -1))  # log_loss warns where float32 doesn't sum to one
    truth = sklearn.metrics.log_loss(labels, exact, sample_weight=weights)
    ours = numpy_of(categorical_crossentropy(labels, probabilities, weights)).sum() / weights.sum()
    np.testing.assert_allclose(ours, truth, **CLOSE)
    truth = sklearn.metrics.accuracy_score(labels.argmax(-1), logits.argmax(-1))
    assert numpy_of(categorical_accuracy(labels, logits)).mean() == truth
    labels, probabilities, logits = table("binary", n_stars=40)
    truth = sklearn.metrics.log_loss(labels.ravel(), probabilities.ravel().astype("float64"))
    np.testing.assert_allclose(numpy_of(binary_crossentropy(labels, probabilities)).mean(), truth, **CLOSE)
    truth = sklearn.metrics.accuracy_score(labels.ravel(), probabilities.ravel() > 0.5)
    np.testing.assert_allclose(numpy_of(binary_accuracy(labels, probabilities)).mean(), truth, rtol=1e-6)
    np.testing.assert_allclose(numpy_of(binary_accuracy_from_logits(labels, logits)).mean(), truth, rtol=1e-6)


def test_regression_losses_of_complete_labels_are_those_of_scikit_learn_and_keras():
    y, pred = np.random.default_rng(4).uniform(0.5, 2.0, (2, 6, 5)).astype("float32")
    for name, scale, of in (
        ("mean_squared_error", 1, sklearn.metrics.mean_squared_error),
        ("mean_absolute_error", 1, sklearn.metrics.mean_absolute_error),
        ("mean_absolute_percentage_error", 100, sklearn.metrics.mean_absolute_percentage_error),
        ("mean_squared_logarithmic_error", 1, sklearn.metrics.mean_squared_log_error),
    ):
        ours = numpy_of(getattr(losses, name)(y, pred))
        np.testing.assert_allclose(ours, scale * of(y.T, pred.T, multioutput="raw_values"), rtol=1e-5)
        np.testing.assert_allclose(ours, numpy_of(getattr(keras.losses, name)(y, pred)), rtol=1e-5)


@pytest.mark.tensorflow_only
def test_likelihoods_are_those_of_tensorflow_probability():
    tfp = pytest.importorskip("tensorflow_probability", reason="compares with its distributions")
    labels, _, logits = table("categorical")
    truth = -tfp.distributions.OneHotCategorical(logits=logits).log_prob(labels)
    np.testing.assert_allclose(numpy_of(categorical_crossentropy_from_logits(labels, logits)), truth, **CLOSE)
    labels, probabilities, logits = table("binary")
    truth = -np.mean(tfp.distributions.Bernoulli(logits=logits).log_prob(labels), axis=-1)
    np.testing.assert_allclose(numpy_of(binary_crossentropy_from_logits(labels, logits)), truth, **CLOSE)
    np.testing.assert_allclose(numpy_of(losses.nll(labels, probabilities)), truth, **CLOSE)
    y, pred, logvar, error = np.random.default_rng(5).uniform(0.5, 2.0, (4, 6, 5)).astype("float32")
    gaussian = tfp.distributions.Normal(pred, np.sqrt(np.exp(logvar) + error**2))
    truth = np.mean(-gaussian.log_prob(y) - 0.5 * np.log(2 * np.pi), axis=-1)
    np.testing.assert_allclose(numpy_of(losses.robust_mse(y, pred, logvar, error)), truth, **CLOSE)


# Reconstruction -------------------------------------------------------------------------------------------------


def test_the_published_example_of_nll_is_its_sum_over_the_batch():
    value = numpy_of(losses.nll([[1.0, MAGIC, 1.0], [1.0, MAGIC, 0.0]], [[0.5, 0.0, 1.0], [2.0, 0.0, -1.0]]))
    assert value.shape == (2,)
    np.testing.assert_allclose(value.sum(), 0.34657, atol=1e-5)


@pytest.mark.parametrize("shape", [(3, 8), (3, 8, 1), (3, 2, 4), (3, 2, 2, 2)])
def test_a_reconstruction_is_summed_over_all_pixels_whatever_the_rank(shape):
    y, pred = np.random.default_rng(6).normal(size=(2, 3, 8)).astype("float32")
    y[0, 2:], y[1] = NAN, MAGIC
    truth = np.nansum((np.where(y == MAGIC, NAN, y).astype("float64") - pred) ** 2, axis=1)
    weights = np.array([1.0, 2.0, 0.5])
    value = losses.mean_squared_reconstruction_error(y.reshape(shape), pred.reshape(shape), weights)
    np.testing.assert_allclose(numpy_of(value), weights * truth, **CLOSE)


def test_a_single_spectrum_without_an_axis_of_samples_is_refused():
    with pytest.raises(ValueError, match=r"\(n_samples, n_pixels\).*got \(5,\)"):
        losses.mean_squared_reconstruction_error(np.ones(5), np.ones(5))


# Gaps and limits --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", CROSS_ENTROPIES, ids=lambda loss: loss.__name__)
@pytest.mark.parametrize("missing", [MAGIC, NAN])
def test_a_batch_without_any_label_has_zero_loss_and_gradient(loss, missing):
    value, (gradient,) = value_and_grad(lambda p: loss(np.full((3, 2), missing, "float32"), p), np.full((3, 2), 0.5))
    np.testing.assert_array_equal(value, np.zeros(3))
    assert not np.signbit(value).any()
    np.testing.assert_array_equal(gradient, np.zeros((3, 2)))


@pytest.mark.parametrize("loss", [categorical_crossentropy_from_logits, binary_crossentropy_from_logits])
def test_huge_logits_cost_their_size_and_have_finite_gradients(loss):
    labels, logits = [[1.0, 0.0], [1.0, 0.0]], [[1e4, -1e4], [-1e4, 1e4]]
    value, (gradient,) = value_and_grad(lambda z: loss(np.array(labels, "float32"), z), logits)
    wrong = {categorical_crossentropy_from_logits: 2e4, binary_crossentropy_from_logits: 1e4}[loss]
    np.testing.assert_allclose(value, [0.0, wrong])
    share = {categorical_crossentropy_from_logits: 1.0, binary_crossentropy_from_logits: 0.5}[loss]
    np.testing.assert_allclose(gradient, [[0.0, 0.0], [-share, share]])


@pytest.mark.parametrize("loss", [categorical_crossentropy, binary_crossentropy], ids=lambda loss: loss.__name__)
def test_probabilities_of_0_and_1_cost_at_most_the_logarithm_of_epsilon(loss):
    labels = np.array([[1.0, 0.0], [1.0, 0.0], [MAGIC, 0.0], [1.0, 0.0]], "float32")
    value, (gradient,) = value_and_grad(lambda p: loss(labels, p), [[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 0.0]])
    np.testing.assert_allclose(value[:3], [0.0, -np.log(1e-7), 0.0], rtol=1e-6)
    assert np.isfinite(value).all() and np.isfinite(gradient).all()


def test_at_a_missing_class_the_prediction_is_a_constant_of_the_normalisation():
    labels, logits = np.array([[1.0, MAGIC, 0.0]], "float32"), np.array([[0.5, 1.5, -1.0]])
    p = np.exp(log_softmax(logits, -1))
    value, (gradient,) = value_and_grad(lambda z: categorical_crossentropy_from_logits(labels, z), logits)
    np.testing.assert_allclose(value, [-1.5 * np.log(p[0, 0])], **CLOSE)  # three classes, two of them known
    np.testing.assert_allclose(gradient, 1.5 * np.array([[p[0, 0] - 1, 0.0, p[0, 2]]]), **CLOSE)


def test_a_star_without_a_class_is_never_right():
    labels = np.array([[NAN, NAN], [MAGIC, MAGIC], [0.0, 1.0], [MAGIC, 1.0]], "float32")
    pred = np.array([[0.9, 0.1], [0.1, 0.9], [0.2, 0.8], [0.2, 0.8]], "float32")
    np.testing.assert_array_equal(numpy_of(categorical_accuracy(labels, pred)), [0, 0, 1, 1])
    np.testing.assert_array_equal(numpy_of(binary_accuracy(labels, pred)), [0, 0, 1, 1])
    np.testing.assert_array_equal(numpy_of(categorical_accuracy(labels, pred, [5.0, 5.0, 2.0, 3.0])), [0, 0, 2, 3])


@pytest.mark.parametrize("loss", [*CROSS_ENTROPIES, *ACCURACIES], ids=lambda loss: loss.__name__)
def test_half_precision_is_lifted_to_float32(loss):
    labels = ops.cast(ops.convert_to_tensor([[MAGIC, 1.0, 0.0]], dtype="float32"), "float16")
    value = loss(labels, ops.cast([[0.25, 0.5, 0.25]], "float16"))
    assert keras.backend.standardize_dtype(value.dtype) == "float32"
    np.testing.assert_allclose(
        numpy_of(value), numpy_of(loss([[MAGIC, 1.0, 0.0]], [[0.25, 0.5, 0.25]])), rtol=1e-6, atol=1e-7
    )


@pytest.mark.parametrize("loss", [*CROSS_ENTROPIES, *ACCURACIES], ids=lambda loss: loss.__name__)
def test_shapes_that_would_broadcast_are_refused(loss):
    with pytest.raises(ValueError, match="`y_true` and `y_pred` must have the same shape"):
        loss(np.ones((4, 1)), np.ones((4, 2)))
    with pytest.raises(ValueError, match=r"`sample_weight` must hold one weight .*\(4,\); got shape \(2,\)"):
        loss(np.ones((4, 2)), np.ones((4, 2)), np.ones(2))
    with pytest.raises(ValueError, match="`sample_weight`"):
        loss(np.ones((4, 2)), np.ones((4, 2)), np.ones((4, 2)))


@pytest.mark.parametrize(
    "loss",
    [
        categorical_crossentropy,
        categorical_crossentropy_from_logits,
        categorical_accuracy,
        lambda y, z: losses.robust_categorical_crossentropy(y, z, np.ones((4, 3))),
    ],
)
@pytest.mark.parametrize("shape", [(4,), (4, 1)])
def test_numbers_of_classes_are_refused_with_a_hint_to_one_hot_labels(loss, shape):
    with pytest.raises(ValueError, match=r"must have the same shape .*keras\.utils\.to_categorical"):
        loss(np.array([0, 2, 1, 1]).reshape(shape), np.ones((4, 3)))
    with pytest.raises(ValueError, match=r"\(4, 3\)\.$"):
        loss(np.ones((4, 2)), np.ones((4, 3)))


@pytest.mark.parametrize("loss", [*CROSS_ENTROPIES[:2], categorical_accuracy], ids=lambda loss: loss.__name__)
def test_no_classes_are_refused(loss):
    with pytest.raises(ValueError, match=r"one class or more, got shape \(4, 0\)"):
        loss(np.ones((4, 0)), np.ones((4, 0)))


# The two ways of the documentation ----------------------------------------------------------------------------------


@pytest.mark.parametrize("base", [categorical_crossentropy, binary_crossentropy, binary_accuracy])
def test_called_without_tensors_they_return_a_function_that_a_saved_network_can_name(base):
    from_logits = losses_lookup(f"{base.__name__}_from_logits")
    assert base(from_logits=False) is base() is base and base(from_logits=True) is from_logits
    assert from_logits.__name__ == f"{base.__name__}_from_logits"
    for function in (base, from_logits):
        assert keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(function)) is function
    with pytest.raises(TypeError, match="give both `y_true` and `y_pred`"):
        base(np.ones((1, 2)))


@pytest.mark.parametrize("as_factory", [False, True])
def test_both_ways_train_and_are_stored(as_factory, tmp_path):
    labels, _, x = table("binary", n_stars=32, n_classes=3)
    labels[::3, 0] = NAN
    net = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3, activation="sigmoid")])
    loss = binary_crossentropy(from_logits=False) if as_factory else binary_crossentropy
    metric = binary_accuracy(from_logits=False) if as_factory else binary_accuracy
    net.compile("sgd", loss=loss, metrics=[metric])
    history = net.fit(x, labels, epochs=2, verbose=0).history
    assert set(history) == {"loss", "binary_accuracy"} and np.isfinite(list(history.values())).all()
    net.save(tmp_path / "net.keras")
    np.testing.assert_allclose(
        keras.models.load_model(tmp_path / "net.keras").evaluate(x, labels, verbose=0),
        net.evaluate(x, labels, verbose=0),
        rtol=1e-6,
    )


def test_every_public_name_is_found_and_every_metric_is_a_loss():
    for name in set(losses.__all__) - {"losses_lookup"}:
        assert losses_lookup(name) is getattr(losses, name)
    for name in metrics.__all__:
        assert losses_lookup(name) is getattr(metrics, name)
