import keras
import numpy as np
import pytest
from keras import ops
from scipy import optimize
from scipy.special import expit, logit

from astroNN.nn.layers import MCConcreteDropout, MonteCarloEngine
from astroNN.nn.layers._graph import without_dropout
from astroNN.nn.layers._masks import NoiseStream

QUANTILES = (np.arange(20_000) + 0.5) / 20_000


def as_numpy(tensor):
    return ops.convert_to_numpy(tensor)


def mask_moments(p, temperature=0.1):
    """Mean and variance of the relaxed mask (equation 5 of arXiv:1705.07832), by quadrature."""
    drop = expit((logit(p) + logit(QUANTILES)) / temperature)
    mask = (1 - drop) / (1 - p)
    return mask.mean(), mask.var()


def regularization(p, kernel, n_inputs, weight, dropout):
    entropy = -p * np.log(p) - (1 - p) * np.log(1 - p)
    return weight * np.sum(kernel**2) / (1 - p) - dropout * n_inputs * entropy


def best_rate(x, y, noise, weight, dropout):
    """Rate at the minimum of the expected loss of a linear model, which is a quadratic form in its weights."""

    def objective(parameters):
        kernel, p = parameters[:-1], expit(parameters[-1])
        mean, variance = mask_moments(p)
        squares = np.mean((y - mean * x @ kernel) ** 2) + variance * np.mean(x**2, axis=0) @ kernel**2
        return squares / noise**2 + regularization(p, kernel, len(kernel), weight, dropout)

    start = np.append(np.linalg.lstsq(x, y, rcond=None)[0], -1.0)
    return expit(optimize.minimize(objective, start).x[-1])


class Rates(keras.callbacks.Callback):
    def __init__(self, layer):
        super().__init__()
        self.layer, self.rates = layer, []

    def on_epoch_end(self, epoch, logs=None):
        self.rates.append(self.layer.rate)


def learned_rates(x, y, noise, weight, dropout):
    """Rates after each of 30 epochs of a linear model, trained with squared errors over the noise variance."""
    keras.utils.set_random_seed(2)
    dense = keras.layers.Dense(1, use_bias=False)
    layer = MCConcreteDropout(dense, weight_regularizer=weight, dropout_regularizer=dropout)
    inputs = keras.Input((x.shape[1],))
    model = keras.Model(inputs, layer(inputs))

    def loss(truth, prediction):
        return ops.mean(ops.square((truth - prediction) / noise), axis=-1)

    decay = keras.optimizers.schedules.ExponentialDecay(0.1, 150, 0.5)
    # XLA makes random numbers slow on the CPU; JAX knows nothing else.
    model.compile(keras.optimizers.Adam(decay), loss=loss, jit_compile=keras.backend.backend() == "jax")
    copies = 9600 // len(x)  # in one batch: the same data, many masks
    batch = [np.tile(values, (copies, 1)).astype("float32") for values in (x, y[:, None])]
    epoch = [np.tile(values, (15, 1)) for values in batch]
    callback = Rates(layer)
    model.fit(*epoch, batch_size=len(batch[0]), epochs=30, shuffle=False, verbose=0, callbacks=[callback])
    return np.array(callback.rates)


def problem(n_stars, noise):
    """Four weights of one, seen through noise; the regularisation factors are those of the paper."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(n_stars, 4))
    return x, x @ np.ones(4) + noise * rng.normal(size=n_stars), noise, 1e-4 / n_stars, 2.0 / n_stars


# Scatter of the logit of the learned rate between eight seeds; their mean is off by less than 0.03.
@pytest.mark.slow
@pytest.mark.parametrize(("n_stars", "noise", "scatter"), [(100, 10.0, 0.01), (300, 10.0, 0.06), (300, 7.0, 0.09)])
def test_the_learned_rate_is_that_of_the_minimum_of_the_expected_loss(n_stars, noise, scatter):
    data = problem(n_stars, noise)
    learned, best = logit(learned_rates(*data)[15:]).mean(), logit(best_rate(*data))
    assert abs(learned - best) < 4 * scatter  # the best rates are 1.5 apart
    assert abs(learned - best) < 0.5 * abs(logit(0.15) - best)  # where training starts


def test_more_data_and_less_noise_make_the_best_rate_smaller():
    """The truth that the test above compares with behaves as the paper says (its figure 2)."""
    few, many, sharp = (best_rate(*problem(*which)) for which in ((100, 10.0), (300, 10.0), (300, 7.0)))
    assert 0.5 > few > many > sharp > 0


def one_step(layer, x):
    """Changes of the weights in a step of plain gradient descent with rate 1 on the regularisation alone."""
    inputs = keras.Input(x.shape[1:])
    model = keras.Model(inputs, layer(inputs))
    model.compile(keras.optimizers.SGD(1.0), loss=lambda truth, prediction: 0.0 * ops.mean(prediction))
    before = [as_numpy(w).astype("float64") for w in layer.trainable_weights]
    model.fit(x, np.zeros((len(x), 1)), verbose=0)
    return before, [as_numpy(w) - old for w, old in zip(layer.trainable_weights, before, strict=True)]


@pytest.mark.parametrize("dtype", ["float32", "mixed_float16"])
def test_the_regularisation_reaches_the_loss_with_its_gradient(dtype):
    weight, dropout, p, n_inputs = 0.02, 0.03, 0.2, 6
    dense = keras.layers.Dense(5, dtype=dtype)
    layer = MCConcreteDropout(dense, weight, dropout, init_min=p, init_max=p, seed=1, dtype=dtype)
    before, change = one_step(layer, np.zeros((4, n_inputs), "float32"))
    kernel = before[1]
    np.testing.assert_allclose(change[1], -2 * weight * kernel / (1 - p), rtol=1e-4, atol=1e-7)
    # d/dlogit = p (1 - p) d/dp
    slope = p * (1 - p) * (weight * np.sum(kernel**2) / (1 - p) ** 2 + dropout * n_inputs * np.log(p / (1 - p)))
    np.testing.assert_allclose(change[0], -slope, rtol=1e-4)
    np.testing.assert_array_equal(change[2], 0.0)


def test_the_loss_is_the_formula_and_is_added_once_for_a_layer_that_is_called_twice():
    layer = MCConcreteDropout(keras.layers.Dense(4), 0.02, 0.03, init_min=0.3, init_max=0.3)
    inputs = keras.Input((4,))
    model = keras.Model(inputs, layer(layer(inputs)))
    kernel = as_numpy(layer.layer.kernel).astype("float64")
    losses = [float(as_numpy(loss)) for loss in model.losses]
    np.testing.assert_allclose(losses, [regularization(0.3, kernel, 4, 0.02, 0.03)], rtol=1e-5)


def test_half_precision_does_not_round_the_default_regularisation_away():
    dense = keras.layers.Dense(3, kernel_initializer=keras.initializers.Constant(1e-3), dtype="mixed_float16")
    layer = MCConcreteDropout(dense, dropout_regularizer=0.0, init_min=0.5, init_max=0.5, dtype="mixed_float16")
    layer(np.ones((1, 4), "float32"))
    np.testing.assert_allclose(float(as_numpy(layer.losses[0])), 5e-13 * 12 * 1e-6 / 0.5, rtol=1e-3)
    assert keras.backend.standardize_dtype(layer.p_logit.dtype) == "float32"


def test_inputs_of_all_axes_count_for_the_entropy():
    layer = MCConcreteDropout(keras.layers.Conv1D(2, 3), 0.0, 1.0, init_min=0.25, init_max=0.25)
    layer.build((None, 10, 3))
    np.testing.assert_allclose(
        float(as_numpy(layer.losses[0])), regularization(0.25, np.zeros(1), 30, 0, 1), rtol=1e-5
    )


@pytest.mark.parametrize(
    ("wrapped", "shape"),
    [
        (lambda: keras.layers.Dense(3), (6,)),
        (lambda: keras.layers.Conv1D(3, 2), (8, 2)),
        (lambda: keras.layers.Conv2D(3, 2), (6, 5, 2)),
    ],
)
def test_it_is_the_wrapped_layer_on_masked_inputs_with_the_weights_in_order(wrapped, shape, tmp_path):
    layer = MCConcreteDropout(wrapped(), init_min=0.4, init_max=0.4, seed=1)
    inputs = keras.Input(shape)
    model = keras.Model(inputs, layer(inputs))
    assert [w.name for w in layer.weights] == ["p_logit", "kernel", "bias"]
    assert layer.p_logit.shape == (1,)
    x = np.random.default_rng(0).normal(size=(3, *shape)).astype("float32")
    uniform = np.random.default_rng(1).uniform(size=x.shape)
    mask = (1 - expit((logit(0.4) + logit(uniform)) / 0.1)) / 0.6
    expected = as_numpy(layer.layer((x * mask).astype("float32")))
    noisy = as_numpy(
        layer.call_with_noise(ops.convert_to_tensor(x), ops.convert_to_tensor(uniform.astype("float32")))
    )
    np.testing.assert_allclose(noisy, expected, rtol=1e-3, atol=1e-4)
    assert model.output.shape == tuple(layer.compute_output_shape((None, *shape)))
    np.testing.assert_allclose(as_numpy(without_dropout(model)(x)), as_numpy(layer.layer(x)), rtol=1e-6)
    model.save(tmp_path / "model.keras")
    copy = keras.models.load_model(tmp_path / "model.keras").layers[-1]
    assert type(copy.layer) is type(layer.layer)
    assert copy.layer.get_config() == layer.layer.get_config()


def test_disabled_it_is_the_wrapped_layer_without_any_loss():
    layer = MCConcreteDropout(keras.layers.Dense(3), disable=True)
    x = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
    np.testing.assert_array_equal(as_numpy(layer(x)), as_numpy(layer.layer(x)))
    assert [float(as_numpy(loss)) for loss in layer.losses] == [0.0]


def test_the_first_rate_lies_in_its_range_and_follows_the_seed():
    rates = []
    for seed in (1, 2, 3, 1):
        layer = MCConcreteDropout(keras.layers.Dense(1), init_min=0.05, init_max=0.6, seed=seed)
        layer.build((None, 2))
        rates.append(layer.rate)
    assert all(0.05 <= rate <= 0.6 for rate in rates)
    assert rates[0] == rates[3]
    assert len(set(rates)) == 3


def test_the_rate_of_old_configs_is_the_first_rate():
    config = MCConcreteDropout(keras.layers.Dense(3)).get_config()
    old = {key: config[key] for key in ("layer", "weight_regularizer", "dropout_regularizer")}
    layer = MCConcreteDropout.from_config({**old, "rate": 0.37})
    layer.build((None, 4))
    assert layer.rate == pytest.approx(0.37, rel=1e-6)
    with pytest.raises(ValueError, match="doesn't hold the wrapped layer"):
        MCConcreteDropout.from_config({"rate": 0.37})


def test_the_fast_setting_may_use_it_around_convolutions_only():
    assert MCConcreteDropout(keras.layers.Conv1D(2, 3)).independent_elements
    assert not MCConcreteDropout(keras.layers.Dense(2)).independent_elements
    noise = MCConcreteDropout(keras.layers.Dense(2)).sample_noise(NoiseStream(1, 0, 0, 0), (200, 1000))
    assert 0 < noise.min() < noise.max() < 1
    assert abs(noise.mean() - 0.5) < 4 * np.sqrt(1 / 12 / noise.size)


def test_around_convolutions_the_fast_setting_agrees_with_exact_passes():
    keras.utils.set_random_seed(1)
    inputs = keras.Input((100, 1))
    conv = MCConcreteDropout(keras.layers.Conv1D(3, 5, activation="relu"), init_min=0.2, init_max=0.2)
    x = keras.layers.Dense(16, activation="relu")(keras.layers.Flatten()(conv(inputs)))
    last = MCConcreteDropout(keras.layers.Dense(2), init_min=0.1, init_max=0.1, name="label")
    model = keras.Model(inputs, last(x))
    x = np.random.default_rng(2).normal(size=(128, 100, 1)).astype("float32")
    mean, variance = MonteCarloEngine(model, mc_num=1000, seed=1).predict(x)["label"]
    fast = MonteCarloEngine(model, mc_num=200, seed=2, sampling="fast")
    assert type(fast._sampler).__name__ == "FastSampler"
    fast_mean, fast_variance = fast.predict(x)["label"]
    # Two blocks of stars, each with its own noise; medians are no worse than one block's errors.
    assert np.median(np.abs(fast_mean - mean) / np.sqrt(variance)) < 4 * np.sqrt(1 / 200 + 1 / 1000)
    assert abs(np.median(fast_variance / variance) - 1) < 4 * np.sqrt(2 / 200 + 2 / 1000)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"kernel_regularizer": "l2"}, "kernel_regularizer.*'l2'.*weight_regularizer"),
        ({"init_min": 0.0}, "0 < init_min.*got 0.0"),
        ({"init_max": 1.0}, "init_max < 1.*1.0"),
        ({"init_min": 0.3, "init_max": 0.2}, "0.3 and 0.2"),
        ({"init_min": "a"}, "'a'"),
        ({"weight_regularizer": -1.0}, "weight_regularizer.*-1.0"),
        ({"dropout_regularizer": float("nan")}, "dropout_regularizer.*nan"),
        ({"dropout_regularizer": True}, "dropout_regularizer.*True"),
    ],
)
def test_bad_settings_are_named(kwargs, message):
    with pytest.raises(ValueError, match=message):
        MCConcreteDropout(keras.layers.Dense(2), **kwargs)


def test_what_cannot_be_wrapped_or_built_is_refused():
    with pytest.raises(TypeError, match="kernel.*Activation"):
        MCConcreteDropout(keras.layers.Activation("relu"))(np.ones((2, 3), "float32"))
    with pytest.raises(ValueError, match="must be fixed"):
        MCConcreteDropout(keras.layers.Conv1D(2, 3))(keras.Input((None, 2)))
    with pytest.raises(ValueError, match="before it is built.*0.1 and 0.2"):
        _ = MCConcreteDropout(keras.layers.Dense(2)).rate


def test_a_layer_in_float64_trains_with_its_regularisation():
    dense = keras.layers.Dense(1, dtype="float64")
    layer = MCConcreteDropout(dense, 0.02, 0.03, init_min=0.2, init_max=0.2, seed=1, dtype="float64")
    inputs = keras.Input((4,), dtype="float64")
    model = keras.Model(inputs, layer(inputs))
    model.compile(keras.optimizers.SGD(0.0), loss=lambda truth, prediction: 0.0 * prediction)
    found = model.fit(np.ones((4, 4)), np.ones((4, 1)), verbose=0).history["loss"][0]
    np.testing.assert_allclose(found, regularization(0.2, as_numpy(dense.kernel), 4, 0.02, 0.03), rtol=1e-5)


def test_the_config_tells_the_rate_which_does_not_replace_the_range_of_the_first():
    layer = MCConcreteDropout(keras.layers.Dense(3), init_min=0.2, init_max=0.3)
    assert layer.get_config()["rate"] is None  # not built
    layer.build((None, 4))
    layer.p_logit.assign([logit(0.45)])
    config = layer.get_config()
    assert config["rate"] == layer.rate == pytest.approx(0.45, rel=1e-6)
    copy = MCConcreteDropout.from_config(config)
    assert (copy.init_min, copy.init_max) == (0.2, 0.3)
    old = {key: value for key, value in config.items() if key not in ("init_min", "init_max")}
    assert MCConcreteDropout.from_config(old).init_min == pytest.approx(0.45, rel=1e-6)
