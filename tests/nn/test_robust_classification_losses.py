"""Cross entropies of logits with a predicted spread, against Monte Carlo in numpy, with any seed, compiled."""

from functools import partial

import keras
import numpy as np
import pytest
from keras import ops
from scipy.special import log_softmax

from astroNN.nn._backend import compiled
from astroNN.nn.losses import (
    bayesian_binary_crossentropy_var_wrapper,
    bayesian_binary_crossentropy_wrapper,
    bayesian_categorical_crossentropy_var_wrapper,
    bayesian_categorical_crossentropy_wrapper,
    binary_crossentropy_from_logits,
    categorical_crossentropy_from_logits,
    robust_binary_crossentropy,
    robust_categorical_crossentropy,
)

from ..helpers.gradients import value_and_grad

MAGIC, NAN = -9999.0, np.nan
# Float32 logarithms of sizes to 10, sums of some ten numbers.
CLOSE = {"rtol": 3e-6, "atol": 3e-6}
ROBUST = {"categorical": robust_categorical_crossentropy, "binary": robust_binary_crossentropy}
PLAIN = {"categorical": categorical_crossentropy_from_logits, "binary": binary_crossentropy_from_logits}
each_robust = pytest.mark.parametrize("kind", ROBUST)


def numpy_of(tensor):
    return ops.convert_to_numpy(tensor)


def table(kind, n_stars=8, n_classes=4):
    """Complete labels and logits."""
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(n_stars, n_classes))
    if kind == "categorical":
        labels = np.eye(n_classes)[rng.integers(n_classes, size=n_stars)]
    else:
        labels = rng.integers(2, size=logits.shape)
    return labels.astype("float32"), logits.astype("float32")


def robust_truth(kind, labels, logits, spread, n_draws, rng):
    """Value of each star by plain Monte Carlo in float64, and its standard error."""

    def cross_entropy(z):
        if kind == "categorical":
            return -np.sum(labels * log_softmax(z, -1), -1)
        return np.mean(np.logaddexp(0, z) - labels * z, -1)

    plain = cross_entropy(logits)
    change = plain - cross_entropy(logits + spread * rng.normal(size=(n_draws, *logits.shape)))
    gain = -np.where(change > 0, change, np.expm1(np.minimum(change, 0)))
    value = (1 + gain.mean(0)) * plain + np.mean(np.expm1(np.abs(spread)), -1)
    return value, gain.std(0) / np.sqrt(n_draws) * plain


@each_robust
def test_the_value_is_that_of_many_draws_in_numpy(kind):
    labels, logits = table(kind)
    spread = np.random.default_rng(7).normal(size=logits.shape).astype("float32")  # of both signs
    rng = np.random.default_rng(8)
    truth, error = robust_truth(kind, labels, logits.astype("float64"), spread.astype("float64"), 200_000, rng)
    value = numpy_of(ROBUST[kind](labels, logits, spread, n_draws=20_000, seed=1))
    # Opposite draws never scatter more than twice the variance of independent ones.
    tolerance = 4 * error * np.sqrt(1 + 2 * 200_000 / 20_000)
    assert (np.abs(value - truth) < tolerance + 1e-5).all()


@each_robust
def test_without_spread_it_is_the_plain_cross_entropy_in_value_and_gradient(kind):
    labels, logits = table(kind)
    labels[0] = NAN
    value, (gradient,) = value_and_grad(lambda z: ROBUST[kind](labels, z, 0 * z, seed=1), logits)
    truth, (gradient_truth,) = value_and_grad(lambda z: PLAIN[kind](labels, z), logits)
    np.testing.assert_allclose(value, truth, **CLOSE)
    # d(m H)/dz vanishes too: opposite draws of no size have the same entropy as none.
    np.testing.assert_allclose(gradient, gradient_truth, **CLOSE)


@each_robust
def test_weights_are_applied_once_and_the_sign_of_the_spread_does_not_matter(kind):
    labels, logits = table(kind)
    spread, weights = np.full_like(logits, 0.7), np.arange(8.0)
    value = numpy_of(ROBUST[kind](labels, logits, spread, seed=1))
    assert (value > 0).all()
    weighted = numpy_of(ROBUST[kind](labels, logits, spread, weights, seed=1))
    np.testing.assert_allclose(weighted, weights * value, **CLOSE)
    minus = value_and_grad(lambda v: ROBUST[kind](labels, logits, v, seed=2, n_draws=2000), -spread)[0]
    plus = value_and_grad(lambda v: ROBUST[kind](labels, logits, v, seed=2, n_draws=2000), spread)[0]
    np.testing.assert_allclose(minus, plus, rtol=1e-5)


@each_robust
def test_the_correction_for_missing_labels_is_applied_once(kind):
    labels, logits = table(kind)
    labels[:, -1] = MAGIC
    np.testing.assert_allclose(
        numpy_of(ROBUST[kind](labels, logits, np.zeros_like(logits), seed=1)),
        numpy_of(PLAIN[kind](labels, logits)),
        **CLOSE,
    )


@each_robust
def test_the_gradient_of_a_batch_scatters_by_less_than_a_tenth(kind):
    labels, logits = table(kind, n_stars=64, n_classes=10)
    for spread in (0.5, 1.0, 2.0):
        runs = []
        for seed in range(6):
            of_seed = partial(ROBUST[kind], labels, seed=seed)
            _, gradients = value_and_grad(of_seed, 2 * logits, np.full_like(logits, spread))
            runs.append(np.stack(gradients).ravel())
        scatter = np.sqrt(np.var(runs, axis=0, ddof=1).sum()) / np.linalg.norm(np.mean(runs, axis=0))
        assert scatter < 0.1


@each_robust
@pytest.mark.parametrize("name", ["logit_var", "y_pred"])
def test_spreads_of_another_shape_and_bad_settings_are_refused(kind, name):
    arrays = {"y_pred": np.ones((4, 2)), "logit_var": np.ones((4, 2))} | {name: np.ones((4, 1))}
    with pytest.raises(ValueError, match="must have the same shape"):
        ROBUST[kind](np.ones((4, 2)), **arrays)
    for n_draws in (0, 2.5, True):
        with pytest.raises(ValueError, match="`n_draws` must be a whole number from 1"):
            ROBUST[kind](np.ones((4, 2)), np.ones((4, 2)), np.ones((4, 2)), n_draws=n_draws)
    for seed in (-1, 0.5, "one"):
        with pytest.raises((TypeError, ValueError), match="`seed` must be a whole number from 0"):
            ROBUST[kind](np.ones((4, 2)), np.ones((4, 2)), np.ones((4, 2)), seed=seed)


WRAPPERS = {
    "categorical": (bayesian_categorical_crossentropy_wrapper, bayesian_categorical_crossentropy_var_wrapper),
    "binary": (bayesian_binary_crossentropy_wrapper, bayesian_binary_crossentropy_var_wrapper),
}


@each_robust
def test_wrappers_are_two_views_of_one_loss_with_fresh_but_repeatable_noise(kind):
    labels, logits = table(kind)
    spread, weights = np.full_like(logits, 0.5), np.arange(8.0)
    for wrapper, bound, free in zip(WRAPPERS[kind], (spread, logits), (logits, spread), strict=True):
        loss = wrapper(bound, seed=3)
        assert loss.__name__ == wrapper.__name__
        first, second = (numpy_of(loss(labels, free, sample_weight=weights)) for _ in range(2))
        assert (first[1:] != second[1:]).all() and first[0] == 0
        again = wrapper(bound, seed=3)
        np.testing.assert_array_equal(numpy_of(again(labels, free, weights)), first)
        truth = ROBUST[kind](labels, logits, spread, weights, seed=keras.random.SeedGenerator(3))
        np.testing.assert_array_equal(numpy_of(truth), first)


@pytest.mark.slow
@each_robust
@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("seed", [None, 1])
def test_wrappers_train_as_the_loss_of_a_compiled_network(kind, place, seed):
    labels, x = table(kind, n_stars=12, n_classes=3)
    labels[0] = NAN
    loss = WRAPPERS[kind][place](np.full_like(x, 0.5), seed=seed)
    net = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3)])
    net.compile(keras.optimizers.SGD(0.01), loss=loss, jit_compile=keras.backend.backend() != "torch")
    before = net.get_weights()[0]
    history = net.fit(x, labels, batch_size=12, epochs=3, shuffle=False, verbose=0).history["loss"]
    assert np.isfinite(history).all() and (net.get_weights()[0] != before).all()


@each_robust
def test_wrappers_ignore_further_arguments_as_the_established_ones(kind):
    labels, logits = table(kind)
    for wrapper in WRAPPERS[kind]:
        truth = numpy_of(wrapper(logits, seed=3)(labels, logits))
        for loss in (wrapper(logits, labels, 7, seed=3), wrapper(logits, labels_err=labels, seed=3, more=1)):
            np.testing.assert_array_equal(numpy_of(loss(labels, logits)), truth)


@each_robust
def test_one_label_needs_no_axis_of_its_own(kind):
    labels, logits = table(kind, n_classes=1)
    truth = numpy_of(ROBUST[kind](labels, logits, logits, seed=1))
    for flat in ((0,), (1,), (2,), (0, 1), (0, 2)):
        arrays = [x[:, 0] if place in flat else x for place, x in enumerate((labels, logits, logits))]
        np.testing.assert_array_equal(numpy_of(ROBUST[kind](*arrays, seed=1)), truth)


@each_robust
def test_a_huge_spread_costs_linearly_and_never_overflows(kind):
    labels, logits = np.ones((5, 1), "float32"), np.full((5, 1), 30.0)  # sure and right: no cross entropy
    spread = np.array([[19.0], [20.0], [21.0], [100.0], [1e6]])
    value, (_, gradient) = value_and_grad(lambda z, v: ROBUST[kind](labels, z, v, seed=1), logits, spread)
    truth = np.where(spread < 20, np.expm1(spread), np.expm1(20) + np.exp(20) * (spread - 20))
    np.testing.assert_allclose(value, truth[:, 0], rtol=1e-5)
    np.testing.assert_allclose(gradient, np.exp(np.minimum(spread, 20)), rtol=1e-5)


@each_robust
def test_unseeded_noise_repeats_with_the_seed_of_keras(kind):
    labels, logits = table(kind)
    runs = []
    for _ in range(2):
        keras.utils.set_random_seed(5)
        loss = WRAPPERS[kind][0](np.ones_like(logits))
        runs.append(numpy_of(ops.stack([loss(labels, logits), ROBUST[kind](labels, logits, logits)])))
    np.testing.assert_array_equal(*runs)


def test_a_number_as_seed_makes_the_noise_a_function_of_the_predictions():
    labels, logits = table("binary")
    one, two = (numpy_of(robust_binary_crossentropy(labels, logits, logits, seed=seed)) for seed in (1, 2))
    np.testing.assert_array_equal(numpy_of(robust_binary_crossentropy(labels, logits, logits, seed=1)), one)
    assert (one != two).all()
    # The same rows in another order get other noise: it isn't drawn by the sum of the predictions.
    turned = numpy_of(robust_binary_crossentropy(labels[::-1], logits[::-1], logits[::-1], seed=1))[::-1]
    assert (turned != one).all()


class TwoHeads(keras.Model):
    """Network of logits and spread with the robust loss in its step, as the documentation shows."""

    def __init__(self, seed_of):
        super().__init__()
        self.logits, self.spread = keras.layers.Dense(3), keras.layers.Dense(3)
        self.noise = keras.random.SeedGenerator(1)
        self.seed_of = seed_of

    def call(self, x):
        return {"logits": self.logits(x), "spread": self.spread(x)}

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return ops.mean(self.seed_of(self)(y, y_pred["logits"], y_pred["spread"]))


OUTSIDE = keras.random.SeedGenerator(2)  # that no model tracks
SEEDS = {
    "tracked": lambda net: lambda y, z, v: robust_categorical_crossentropy(y, z, v, seed=net.noise),
    "untracked": lambda net: lambda y, z, v: robust_categorical_crossentropy(y, z, v, seed=OUTSIDE),
    "number": lambda net: lambda y, z, v: robust_categorical_crossentropy(y, z, v, seed=1),
    "none": lambda net: lambda y, z, v: robust_categorical_crossentropy(y, z, v),
    "wrapper": lambda net: lambda y, z, v: bayesian_categorical_crossentropy_wrapper(v)(y, z),
    "wrapper, number": lambda net: lambda y, z, v: bayesian_categorical_crossentropy_var_wrapper(z, seed=1)(y, v),
}


@pytest.mark.slow
@pytest.mark.parametrize("way", SEEDS)
def test_it_trains_in_a_compiled_step_whatever_the_seed(way):
    labels, x = table("categorical", n_stars=24, n_classes=3)
    labels[0] = NAN
    net = TwoHeads(SEEDS[way])
    net.compile(keras.optimizers.SGD(0.01), jit_compile=keras.backend.backend() != "torch")
    history = net.fit(x, labels, batch_size=10, epochs=3, verbose=0).history["loss"]
    assert np.isfinite(history).all() and history[-1] < history[0]
    # A generator that the model tracks has drawn in each of 9 steps; the other holds nothing of a compiled step.
    assert numpy_of(net.noise.state.value)[1] == (9 if way == "tracked" else 0)
    assert np.isfinite(numpy_of(keras.random.normal((2,), seed=OUTSIDE))).all()


@pytest.mark.parametrize("way", ["untracked", "number", "none", "wrapper", "wrapper, number"])
def test_in_one_compiled_function_the_noise_differs_as_soon_as_the_predictions_do(way):
    labels, logits = table("categorical", n_stars=16, n_classes=4)
    # The generator is no variable of the function: on JAX it can't advance.
    step = compiled(lambda z, v: SEEDS[way](None)(labels, z, v))
    # A shift of all logits of a star changes the predictions, but no cross entropy: what differs is noise.
    values = [
        numpy_of(step(ops.convert_to_tensor(logits + np.float32(shift)), ops.ones_like(logits)))
        for shift in (0.0, 0.25, 0.5)
    ]
    for one, two in ((0, 1), (1, 2), (0, 2)):
        assert (np.abs(values[one] - values[two]) > 1e-5).all()
        np.testing.assert_allclose(values[one], values[two], rtol=0.5)
    assert np.isfinite(numpy_of(keras.random.normal((2,), seed=OUTSIDE))).all()
