"""Variational layers by themselves: their divergence, what they draw, and what they learn."""

import keras
import numpy as np
import pytest
from keras import layers, ops
from scipy import integrate, stats

from astroNN.nn.layers import Conv1DFlipout, Conv2DFlipout, DenseFlipout, DenseReparameterization, MonteCarloEngine
from tests.helpers.gradients import value_and_grad
from tests.nn.variational_cases import DENSE, as_numpy, every_layer, model_of, set_posterior

N_DRAWS = 20_000


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def assert_moments(draws, mean, variance):
    """Mean and variance over the last axis within 4 standard errors of those of a Gaussian."""
    n = draws.shape[-1]
    np.testing.assert_array_less(np.abs(draws.mean(-1) - mean), 4 * np.sqrt(variance / n))
    np.testing.assert_array_less(np.abs(draws.var(-1) - variance), 4 * variance * np.sqrt(2 / n))


def equal_units(layer, mean, std):
    """Give all units or filters of a layer the same posterior: each is then a draw of its own."""
    shape = (*mean.shape, layer.kernel_mean.shape[-1])
    set_posterior(layer, np.broadcast_to(mean[..., None], shape), np.broadcast_to(std[..., None], shape))


# The divergence ------------------------------------------------------------------------------------------


def test_the_divergence_is_the_integral_over_the_two_densities():
    mean, std, prior_std = np.array([[0.3], [-2.0], [0.0]]), np.array([[0.5], [0.05], [3.0]]), 1.7
    layer = DenseFlipout(1, prior_std=prior_std)
    layer.build((None, 3))
    set_posterior(layer, mean, std)
    expected = 0.0
    for m, s in zip(mean.ravel(), std.ravel(), strict=True):
        q, p = stats.norm(m, s), stats.norm(0, prior_std)
        expected += integrate.quad(
            lambda w, q=q, p=p: q.pdf(w) * (q.logpdf(w) - p.logpdf(w)), m - 12 * s, m + 12 * s
        )[0]
    np.testing.assert_allclose(as_numpy(layer.kl_divergence()), expected, rtol=1e-5)  # float32


def test_the_divergence_of_a_posterior_equal_to_the_prior_is_zero():
    layer = Conv1DFlipout(2, 3, prior_std=0.4, initial_std=0.4, kernel_initializer="zeros")
    layer.build((None, 9, 5))
    np.testing.assert_allclose(as_numpy(layer.kl_divergence()), 0.0, atol=1e-4)  # 30 weights to 1e-6 each


def test_the_divergence_by_hand():
    layer = DenseReparameterization(1, prior_std=2.0)
    layer.build((None, 1))
    set_posterior(layer, [[3.0]], [[0.5]])
    expected = np.log(2 / 0.5) + (0.5**2 + 3**2) / (2 * 2**2) - 0.5
    np.testing.assert_allclose(as_numpy(layer.kl_divergence()), expected, rtol=1e-5)


@pytest.mark.tensorflow_only
def test_the_divergence_is_that_of_tensorflow_probability(rng):
    tfp = pytest.importorskip("tensorflow_probability")
    layer = Conv2DFlipout(3, 2, prior_std=0.3)
    layer.build((None, 5, 5, 2))
    mean, std = rng.normal(size=(2, 2, 2, 3)), rng.uniform(0.01, 2, (2, 2, 2, 3))
    set_posterior(layer, mean, std)
    normal = tfp.distributions.Normal
    expected = np.sum(tfp.distributions.kl_divergence(normal(mean, std), normal(np.float64(0), np.float64(0.3))))
    np.testing.assert_allclose(as_numpy(layer.kl_divergence()), expected, rtol=1e-5)


def divergence_in_loss(model, shape, n=8):
    model.compile("sgd", lambda y_true, y_pred: 0.0 * ops.sum(y_pred, axis=-1))
    x = np.ones((n, *shape), "float32")
    return lambda: model.evaluate(x, np.zeros((n, *model.output.shape[1:]), "float32"), verbose=0)


@every_layer
def test_the_loss_gains_the_divergence_over_n_train_and_sees_it_change(cls, kwargs, shape):
    model = model_of(cls, shape, n_train=50, **kwargs)
    layer = model.layers[-1]
    loss = divergence_in_loss(model, shape)
    divergence = float(as_numpy(layer.kl_divergence()))
    np.testing.assert_allclose(loss(), divergence / 50, rtol=1e-5)
    layer.n_train = 2000  # the compiled step stays the same
    np.testing.assert_allclose(loss(), divergence / 2000, rtol=1e-5)


def test_training_sees_a_change_of_n_train_between_two_fits():
    model = model_of(DenseFlipout, (4,), units=1, n_train=10)
    model.compile(keras.optimizers.SGD(0.0), lambda y_true, y_pred: 0.0 * ops.sum(y_pred, axis=-1))
    x, y = np.ones((8, 4), "float32"), np.zeros((8, 1), "float32")
    first = model.fit(x, y, verbose=0).history["loss"][0]
    model.layers[-1].n_train = 40
    np.testing.assert_allclose(model.fit(x, y, verbose=0).history["loss"][0], first / 4, rtol=1e-5)


def test_a_layer_used_twice_counts_once():
    inputs, layer = keras.Input((4,)), DenseFlipout(4, n_train=10)
    model = keras.Model(inputs, layer(layer(inputs)))
    np.testing.assert_allclose(divergence_in_loss(model, (4,))(), as_numpy(layer.kl_divergence()) / 10, rtol=1e-5)


def test_a_layer_inside_a_wrapper_and_a_nested_model_counts():
    inner = DenseReparameterization(2, n_train=10)
    inputs = keras.Input((5, 4))
    nested = keras.Sequential([keras.Input((4,)), inner])
    model = keras.Model(inputs, layers.TimeDistributed(nested)(inputs))
    expected = as_numpy(inner.kl_divergence()) / 10
    np.testing.assert_allclose(divergence_in_loss(model, (5, 4))(), expected, rtol=1e-5)


def test_without_n_train_a_model_predicts_and_evaluates_but_does_not_train():
    model = model_of(DenseFlipout, (4,), units=1)
    assert divergence_in_loss(model, (4,))() == 0.0
    with pytest.raises(ValueError, match="set `layer.n_train = number`"):
        model.fit(np.ones((8, 4), "float32"), np.zeros((8, 1), "float32"), verbose=0)


def test_n_train_set_after_an_evaluation_counts_in_the_next():
    model = model_of(DenseFlipout, (4,), units=1)
    loss = divergence_in_loss(model, (4,))
    loss()
    model.layers[-1].n_train = 7
    np.testing.assert_allclose(loss(), as_numpy(model.layers[-1].kl_divergence()) / 7, rtol=1e-5)


# What is drawn -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cls", DENSE)
def test_the_sums_of_a_dense_layer_have_the_analytic_mean_and_variance(cls, rng):
    layer, x = cls(N_DRAWS, seed=2), rng.normal(size=(3, 5)).astype("float32")
    layer.build((None, 5))
    mean, std = rng.normal(size=5), rng.uniform(0.1, 1, 5)
    equal_units(layer, mean, std)
    layer.bias.assign(np.full(N_DRAWS, 0.7))
    assert_moments(as_numpy(layer(x)), x @ mean + 0.7, x**2 @ std**2)


@pytest.mark.parametrize(
    ("cls", "plain", "shape", "kwargs"),
    [
        (Conv1DFlipout, layers.Conv1D, (6, 2), {"kernel_size": 3, "padding": "same"}),
        (Conv1DFlipout, layers.Conv1D, (9, 2), {"kernel_size": 2, "dilation_rate": 3}),
        (Conv2DFlipout, layers.Conv2D, (5, 4, 2), {"kernel_size": (2, 3), "strides": (2, 1), "padding": "same"}),
    ],
)
def test_the_sums_of_a_convolution_have_the_analytic_mean_and_variance(cls, plain, shape, kwargs, rng):
    layer, x = cls(N_DRAWS, seed=4, use_bias=False, **kwargs), rng.normal(size=(1, *shape)).astype("float32")
    layer.build((None, *shape))
    mean, std = rng.normal(size=layer.kernel_mean.shape[:-1]), rng.uniform(0.1, 1, layer.kernel_mean.shape[:-1])
    equal_units(layer, mean, std)

    def convolved(inputs, kernel):
        convolution = plain(1, use_bias=False, **kwargs)
        convolution.build(inputs.shape)
        convolution.set_weights([kernel[..., None]])
        return as_numpy(convolution(inputs))[..., 0]

    assert_moments(as_numpy(layer(x)), convolved(x, mean), convolved(x**2, std**2))


def test_the_stars_of_a_batch_are_uncorrelated_in_flipout_and_share_the_weights_otherwise():
    layer = DenseFlipout(N_DRAWS, kernel_initializer="zeros", initial_std=1.0, seed=5)
    x = np.ones((2, 3), "float32")
    assert abs(np.corrcoef(as_numpy(layer(x)))[0, 1]) < 4 / np.sqrt(N_DRAWS)
    shared = as_numpy(layer.call_with_noise(x, layer.draw_noise((1, 3, N_DRAWS))))
    np.testing.assert_array_equal(shared[0], shared[1])


@pytest.mark.parametrize("cls", [DenseFlipout, Conv1DFlipout])
def test_the_positions_of_one_star_see_the_same_weights_in_flipout(cls):
    kwargs = {"units": N_DRAWS} if cls is DenseFlipout else {"filters": N_DRAWS, "kernel_size": 1}
    layer = cls(kernel_initializer="zeros", initial_std=1.0, seed=5, **kwargs)
    x = np.array([[[1.0, 2.0, 0.0], [2.0, 0.0, 1.0]]], "float32")
    expected = 2 / 5  # sum of x_p x_q over the root of the variances, 5 and 5
    found = np.corrcoef(as_numpy(layer(x))[0])[0, 1]
    assert abs(found - expected) < 4 * (1 - expected**2) / np.sqrt(N_DRAWS)


def test_the_gradient_of_flipout_has_the_variance_of_the_paper_below_that_of_shared_weights(rng):
    # The loss, mean of y^2 / 2, has the gradient mean of x y: variances over draws (units) follow by hand.
    n_stars, std, x = 64, 0.3, rng.normal(size=(64, 4)).astype("float32")
    layer = DenseFlipout(N_DRAWS, kernel_initializer="zeros", initial_std=std, seed=6)
    flipout = x.T @ as_numpy(layer(x)) / n_stars
    shared = x.T @ as_numpy(layer.call_with_noise(x, layer.draw_noise((1, 4, N_DRAWS)))) / n_stars
    square = x.T.astype("float64") @ x / n_stars
    expected = std**2 * np.trace(square @ square), std**2 * np.sum(np.sum(x**2.0, 1) ** 2) / n_stars**2
    assert expected[1] < 0.2 * expected[0]
    for gradient, variance in zip((shared, flipout), expected, strict=True):
        # Four standard errors, were all of the variance in one direction.
        assert abs(gradient.var(axis=1).sum() - variance) < 4 * variance * np.sqrt(2 / N_DRAWS)


@every_layer
def test_it_is_on_in_training_and_prediction_with_fresh_noise_in_each_call(cls, kwargs, shape):
    model, x = model_of(cls, shape, n_train=5, **kwargs), np.ones((2, *shape), "float32")
    first, second = model.predict(x, verbose=0), model.predict(x, verbose=0)
    assert (first != second).all()
    assert (as_numpy(model(x, training=True)) != as_numpy(model(x, training=True))).all()


@every_layer
def test_disabled_it_is_the_plain_layer_of_keras_and_leaves_the_loss_alone(cls, kwargs, shape, rng):
    model, x = model_of(cls, shape, disable=True, activation="relu", **kwargs), rng.normal(size=(2, *shape))
    plain = {"D": layers.Dense, "Conv1DFlipout": layers.Conv1D, "Conv2DFlipout": layers.Conv2D}
    plain = plain.get(cls.__name__, layers.Dense)(activation="relu", **kwargs)
    plain.build((None, *shape))
    layer = model.layers[-1]
    layer.bias.assign(rng.normal(size=3))
    plain.set_weights([as_numpy(layer.kernel_mean), as_numpy(layer.bias)])
    np.testing.assert_allclose(model.predict(x, verbose=0), as_numpy(plain(x)), rtol=1e-5, atol=1e-6)
    assert not layer.random_at_inference
    assert divergence_in_loss(model, shape)() == 0.0
    model.fit(np.ones((2, *shape), "float32"), np.zeros((2, *model.output.shape[1:])), verbose=0)


@every_layer
def test_seeds_repeat_the_noise(cls, kwargs, shape):
    x = np.ones((2, *shape), "float32")

    def draw(seed):
        return as_numpy(cls(seed=seed, kernel_initializer="zeros", **kwargs)(x))

    np.testing.assert_array_equal(draw(7), draw(7))
    assert (draw(7) != draw(8)).any()
    assert (draw(None) != draw(None)).any()
    keras.utils.set_random_seed(5)
    first = draw(None)
    keras.utils.set_random_seed(5)
    np.testing.assert_array_equal(first, draw(None))


def test_a_layer_starts_with_noise_of_a_tenth_of_its_inputs_whatever_their_number():
    for n_inputs in (10, 1000):
        layer = DenseFlipout(1000, kernel_initializer="zeros", seed=1)
        sums = as_numpy(layer(np.ones((1, n_inputs), "float32")))
        assert abs(sums.std() - 0.1) < 4 * 0.1 / np.sqrt(2 * sums.size)


# Numbers that overflow or vanish -------------------------------------------------------------------------


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("cls", DENSE)
def test_half_precision_does_not_overflow_where_squares_would(cls, policy):
    layer = cls(N_DRAWS, kernel_initializer="zeros", initial_std=0.01, dtype=policy, seed=1)
    out = layer(np.full((1, 4), 1000.0, "float32"))  # 1000 squared is beyond float16
    assert keras.backend.standardize_dtype(out.dtype) == policy.removeprefix("mixed_")
    spread = as_numpy(out).std()
    assert abs(spread - 20.0) < 20.0 * (4 / np.sqrt(2 * N_DRAWS) + 2**-8)  # rounding of bfloat16
    assert keras.backend.standardize_dtype(layer.kl_divergence().dtype) == "float32"


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float64"])
@every_layer
def test_every_precision_trains_and_goes_through_the_engine(cls, kwargs, shape, policy, rng):
    model = model_of(cls, shape, dtype=policy, n_train=100, **kwargs)
    model.compile("adam", "mse")
    x = rng.normal(size=(64, *shape)).astype("float32")
    history = model.fit(x, np.zeros((64, *model.output.shape[1:])), epochs=2, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    mean, variance = MonteCarloEngine(model, mc_num=5).predict(x[:3])[model.output_names[0]]
    assert np.isfinite(mean).all()
    assert (variance > 0).all()


@every_layer
def test_a_star_of_zeros_has_finite_gradients(cls, kwargs, shape):
    layer = cls(seed=1, **kwargs)
    layer.build((None, *shape))
    _, (gradient,) = value_and_grad(layer, np.zeros((2, *shape)))
    assert np.isfinite(gradient).all()


# Learning a posterior that is known ----------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("cls", DENSE)
def test_training_finds_the_best_gaussian_of_independent_weights(cls, rng):
    # Linear regression with known noise: the posterior is Gaussian with precision X'X / noise^2 + 1 / prior^2. The
    # nearest Gaussian of independent weights has its mean, and the inverse diagonal of the precision as variances.
    n_stars, n_units, noise, prior_std, steps = 32, 64, 0.5, 0.3, 2000
    x = rng.normal(size=(n_stars, 3)) @ np.array([[1.0, 0.5, 0.0], [0.0, 1.0, 0.3], [0.0, 0.0, 0.4]])
    y = x @ np.array([0.4, -0.2, 0.3]) + noise * rng.normal(size=n_stars)
    precision = x.T @ x / noise**2 + np.eye(3) / prior_std**2
    mean, std = np.linalg.solve(precision, x.T @ y / noise**2), 1 / np.sqrt(np.diag(precision))

    model = model_of(cls, (3,), units=n_units, use_bias=False, prior_std=prior_std, n_train=n_stars)
    rate = keras.optimizers.schedules.CosineDecay(0.03, steps, alpha=0.01)
    model.compile(
        keras.optimizers.Adam(rate, beta_2=0.99),
        lambda y_true, y_pred: ops.sum(ops.square(y_true - y_pred) / (2 * noise**2), axis=-1),
    )
    every = np.tile(np.arange(n_stars), steps)  # many steps in one epoch: each sees all stars
    targets = np.repeat(y[every, None], n_units, axis=1)
    model.fit(x[every], targets, batch_size=n_stars, shuffle=False, verbose=0)
    found_mean, found_std = (
        as_numpy(values) for values in (model.layers[-1].kernel_mean, model.layers[-1].kernel_std)
    )
    # Each unit solves the same problem. Its widths end within 10% (Adam's last steps scatter them by about 4%), so
    # their mean over 64 units is good to 0.5%, and 3% leaves room for the bias of second order.
    np.testing.assert_allclose(found_std, np.broadcast_to(std[:, None], found_std.shape), rtol=0.25)
    np.testing.assert_allclose(found_std.mean(axis=1), std, rtol=0.03)
    np.testing.assert_array_less(np.abs(found_mean.mean(axis=1) - mean), 0.03 * std)
