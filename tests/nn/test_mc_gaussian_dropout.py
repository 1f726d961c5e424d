import keras
import numpy as np
import pytest
from keras import layers
from scipy import stats

from astroNN.nn.layers import MCDropout, MCGaussianDropout, MonteCarloEngine
from astroNN.nn.layers._masks import StratifiedStream


def conv_net(make):
    """Noise in front of a convolution, of a wide dense layer and of the last layer."""
    inputs = keras.Input((120, 1))
    x = layers.Conv1D(3, 5, activation="relu", padding="same")(make()(inputs))
    x = layers.Dense(24, activation="tanh")(make()(layers.Flatten()(layers.MaxPooling1D(2)(x))))
    return keras.Model(inputs, layers.Dense(2, name="label")(make()(x)))


def test_the_spread_is_that_of_dropout_of_the_same_rate():
    assert MCGaussianDropout(0.2).stddev == pytest.approx(0.5)
    assert MCGaussianDropout(0.999999).stddev == pytest.approx(np.sqrt(999999), rel=1e-6)


def test_every_element_has_noise_of_its_own_which_is_gaussian():
    out = keras.ops.convert_to_numpy(MCGaussianDropout(0.5, seed=1)(np.ones((100, 200), "float32")))
    assert stats.kstest((out.ravel() - 1.0), "norm").pvalue > 0.001
    assert abs(np.corrcoef(out[:, 0], out[:, 1])[0, 1]) < 4 / np.sqrt(100)
    assert MCGaussianDropout(0.5).independent_elements


@pytest.mark.slow
def test_the_fast_setting_agrees_with_exact_passes_within_monte_carlo_error():
    keras.utils.set_random_seed(3)
    model = conv_net(lambda: MCGaussianDropout(0.1))
    x = np.random.default_rng(1).normal(size=(192, 120, 1)).astype("float32")
    mean, variance = MonteCarloEngine(model, mc_num=2000, seed=1).predict(x)["label"]
    for seed in (2, 3):
        fast_mean, fast_variance = MonteCarloEngine(model, mc_num=200, seed=seed, sampling="fast").predict(x)["label"]
        # Three blocks of stars share their noise each: a round of at least 200 passes scatters by 1 / sqrt(200)
        # in the mean and 1 / sqrt(400) in the spread; medians over stars and labels are no worse. 4 sigma.
        spread = np.sqrt(variance)
        assert np.median(np.abs(fast_mean - mean) / spread) < 4 / np.sqrt(200)
        ratio = np.median(np.sqrt(fast_variance) / spread)
        assert abs(ratio - 1) < 4 * np.sqrt(1 / 400 + 1 / 4000), ratio


def test_the_mean_of_the_fast_setting_hardly_scatters():
    """With plain normal numbers the mean of ten networks would scatter as ten passes, not as 200."""
    inputs = keras.Input((400,))
    dense = layers.Dense(1, name="label", kernel_initializer="ones")
    model = keras.Model(inputs, dense(MCGaussianDropout(0.5)(inputs)))
    x = np.ones((64 * 40, 400), "float32")
    with_noise = MonteCarloEngine(model, mc_num=200, sampling="fast").predict(x)["label"]
    means, variances = (values[::64, 0].astype("float64") for values in with_noise)
    assert (means - 400).std() < 1.5 * np.sqrt(400 / 200)  # one mean for each of 40 blocks: 11% accurate
    np.testing.assert_allclose(variances.mean(), 400, rtol=4 * np.sqrt(2 / (9 * 28)) / np.sqrt(40))


def test_stratified_normal_numbers_are_normal_and_even():
    draws = StratifiedStream(1, 0, 0, 0).normal((10, 20_000)).astype("float64")
    for row in draws:  # each row alone is a plain set of normal numbers
        assert abs(row.mean()) < 4.5 / np.sqrt(20_000)
        assert abs(row.var() - 1) < 4.5 * np.sqrt(2 / 20_000)
    # Variance within tenths of the normal distribution, by the moments of truncated normals: 0.0408.
    assert draws.mean(0).var() == pytest.approx(_variance_within_strata(10) / 10, rel=0.05)
    assert abs(np.corrcoef(draws[:, 0::2].ravel(), draws[:, 1::2].ravel())[0, 1]) < 4.5 / np.sqrt(100_000)


def _variance_within_strata(n):
    edges = stats.norm.ppf(np.linspace(0, 1, n + 1))
    return np.mean([stats.truncnorm(a, b).var() for a, b in zip(edges[:-1], edges[1:], strict=True)])


@pytest.mark.parametrize("make", [MCDropout, MCGaussianDropout])
def test_rate_zero_is_the_identity(make):
    x = np.random.default_rng(0).normal(size=(4, 50)).astype("float32")
    layer = make(0.0)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(layer(x)), x)
    assert not layer.random_at_inference
