import keras
import numpy as np
import pytest
from keras import ops
from scipy import stats

from astroNN.nn.layers import FastMCInference, KLDivergenceLayer, MonteCarloEngine, VAESampling
from astroNN.nn.layers._graph import without_dropout
from tests.helpers.gradients import value_and_grad

RNG = np.random.default_rng(0)
MEAN = RNG.normal(size=(6, 3)).astype("float32")
LOG_VAR = RNG.normal(size=(6, 3)).astype("float32")
N_DRAWS = 20_000


def divergences(mean, log_var):
    """Kullback-Leibler divergences from N(0, 1), by scipy's entropy and its numerical integral of ln p."""
    return np.array(
        [
            -stats.norm.entropy(m, s) - stats.norm(m, s).expect(stats.norm.logpdf)
            for m, s in zip(mean.ravel().astype(float), np.exp(0.5 * log_var.ravel().astype(float)), strict=True)
        ]
    ).reshape(mean.shape)


def added_loss(mean, log_var, **kwargs):
    layer = KLDivergenceLayer(**kwargs)
    layer([mean, log_var])
    return float(ops.convert_to_numpy(layer.losses[0]))


def sampling_model(n_latent=3, **kwargs):
    inputs = [keras.Input((n_latent,), name="mean"), keras.Input((n_latent,), name="log_var")]
    return keras.Model(inputs, VAESampling(**kwargs)(inputs))


def test_the_divergence_is_that_of_scipy():
    expected = divergences(MEAN, LOG_VAR).sum(axis=-1).mean()
    # The integral of scipy is good to 1e-8; sums of 18 numbers in float32 to 18 half units.
    np.testing.assert_allclose(added_loss(MEAN, LOG_VAR), expected, rtol=18 * 2.0**-24)


@pytest.mark.tensorflow_only
def test_the_divergence_is_that_of_tensorflow_probability():
    tfp = pytest.importorskip("tensorflow_probability")
    latent = tfp.distributions.MultivariateNormalDiag(MEAN, np.exp(0.5 * LOG_VAR))
    standard = tfp.distributions.MultivariateNormalDiag(np.zeros_like(MEAN))
    expected = float(np.mean(latent.kl_divergence(standard)))
    np.testing.assert_allclose(added_loss(MEAN, LOG_VAR), expected, rtol=36 * 2.0**-24)


def test_the_divergence_of_the_standard_gaussian_is_zero():
    assert added_loss(np.zeros((4, 2), "float32"), np.zeros((4, 2), "float32")) == 0.0


def test_further_axes_are_averaged_like_stars():
    cubes = [array.reshape(2, 3, 3) for array in (MEAN, LOG_VAR)]
    np.testing.assert_allclose(added_loss(*cubes), added_loss(MEAN, LOG_VAR), rtol=1e-6)


def test_the_inputs_come_back_as_a_list():
    outputs = KLDivergenceLayer()([MEAN, LOG_VAR])
    assert isinstance(outputs, list)
    np.testing.assert_array_equal(ops.convert_to_numpy(outputs[0]), MEAN)
    np.testing.assert_array_equal(ops.convert_to_numpy(outputs[1]), LOG_VAR)


def test_the_divergence_is_part_of_the_loss_in_fit():
    inputs = [keras.Input((3,)), keras.Input((3,))]
    mean, log_var = KLDivergenceLayer()(inputs)
    model = keras.Model(inputs, keras.layers.Concatenate()([mean, log_var]))
    model.compile(keras.optimizers.SGD(0.0), loss="mse")
    x = [MEAN, LOG_VAR]
    history = model.fit(x, np.concatenate(x, axis=1), batch_size=6, verbose=0)  # mean squared error zero
    np.testing.assert_allclose(history.history["loss"][0], divergences(MEAN, LOG_VAR).sum(1).mean(), rtol=1e-5)


def test_fit_moves_latent_gaussians_towards_the_standard_one():
    inputs = keras.Input((1,))
    heads = [keras.layers.Dense(2, bias_initializer=keras.initializers.Constant(2.0))(inputs) for _ in range(2)]
    model = keras.Model(inputs, keras.layers.Concatenate()(KLDivergenceLayer()(heads)))
    model.compile(keras.optimizers.SGD(0.1), loss=lambda y_true, y_pred: 0.0 * y_pred)
    model.fit(np.zeros((150, 1), "float32"), np.zeros((150, 4), "float32"), verbose=0, batch_size=1)
    mean, log_var = np.split(model.predict(np.zeros((1, 1), "float32"), verbose=0), 2, axis=1)
    # Gradient descent shrinks the mean by 0.9 a step, and a log variance by about 0.95.
    np.testing.assert_allclose(mean, 0.0, atol=1e-4)
    np.testing.assert_allclose(log_var, 0.0, atol=1e-2)


def test_gradients_of_the_divergence_are_the_analytic_ones():
    layer = KLDivergenceLayer()

    def loss(mean, log_var):
        layer([mean, log_var])
        return layer.losses[-1]

    _, (by_mean, by_log_var) = value_and_grad(loss, MEAN, LOG_VAR)
    np.testing.assert_allclose(by_mean, MEAN / 6, rtol=1e-6)
    np.testing.assert_allclose(by_log_var, 0.5 * (np.exp(LOG_VAR) - 1) / 6, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("dtype", ["mixed_float16", "mixed_bfloat16"])
def test_the_divergence_does_not_overflow_under_mixed_precision(dtype):
    mean, log_var = np.full((2, 4), 300.0, "float32"), np.full((2, 4), 12.0, "float32")
    expected = 4 * -0.5 * (1 + 12 - 300.0**2 - np.exp(12.0))  # both squares and exponential pass 65,504
    half = [ops.cast(array, "float16") for array in (mean, log_var)]
    np.testing.assert_allclose(added_loss(*half, dtype=dtype), expected, rtol=1e-6)


def test_draws_have_the_mean_and_variance_asked_for():
    mean, log_var = np.array([1.5, -2.0], "float32"), np.array([-1.0, 2.0], "float32")
    model = sampling_model(n_latent=2, seed=1)
    x = [np.tile(mean, (N_DRAWS, 1)), np.tile(log_var, (N_DRAWS, 1))]
    z = model.predict(x, verbose=0, batch_size=N_DRAWS).astype("float64")
    variance = np.exp(log_var)
    assert (np.abs(z.mean(0) - mean) < 4 * np.sqrt(variance / N_DRAWS)).all()
    assert (np.abs(z.var(0) - variance) < 4 * variance * np.sqrt(2 / N_DRAWS)).all()
    assert abs(np.corrcoef(z.T)[0, 1]) < 4 / np.sqrt(N_DRAWS)  # elements have noise of their own


def test_draws_are_gaussian():
    zeros = np.zeros((N_DRAWS, 1), "float32")
    z = ops.convert_to_numpy(VAESampling(seed=2)([zeros, zeros]))[:, 0]
    assert stats.kstest(z, "norm").pvalue > 6e-5  # as rare as 4 standard errors


@pytest.mark.parametrize("training", [True, False])
def test_each_call_draws_anew_in_training_and_prediction(training):
    layer = VAESampling(seed=3)
    first, second = (ops.convert_to_numpy(layer([MEAN, LOG_VAR], training=training)) for _ in range(2))
    assert (first != second).all()


def test_fresh_noise_in_each_predict():
    model = sampling_model()
    first, second = (model.predict([MEAN, LOG_VAR], verbose=0) for _ in range(2))
    assert (first != second).all()


def test_the_same_seed_replays_and_another_does_not():
    first, again, other = (ops.convert_to_numpy(VAESampling(seed=s)([MEAN, LOG_VAR])) for s in (7, 7, 8))
    np.testing.assert_array_equal(first, again)
    assert (first != other).all()


def test_the_global_seed_of_keras_repeats_a_layer_without_seed():
    draws = []
    for _ in range(2):
        keras.utils.set_random_seed(5)
        draws.append(sampling_model().predict([MEAN, LOG_VAR], verbose=0))
    np.testing.assert_array_equal(*draws)


def test_disabled_it_gives_the_means():
    layer = VAESampling(disable=True)
    np.testing.assert_array_equal(ops.convert_to_numpy(layer([MEAN, LOG_VAR])), MEAN)
    assert not layer.random_at_inference
    assert VAESampling().random_at_inference


def test_the_settings_are_kept():
    copy = VAESampling.from_config(VAESampling(disable=True, seed=4, name="z").get_config())
    assert (copy.disable, copy.seed, copy.name) == (True, 4, "z")


def test_a_saved_model_still_draws(tmp_path):
    model = sampling_model(seed=9)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    first, second = (loaded.predict([MEAN, LOG_VAR], verbose=0) for _ in range(2))
    assert (first != second).all()
    assert loaded.layers[-1].seed == 9


def test_gradients_reach_mean_and_log_variance():
    z, (by_mean, by_log_var) = value_and_grad(lambda m, v: VAESampling(seed=1)([m, v]), MEAN, LOG_VAR)
    np.testing.assert_array_equal(by_mean, 1.0)
    np.testing.assert_allclose(by_log_var, 0.5 * (z - MEAN), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_under_mixed_precision_draws_are_finite_and_of_the_policys_type(dtype):
    x = [ops.zeros((1000, 1), dtype), ops.full((1000, 1), -40.0, dtype)]
    z = VAESampling(seed=1, dtype=f"mixed_{dtype}")(x)
    assert keras.backend.standardize_dtype(z.dtype) == dtype
    spread = ops.convert_to_numpy(ops.std(ops.cast(z, "float32") * 1e6))
    # exp(-20) = 2.06e-9 is nothing in float16 (least number 6e-8), but fine in bfloat16.
    assert np.isfinite(spread)
    wide = VAESampling(seed=1, dtype=f"mixed_{dtype}")(
        [ops.zeros((1000, 1), dtype), ops.full((1000, 1), 16.0, dtype)]
    )
    spread = float(ops.convert_to_numpy(ops.std(ops.cast(wide, "float32"))))
    assert abs(spread / np.exp(8.0) - 1) < 4 / np.sqrt(2 * 1000) + 2.0**-8


def latent_model():
    """Two latent numbers drawn, then summed with weights 1 and 2."""
    inputs = keras.Input((4,), name="input")
    z = VAESampling(seed=1, name="z")([inputs[:, :2], inputs[:, 2:]])
    dense = keras.layers.Dense(1, use_bias=False, name="label")
    model = keras.Model(inputs, dense(z))
    dense.kernel.assign([[1.0], [2.0]])
    return model


LATENT = np.repeat([[0.5, -1.0, -1.0, 0.5]], 3, axis=0).astype("float32")
LABEL_MEAN, LABEL_VAR = 0.5 - 2.0, np.exp(-1.0) + 4 * np.exp(0.5)


@pytest.mark.parametrize("sampling", ["exact", "per_star"])
def test_the_monte_carlo_engine_gives_the_known_moments(sampling):
    n = 2000
    mean, variance = MonteCarloEngine(latent_model(), mc_num=n, sampling=sampling).predict(LATENT)["label"]
    assert (np.abs(mean - LABEL_MEAN) < 4 * np.sqrt(LABEL_VAR / n)).all()
    assert (np.abs(variance - LABEL_VAR) < 4 * LABEL_VAR * np.sqrt(2 / n)).all()


def test_in_the_engine_each_star_has_draws_of_its_own():
    draws = MonteCarloEngine(latent_model(), mc_num=5).draws(LATENT)["label"]
    assert len(np.unique(draws)) == draws.size


def test_fastmcinference_gives_the_known_moments():
    n = 2000
    moments = FastMCInference(n)(latent_model()).predict(LATENT, verbose=0)
    assert (np.abs(moments[..., 0] - LABEL_MEAN) < 4 * np.sqrt(LABEL_VAR / n)).all()
    assert (np.abs(moments[..., 1] - LABEL_VAR) < 4 * LABEL_VAR * np.sqrt(2 / n)).all()


def test_fastmcinference_takes_both_layers_of_an_autoencoder():
    inputs = keras.Input((4,), name="input")
    drawn = VAESampling(seed=1)([inputs[:, :2], inputs[:, 2:]])
    kept = KLDivergenceLayer()([drawn, inputs[:, 2:]])  # behind the draw: its loss belongs to each pass
    moments = FastMCInference(500)(keras.Model(inputs, kept[0])).predict(LATENT, verbose=0)
    assert (np.abs(moments[..., 0] - LATENT[:, :2]) < 4 * np.exp(0.5 * LATENT[:, 2:]) / np.sqrt(500)).all()


def test_without_noise_a_network_sees_the_means():
    calm = without_dropout(latent_model())
    np.testing.assert_allclose(calm.predict(LATENT, verbose=0), LABEL_MEAN, rtol=1e-6)


@pytest.mark.parametrize("layer", [KLDivergenceLayer, VAESampling])
def test_anything_but_two_tensors_of_one_shape_is_refused(layer):
    with pytest.raises(ValueError, match="list of two tensors"):
        layer()(MEAN)
    with pytest.raises(ValueError, match="list of two tensors"):
        layer()([MEAN, LOG_VAR, MEAN])
    with pytest.raises(ValueError, match=r"same shape, got \(6, 3\) and \(6, 2\)"):
        layer()([MEAN, LOG_VAR[:, :2]])


def test_the_divergence_of_a_layer_in_float64_is_part_of_the_loss_in_fit():
    inputs = [keras.Input((3,), dtype="float64"), keras.Input((3,), dtype="float64")]
    model = keras.Model(inputs, KLDivergenceLayer(dtype="float64")(inputs)[0])
    scale = keras.layers.Dense(3, kernel_initializer="identity", dtype="float64")  # torch wants a weight
    model = keras.Model(inputs, scale(model.output))
    model.compile(keras.optimizers.SGD(0.0), loss=lambda y_true, y_pred: 0.0 * y_pred)
    x = [MEAN.astype("float64"), LOG_VAR.astype("float64")]
    found = model.fit(x, x[0], batch_size=6, verbose=0).history["loss"][0]
    np.testing.assert_allclose(found, divergences(MEAN, LOG_VAR).sum(1).mean(), rtol=1e-5)
