import keras
import numpy as np
import pytest
from keras import layers, ops

from astroNN.nn.layers import FastMCInference, FastMCInferenceMeanVar, FastMCRepeat, MCDropout, MonteCarloEngine
from astroNN.nn.layers._graph import Link, is_random, record, without_dropout
from astroNN.nn.layers._masks import NoiseStream, StratifiedStream

RATE = 0.3


def linear_model(n_inputs=40, n_outputs=3, seed=None):
    inputs = keras.Input((n_inputs,))
    return keras.Model(inputs, layers.Dense(n_outputs, name="label")(MCDropout(RATE, seed=seed)(inputs)))


def small_bcnn(n_pixels=200, n_labels=3):
    """ApogeeBCNN's graph, smaller."""
    inputs = keras.Input((n_pixels, 1), name="input")
    x = layers.Activation("relu")(layers.Conv1D(2, 8, padding="same")(inputs))
    x = MCDropout(RATE)(x)
    x = layers.Activation("relu")(layers.Conv1D(4, 8, padding="same")(x))
    x = MCDropout(RATE)(layers.Flatten()(layers.MaxPooling1D(4)(x)))
    x = MCDropout(RATE)(layers.Dense(32, activation="relu")(x))
    x = layers.Dense(16, activation="relu")(x)
    heads = {name: layers.Dense(n_labels, name=name)(x) for name in ("output", "variance_output")}
    return keras.Model(inputs, heads)


def branched_model():
    """Two inputs, dropout in one branch, a skip connection, a plain op, two outputs in a list."""
    a, b = keras.Input((12,), name="a"), keras.Input((5,), name="b")
    wide = MCDropout(RATE)(layers.Dense(20, activation="relu")(a))
    both = layers.Concatenate()([layers.Dense(7)(wide), b])
    both = layers.Add()([layers.Dense(20)(both), wide])
    return keras.Model(
        {"a": a, "b": b}, [layers.Dense(2, name="random")(ops.tanh(both)), layers.Dense(1, name="sure")(b)]
    )


@pytest.fixture(scope="module")
def trained():
    """A network that has learned the depths of noisy lines, and 96 spectra it has not seen."""
    keras.utils.set_random_seed(4)
    rng = np.random.default_rng(4)
    labels = rng.uniform(-1, 1, (1000, 3)).astype("float32")
    profiles = np.exp(-0.5 * ((np.arange(200) - rng.uniform(0, 200, (30, 1))) / 2.0) ** 2)
    spectra = np.tanh(labels @ rng.normal(size=(3, 30))) @ profiles + rng.normal(size=(1000, 200)) * 0.1
    spectra = spectra[..., None].astype("float32")
    model = small_bcnn()
    model.compile(keras.optimizers.Adam(5e-3), {"output": "mse", "variance_output": "mse"})
    targets = {"output": labels[:-96], "variance_output": labels[:-96]}
    model.fit(spectra[:-96], targets, batch_size=64, epochs=4, verbose=0)
    return model, spectra[-96:]


def test_a_linear_layer_after_dropout_has_its_known_mean_and_variance():
    model, n = linear_model(), 1000
    x = np.random.default_rng(1).normal(size=(64, 40)).astype("float32")
    kernel, bias = (np.asarray(w, "float64") for w in model.layers[-1].get_weights())
    mean, variance = MonteCarloEngine(model, mc_num=n).predict(x)["label"]
    true_variance = RATE / (1 - RATE) * (x.astype("float64") ** 2) @ kernel**2
    shift = (mean - (x @ kernel + bias)) / np.sqrt(true_variance / n)
    assert np.abs(shift).max() < 5.5
    assert np.abs(variance / true_variance - 1).max() < 6 * np.sqrt(2 / n)


@pytest.mark.parametrize("sampling", ["exact", "per_star"])
def test_moments_are_those_of_the_draws(sampling):
    x = np.random.default_rng(2).normal(size=(70, 200, 1)).astype("float32")
    engine = MonteCarloEngine(small_bcnn(), mc_num=20, seed=3, sampling=sampling)
    draws = engine.draws(x)
    for name, (mean, variance) in engine.predict(x).items():
        assert draws[name].shape == (20, 70, 3)
        np.testing.assert_allclose(mean, draws[name].astype("float64").mean(0), atol=1e-6)
        np.testing.assert_allclose(variance, draws[name].astype("float64").var(0), rtol=1e-4, atol=1e-9)


def test_running_moments_do_not_cancel_far_from_zero():
    model = linear_model(n_outputs=1)
    model.layers[-1].set_weights([np.full((40, 1), 0.01, "float32"), np.array([5000.0], "float32")])
    x = np.ones((4, 40), "float32")
    _, variance = MonteCarloEngine(model, mc_num=500).predict(x)["label"]
    # Steps of float32 at 5000 are 5e-4, the spread is 0.04; squares summed would be lost at 25e6.
    np.testing.assert_allclose(variance, RATE / (1 - RATE) * 40 * 1e-4, rtol=6 * np.sqrt(2 / 500))


@pytest.mark.parametrize("sampling", ["exact", "per_star", "fast"])
def test_a_star_depends_on_its_index_and_seed_alone(sampling):
    x = np.random.default_rng(3).normal(size=(140, 200, 1)).astype("float32")
    engine = MonteCarloEngine(small_bcnn(), mc_num=10, seed=1, sampling=sampling)
    whole = engine.predict(x)["output"]
    fewer = engine.predict(x[:100])["output"]
    tail = engine.predict(x[128:], first_star=128)["output"]
    for all_stars, first_stars, last_stars in zip(whole, fewer, tail, strict=True):
        np.testing.assert_allclose(all_stars[:100], first_stars, rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(all_stars[128:], last_stars, rtol=1e-5, atol=1e-7)


def test_blocks_have_masks_of_their_own_and_the_seed_changes_them():
    x = np.ones((65, 40), "float32")
    model = linear_model()
    mean, _ = MonteCarloEngine(model, mc_num=5, seed=1).predict(x)["label"]
    again, _ = MonteCarloEngine(model, mc_num=5, seed=1).predict(x)["label"]
    other, _ = MonteCarloEngine(model, mc_num=5, seed=2).predict(x)["label"]
    np.testing.assert_allclose(mean[:64], np.repeat(mean[:1], 64, axis=0), rtol=1e-5)
    assert np.abs(mean[64] - mean[0]).max() > 1e-3
    np.testing.assert_allclose(mean, again, rtol=1e-6)
    assert np.abs(mean[0] - other[0]).max() > 1e-3


def test_per_star_masks_differ_within_a_block():
    mean, _ = MonteCarloEngine(linear_model(), mc_num=5, sampling="per_star").predict(np.ones((2, 40), "float32"))[
        "label"
    ]
    assert np.abs(mean[0] - mean[1]).max() > 1e-3


@pytest.mark.slow
def test_all_samplings_agree_with_plain_calls_on_a_trained_network(trained):
    model, x = trained
    plain = np.stack([ops.convert_to_numpy(model(x)["output"]) for _ in range(150)]).astype("float64")
    for sampling, n in (("exact", 400), ("per_star", 400), ("fast", 400)):
        mean, variance = MonteCarloEngine(model, n, seed=2, sampling=sampling).predict(x)["output"]
        ratio = np.median(np.sqrt(variance) / plain.std(0), axis=0)
        # Two blocks of masks, each good to 1 / sqrt(2 * 400): 2.5% together; 4 sigma.
        assert np.abs(ratio - 1).max() < 0.1, (sampling, ratio)
        assert np.median(np.abs(mean - plain.mean(0)) / plain.std(0)) < 0.15, sampling


def test_the_plan_for_a_network_with_branches_inputs_and_a_list_of_outputs():
    rng = np.random.default_rng(5)
    x = {"a": rng.normal(size=(30, 12)).astype("float32"), "b": rng.normal(size=(30, 5)).astype("float32")}
    model = branched_model()
    result = MonteCarloEngine(model, mc_num=300).predict(x)
    plain = np.stack([ops.convert_to_numpy(model(x)[0]) for _ in range(100)])
    assert set(result) == {"random", "sure"}
    np.testing.assert_allclose(result["sure"][0], ops.convert_to_numpy(model(x)[1]), rtol=1e-5, atol=1e-6)
    assert (result["sure"][1] == 0).all()
    np.testing.assert_allclose(np.median(np.sqrt(result["random"][1]) / plain.std(0)), 1.0, atol=0.12)


def test_a_network_without_random_layers_runs_once_and_has_no_variance():
    inputs = keras.Input((4,))
    model = keras.Sequential([inputs, layers.Dense(2, name="label")])
    x = np.random.default_rng(6).normal(size=(5, 4)).astype("float32")
    engine = MonteCarloEngine(model)
    mean, variance = engine.predict(x)["label"]
    assert engine.deterministic
    np.testing.assert_allclose(mean, ops.convert_to_numpy(model(x)), rtol=1e-5, atol=1e-6)
    assert (variance == 0).all()


def test_random_layers_in_a_nested_model_are_found():
    inner = linear_model()
    inputs = keras.Input((40,))
    model = keras.Model(inputs, layers.Dense(1, name="label")(inner(inputs)))
    _, variance = MonteCarloEngine(model, mc_num=10).predict(np.ones((3, 40), "float32"))["label"]
    assert (variance > 0).all()
    kinds = [type(step.operation) for step in record(model).steps]
    assert kinds == [Link, MCDropout, layers.Dense, Link, layers.Dense]
    assert not any(is_random(layer) for layer in without_dropout(model).layers)


@keras.saving.register_keras_serializable(package="astroNN.tests")
class OwnNoise(layers.Layer):
    """Random at prediction, without the protocol: the engine has to call it."""

    random_at_inference = True

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seed_generator = keras.random.SeedGenerator(3)

    def call(self, inputs):
        return inputs + keras.random.normal(ops.shape(inputs), seed=self.seed_generator)


def test_an_unknown_random_layer_is_called_in_every_pass():
    inputs = keras.Input((200,))
    model = keras.Model(inputs, OwnNoise(name="label")(inputs))
    x = np.zeros((64, 200), "float32")
    engine = MonteCarloEngine(model, mc_num=40)
    for moments in (engine.predict(x)["label"], engine.predict(x)["label"]):
        assert abs(moments[1].mean() - 39 / 40) < 0.02  # population variance of 40 unit normals
        assert abs(moments[0].std() - 1 / np.sqrt(40)) < 0.01
    transformed = FastMCInference(40)(model).predict(x, verbose=0, batch_size=64)
    assert abs(transformed[..., 1].mean() - 39 / 40) < 0.02


@pytest.mark.skipif(keras.backend.backend() == "torch", reason="torch runs without tracing")
@pytest.mark.parametrize("sampling", ["exact", "fast"])
def test_nothing_is_traced_again_for_other_numbers_of_stars(sampling):
    engine = MonteCarloEngine(small_bcnn(), mc_num=4, sampling=sampling)
    x = np.zeros((200, 200, 1), "float32")
    engine.predict(x[:64])
    traces = engine.n_traces
    for n_stars in (1, 64, 65, 200):
        engine.predict(x[:n_stars])
    assert engine.n_traces == traces <= 3


def test_later_training_is_seen():
    model = linear_model()
    engine = MonteCarloEngine(model, mc_num=5)
    x = np.ones((2, 40), "float32")
    before = engine.predict(x)["label"][0]
    kernel, bias = model.layers[-1].get_weights()
    model.layers[-1].set_weights([kernel, bias + 2.0])
    np.testing.assert_allclose(engine.predict(x)["label"][0], before + 2.0, atol=1e-5)


def test_progress_is_told_the_stars_done():
    seen = []
    MonteCarloEngine(linear_model(), mc_num=2).predict(np.ones((130, 40), "float32"), progress=seen.append)
    assert seen == [64, 128, 130]


def test_a_network_that_the_fast_setting_does_not_fit_is_sampled_exactly_with_a_warning():
    inputs = keras.Input((6,))
    x = MCDropout(RATE, noise_shape=(None, 1))(inputs)
    model = keras.Model(inputs, layers.Dense(1, name="label")(x))
    with pytest.warns(UserWarning, match="sampled exactly"):
        engine = MonteCarloEngine(model, mc_num=7, sampling="fast")
    assert engine.draws(np.ones((2, 6), "float32"))["label"].shape == (7, 2, 1)


def test_the_fast_setting_keeps_correlations_between_hidden_units():
    """Two outputs that see the same inputs with opposite weights: their sum must not scatter."""
    inputs = keras.Input((500,))
    hidden = layers.Dense(2, name="hidden")(MCDropout(RATE)(inputs))
    model = keras.Model(inputs, layers.Dense(1, name="label", use_bias=False)(hidden))
    kernel = np.random.default_rng(7).normal(size=(500, 1)).astype("float32")
    model.get_layer("hidden").set_weights([np.hstack([kernel, -kernel]), np.zeros(2, "float32")])
    model.get_layer("label").set_weights([np.ones((2, 1), "float32")])
    _, variance = MonteCarloEngine(model, sampling="fast").predict(np.ones((3, 500), "float32"))["label"]
    assert variance.max() < 1e-6 * (kernel**2).sum()


@pytest.mark.parametrize("mc_num", [1, 0, -3, 2.5, "10", True, None])
def test_fewer_than_two_passes_are_refused(mc_num):
    with pytest.raises(ValueError, match="mc_num"):
        MonteCarloEngine(linear_model(), mc_num=mc_num)


def test_bad_arguments_are_named():
    model = linear_model()
    with pytest.raises(ValueError, match="sampling.*'quick'"):
        MonteCarloEngine(model, sampling="quick")
    with pytest.raises(TypeError, match="str"):
        MonteCarloEngine("model")
    engine = MonteCarloEngine(model, mc_num=2)
    with pytest.raises(ValueError, match="multiple of 64.*65"):
        engine.predict(np.ones((2, 40), "float32"), first_star=65)
    with pytest.raises(ValueError, match=r"n_stars, 40.*\(2, 41\)"):
        engine.predict(np.ones((2, 41), "float32"))
    with pytest.raises(ValueError, match="no star"):
        engine.predict(np.ones((0, 40), "float32"))
    with pytest.raises(ValueError, match="lacks the inputs"):
        MonteCarloEngine(branched_model(), mc_num=2).predict({"a": np.ones((2, 12))})
    with pytest.raises(ValueError, match="draws"):
        MonteCarloEngine(small_bcnn(), sampling="fast").draws(np.ones((2, 200, 1), "float32"))


def test_without_dropout_is_the_mean_network_with_the_same_weights():
    model = small_bcnn()
    quiet = without_dropout(model)
    x = np.random.default_rng(8).normal(size=(3, 200, 1)).astype("float32")
    first, second = quiet(x)["output"], quiet(x)["output"]
    np.testing.assert_array_equal(ops.convert_to_numpy(first), ops.convert_to_numpy(second))
    assert quiet.weights[0] is model.weights[0]
    for layer in model.layers:
        layer.disable = True
    np.testing.assert_allclose(
        ops.convert_to_numpy(first), ops.convert_to_numpy(model(x)["output"]), rtol=1e-5, atol=1e-7
    )


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize(("n_pixels", "width", "pool", "filters"), [(53, 8, 4, 4), (64, 5, 2, 3), (50, 3, 3, 1)])
def test_convolution_and_pooling_in_blocks_are_the_layers_they_replace(padding, n_pixels, width, pool, filters):
    inputs = keras.Input((n_pixels, 2))
    x = layers.Conv1D(filters, width, padding=padding, bias_initializer="normal")(inputs)
    model = keras.Model(inputs, layers.MaxPooling1D(pool, name="pooled")(layers.Activation("relu")(x)))
    engine = MonteCarloEngine(model)
    assert len(engine._graph.steps) == 2  # blocked kernel, blocked convolution: else this tests nothing
    x = np.random.default_rng(9).normal(size=(3, n_pixels, 2)).astype("float32")
    np.testing.assert_allclose(engine.predict(x)["pooled"][0], ops.convert_to_numpy(model(x)), rtol=1e-4, atol=1e-5)


def test_noise_is_the_same_at_the_same_address_and_differs_at_any_other():
    first = NoiseStream(1, 2, 3, 4).integers((5, 7))
    assert first.dtype == np.uint16
    np.testing.assert_array_equal(first, NoiseStream(1, 2, 3, 4).integers((5, 7)))
    for address in ((0, 2, 3, 4), (1, 0, 3, 4), (1, 2, 0, 4), (1, 2, 3, 0)):
        assert (first != NoiseStream(*address).integers((5, 7))).any()


def test_stratified_noise_drops_each_input_equally_often_and_each_mask_is_a_fair_one():
    masks = MCDropout(RATE).sample_noise(StratifiedStream(0, 0, 0, 0), (10, 20_000))
    assert set((~masks).sum(axis=0)) <= {2, 3, 4}  # the rate is met to 1 / 65,536
    assert ((~masks).sum(axis=0) == 3).mean() > 0.999
    standard_error = np.sqrt(RATE * (1 - RATE) / 20_000)
    assert np.abs((~masks).mean(axis=1) - RATE).max() < 4.5 * standard_error
    correlation = np.corrcoef(masks[0, :-1], masks[0, 1:])[0, 1]
    assert abs(correlation) < 4.5 / np.sqrt(20_000)


@pytest.mark.parametrize("form", ["called", "attribute"])
def test_fastmcinference_returns_mean_and_variance_on_a_last_axis(form):
    model, x = linear_model(), np.ones((1, 40), "float32")
    transformed = FastMCInference(400)(model) if form == "called" else FastMCInference(400, model).transformed_model
    result = transformed.predict(x, verbose=0)
    kernel, bias = model.layers[-1].get_weights()
    variance = RATE / (1 - RATE) * (kernel**2).sum(0)
    assert transformed.inputs[0].name == "input"
    assert result.shape == (1, 3, 2)
    np.testing.assert_allclose(result[0, :, 1], variance, rtol=6 * np.sqrt(2 / 400))
    assert np.abs((result[0, :, 0] - kernel.sum(0) - bias) / np.sqrt(variance / 400)).max() < 5


def test_fastmcinference_keeps_the_structure_of_the_outputs():
    result = FastMCInference(3)(small_bcnn()).predict(np.ones((5, 200, 1), "float32"), verbose=0)
    assert {name: value.shape for name, value in result.items()} == {
        "output": (5, 3, 2),
        "variance_output": (5, 3, 2),
    }
    x = {"a": np.ones((5, 12), "float32"), "b": np.ones((5, 5), "float32")}
    listed = FastMCInference(3)(branched_model()).predict(x, verbose=0)
    assert [value.shape for value in listed] == [(5, 2, 2), (5, 1, 2)]
    assert (listed[1][..., 1] == 0).all()


def test_fastmcinference_draws_anew_in_each_call_and_survives_saving(tmp_path):
    transformed = FastMCInference(5)(linear_model(seed=1))
    transformed.save(tmp_path / "model.keras")
    x = np.ones((2, 40), "float32")
    first, second = transformed.predict(x, verbose=0), transformed.predict(x, verbose=0)
    assert (first != second).any()
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded.predict(x, verbose=0), first, rtol=1e-5, atol=1e-6)


def test_fastmcinference_checks_its_arguments():
    assert FastMCInference(4).get_config() == {"n": 4}
    with pytest.raises(TypeError, match="must be a Keras model, got int"):
        FastMCInference(4)(3)
    with pytest.raises(ValueError, match="`n` cannot be smaller than 1 and must be an integer, got 0"):
        FastMCInference(0)


@pytest.mark.parametrize("axis", [0, 1])
def test_mean_and_variance_over_an_axis(axis):
    draws = np.random.default_rng(10).normal(size=(6, 6, 4)) + 1000.0
    result = ops.convert_to_numpy(FastMCInferenceMeanVar(axis=axis)(draws.astype("float32")))
    np.testing.assert_allclose(result[..., 0], draws.mean(axis), rtol=1e-6)
    np.testing.assert_allclose(result[..., 1], draws.var(axis), rtol=5e-3)
    one = ops.convert_to_numpy(FastMCInferenceMeanVar()({"a": np.ones((3, 1, 1), "float32")})["a"])
    assert one.shape == (1, 1, 2)


def test_repeat_and_meanvar_fit_together_and_can_be_rebuilt():
    repeat, meanvar = FastMCRepeat(4), FastMCInferenceMeanVar(axis=1)
    x = np.arange(6.0, dtype="float32").reshape(2, 3)
    copies = FastMCRepeat.from_config(repeat.get_config())(x)
    assert ops.convert_to_numpy(copies).shape == (2, 4, 3)
    result = ops.convert_to_numpy(FastMCInferenceMeanVar.from_config(meanvar.get_config())(copies))
    np.testing.assert_allclose(result[..., 0], x)
    assert (result[..., 1] == 0).all()
