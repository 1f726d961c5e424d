"""What every random layer must satisfy; what only one does is in the file of that layer."""

from dataclasses import dataclass

import keras
import numpy as np
import pytest
from keras import ops
from scipy import stats

from astroNN.nn.layers import (
    ErrorProp,
    FastMCInference,
    MCConcreteDropout,
    MCDropout,
    MCGaussianDropout,
    MCSpatialDropout1D,
    MCSpatialDropout2D,
    MonteCarloEngine,
)

RATE = 0.3
N_DRAWS = 20_000
UNIFORM = (np.arange(200_000) + 0.5) / 200_000  # quantiles, for truths in float64
NORMAL = stats.norm.ppf(UNIFORM)


def bernoulli_factor():
    return np.where(UNIFORM < RATE, 0.0, 1.0 / (1.0 - RATE))


def concrete_factor():
    """Equation of Gal, Hron & Kendall 2017 at temperature 0.1."""
    logit = np.log(RATE / (1 - RATE)) + np.log(UNIFORM / (1 - UNIFORM))
    return (1.0 - 1.0 / (1.0 + np.exp(-logit / 0.1))) / (1.0 - RATE)


@dataclass(frozen=True)
class Case:
    """A layer, the inputs of one star, and the distribution of its outputs as many equally likely values."""

    name: str
    make: object  # callable: settings to a layer
    inputs: tuple  # arrays of one star
    outcomes: object  # callable: inputs, as flat float64 arrays, to an array (quantiles, elements)
    shared: bool = True  # whether the engine gives all stars of a block the same noise

    def moments(self):
        """Mean and variance of the output, and the standard errors of their estimates from one draw."""
        values = self.outcomes(*(x.ravel().astype("float64") for x in self.inputs))
        mean, variance = values.mean(0), values.var(0)
        fourth = ((values - mean) ** 4).mean(0)
        return mean, variance, np.sqrt(variance), np.sqrt(fourth - variance**2)

    def stars(self, n):
        rows = [np.repeat(x[None], n, axis=0) for x in self.inputs]
        return rows[0] if len(rows) == 1 else rows

    def model(self, **settings):
        symbols = [keras.Input(x.shape) for x in self.inputs]
        inputs = symbols[0] if len(symbols) == 1 else symbols
        return keras.Model(inputs, self.make(name="label", **settings)(inputs))


def factor_of(quantiles):
    return lambda x: quantiles()[:, None] * x


def concrete(disable=False, seed=None, name=None, dtype=None):
    dense = keras.layers.Dense(3, use_bias=False, kernel_initializer=keras.initializers.Identity(), dtype=dtype)
    return MCConcreteDropout(dense, init_min=RATE, init_max=RATE, disable=disable, seed=seed, name=name, dtype=dtype)


FLAT = np.array([1.0, -2.0, 0.5], "float32")
CASES = [
    Case("dropout", lambda **s: MCDropout(RATE, **s), (FLAT,), factor_of(bernoulli_factor)),
    Case(
        "spatial 1D",
        lambda **s: MCSpatialDropout1D(RATE, **s),
        (np.stack([FLAT, 2 * FLAT]),),
        factor_of(bernoulli_factor),
    ),
    Case(
        "spatial 2D",
        lambda **s: MCSpatialDropout2D(RATE, **s),
        (np.stack([FLAT, 2 * FLAT])[None],),
        factor_of(bernoulli_factor),
    ),
    Case(
        "gaussian",
        lambda **s: MCGaussianDropout(RATE, **s),
        (FLAT,),
        factor_of(lambda: 1.0 + np.sqrt(RATE / (1 - RATE)) * NORMAL),
    ),
    Case("concrete", concrete, (FLAT,), factor_of(concrete_factor)),
    Case(
        "errors",
        lambda **s: ErrorProp(**s),
        (FLAT, np.array([0.5, 2.0, 0.1], "float32")),
        lambda x, x_err: x + x_err * NORMAL[:, None],
        shared=False,
    ),
    Case(
        "errors of version 1.0",
        lambda **s: ErrorProp(0.5, **s),
        (FLAT,),
        lambda x: x + 0.5 * NORMAL[:, None],
        shared=False,
    ),
]
EVERY_CASE = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
ALWAYS_ON = pytest.mark.parametrize("case", CASES[:5], ids=lambda case: case.name)


def as_numpy(tensor):
    return ops.convert_to_numpy(ops.cast(tensor, "float32"))


def assert_moments(case, mean, variance, n, within=4.0, rounding=0.0):
    """Estimates from n draws lie within so many standard errors of the analytic moments."""
    true_mean, true_variance, error_of_mean, error_of_variance = case.moments()
    mean, variance = (np.asarray(value, "float64").ravel() for value in (mean, variance))
    expected_variance = true_variance * (n - 1) / n  # of the population variance of n draws
    slack_mean, slack_variance = rounding * np.abs(true_mean), 2 * rounding * (true_variance + true_mean**2)
    assert (np.abs(mean - true_mean) < within * error_of_mean / np.sqrt(n) + slack_mean).all()
    # The last term: the mean of the draws is subtracted instead of the true one.
    tolerance = within * error_of_variance / np.sqrt(n) + within**2 * true_variance / n + slack_variance
    assert (np.abs(variance - expected_variance) < tolerance).all()


@EVERY_CASE
def test_mean_and_variance_of_many_draws_are_the_analytic_ones(case):
    out = as_numpy(case.make(seed=1)(case.stars(N_DRAWS))).astype("float64")
    assert_moments(case, out.mean(0), out.var(0), N_DRAWS)


@EVERY_CASE
@pytest.mark.parametrize(("dtype", "rounding"), [("mixed_float16", 2.0**-10), ("mixed_bfloat16", 2.0**-7)])
def test_the_moments_hold_under_mixed_precision(case, dtype, rounding):
    out = case.make(seed=2, dtype=dtype)(case.stars(N_DRAWS))
    assert keras.backend.standardize_dtype(out.dtype) == dtype.removeprefix("mixed_")
    out = as_numpy(out).astype("float64")
    assert_moments(case, out.mean(0), out.var(0), N_DRAWS, rounding=rounding)


@EVERY_CASE
def test_large_inputs_do_not_overflow_in_float16(case):
    layer = case.make(seed=3, dtype="mixed_float16")
    large = [np.full((64, *x.shape), 2e4 if i == 0 else 1e3, "float32") for i, x in enumerate(case.inputs)]
    assert np.isfinite(as_numpy(layer(large[0] if len(large) == 1 else large))).all()


@EVERY_CASE
def test_it_stays_on_at_prediction_with_fresh_noise_in_each_call(case):
    model, x = case.model(seed=4), case.stars(50)
    first, second = model.predict(x, verbose=0), model.predict(x, verbose=0)
    assert (first != second).any()
    assert (first != first[:1]).any()  # stars don't share it


@ALWAYS_ON
def test_it_is_on_in_training_too(case):
    model, x = case.model(seed=5), case.stars(50)
    assert (as_numpy(model(x, training=True)) != as_numpy(model(x, training=True))).any()


@EVERY_CASE
def test_the_same_seed_replays_and_another_does_not(case):
    x = case.stars(50)
    first, again, other = (as_numpy(case.make(seed=seed)(x)) for seed in (7, 7, 8))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


@EVERY_CASE
def test_the_global_seed_of_keras_repeats_layers_without_seed(case):
    draws = []
    for _ in range(2):
        keras.utils.set_random_seed(5)
        draws.append(as_numpy(case.model()(case.stars(50))))
    np.testing.assert_array_equal(*draws)


@EVERY_CASE
def test_two_layers_without_seed_never_share_noise(case):
    x = case.stars(50)
    assert (as_numpy(case.make()(x)) != as_numpy(case.make()(x))).any()


@EVERY_CASE
def test_disabled_it_is_the_identity(case):
    layer = case.make(disable=True)
    expected = np.repeat(case.inputs[0][None], 5, axis=0)
    np.testing.assert_array_equal(as_numpy(layer(case.stars(5))), expected)
    assert not layer.random_at_inference
    assert case.make().random_at_inference


@EVERY_CASE
def test_the_output_has_the_shape_of_the_first_input(case):
    shapes = [(None, *x.shape) for x in case.inputs]
    layer = case.make()
    layer.build(shapes[0] if len(shapes) == 1 else shapes)
    assert layer.compute_output_shape(shapes[0] if len(shapes) == 1 else shapes) == shapes[0]
    assert case.model().output.shape == shapes[0]


@EVERY_CASE
def test_the_config_rebuilds_the_layer(case):
    layer = case.make(disable=True, seed=3, name="noise")
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert type(copy) is type(layer)
    assert copy.get_config() == layer.get_config()
    assert (copy.disable, copy.seed, copy.name) == (True, 3, "noise")


@EVERY_CASE
def test_models_and_weights_survive_saving(case, tmp_path):
    model, x = case.model(seed=6), case.stars(50)
    for weight in model.weights:
        weight.assign(np.random.default_rng(0).normal(size=weight.shape))
    model.save(tmp_path / "model.keras")
    model.save_weights(tmp_path / "model.weights.h5")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    fresh = case.model(seed=6)
    fresh.load_weights(tmp_path / "model.weights.h5")
    result = as_numpy(model(x))
    for copy in (loaded, fresh):
        assert [w.name for w in copy.weights] == [w.name for w in model.weights]
        for weight, original in zip(copy.weights, model.weights, strict=True):
            np.testing.assert_array_equal(as_numpy(weight), as_numpy(original))
        np.testing.assert_array_equal(as_numpy(copy(x)), result)  # same seed, so same noise


@pytest.mark.slow
@EVERY_CASE
@pytest.mark.parametrize("sampling", ["exact", "per_star"])
def test_the_engine_gives_the_analytic_moments(case, sampling):
    # Layers outside the protocol are called once a pass with noise for every star: fewer passes, more stars.
    n_passes, n_stars = (2000, 1) if case.shared else (40, 64)
    engine = MonteCarloEngine(case.model(seed=1), mc_num=n_passes, seed=3, sampling=sampling)
    mean, variance = engine.predict(case.stars(n_stars))["label"]
    if case.shared:
        assert_moments(case, mean, variance, n_passes)
    else:
        total = variance.mean(0) + mean.var(0)  # population variance of all draws together
        assert_moments(case, mean.mean(0), total, n_passes * n_stars)


@EVERY_CASE
def test_fastmcinference_gives_the_analytic_moments(case):
    n_passes, n_stars = (2000, 1) if case.shared else (10, 256)
    result = FastMCInference(n_passes)(case.model(seed=1)).predict(case.stars(n_stars), verbose=0, batch_size=256)
    mean, variance = result[..., 0], result[..., 1]
    assert_moments(case, mean.mean(0), variance.mean(0) + mean.var(0), n_passes * n_stars)


@EVERY_CASE
def test_a_layer_that_is_off_leaves_no_variance(case):
    _, variance = MonteCarloEngine(case.model(disable=True), mc_num=3).predict(case.stars(2))["label"]
    assert (variance == 0).all()


@pytest.mark.parametrize("make", [MCDropout, MCGaussianDropout, MCSpatialDropout1D, MCSpatialDropout2D])
@pytest.mark.parametrize("rate", [-0.1, 1.0, 1.5, "0.3", None, True, float("nan")])
def test_a_rate_outside_zero_to_one_is_refused_by_value(make, rate):
    with pytest.raises(ValueError, match=make.__name__ + ".*rate=" + repr(rate).replace("'", ".")):
        make(rate)
