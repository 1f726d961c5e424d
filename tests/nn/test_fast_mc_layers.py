import keras
import numpy as np
import pytest
from keras import layers, ops

from astroNN.nn.layers import (
    FastMCInference,
    FastMCInferenceMeanVar,
    FastMCInferenceV2_internal,
    FastMCRepeat,
    MCDropout,
    VAESampling,
)
from astroNN.nn.layers.fast_mc_inference import MonteCarloMoments

X = np.random.default_rng(0).normal(size=(5, 8)).astype("float32")
RATE = 0.5


def network(output="single", inputs="single", seed=None, disable=False):
    """Dropout and two dense heads; their outputs concatenated, listed or named."""
    if inputs == "single":
        symbols = keras.Input((8,), name="spectrum")
        x = symbols
    else:
        parts = [keras.Input((3,), name="colours"), keras.Input((5,), name="spectrum")]
        symbols = parts if inputs == "list" else {"colours": parts[0], "spectrum": parts[1]}
        x = layers.Concatenate()(parts)
    x = MCDropout(RATE, seed=seed, disable=disable)(x)
    heads = [layers.Dense(2, name="output")(x), layers.Dense(2, name="variance_output")(x)]
    outputs = {
        "single": lambda: layers.Concatenate()(heads),
        "list": lambda: heads,
        "dict": lambda: {"output": heads[0], "variance_output": heads[1]},
    }[output]()
    return keras.Model(symbols, outputs)


def in_structure(inputs, x):
    return {"single": x, "list": [x[:, :3], x[:, 3:]], "dict": {"colours": x[:, :3], "spectrum": x[:, 3:]}}[inputs]


def analytic_moments(model, x):
    """Mean and variance of each head, in order, from dropout's own mean and variance."""
    moments = []
    for name in ("output", "variance_output"):
        kernel, bias = (weight.astype("float64") for weight in model.get_layer(name).get_weights())
        moments.append((x @ kernel + bias, RATE / (1 - RATE) * x.astype("float64") ** 2 @ kernel**2))
    return moments


def assert_moments(result, mean, variance, n):
    assert result.shape == (*mean.shape, 2)
    assert (np.abs(result[..., 0] - mean) < 5 * np.sqrt(variance / n)).all()
    # The kurtosis of a sum of coin tosses is at most that of a Gaussian: its standard error is an upper bound.
    assert (np.abs(result[..., 1] - variance) < 5 * variance * np.sqrt(2 / n)).all()


@pytest.mark.parametrize("inputs", ["single", "list", "dict"])
@pytest.mark.parametrize("output", ["single", "list", "dict"])
def test_every_structure_of_inputs_and_outputs_gives_the_known_moments(inputs, output):
    n, model = 2000, network(output, inputs, seed=1)
    result = FastMCInference(n)(model).predict(in_structure(inputs, X), verbose=0)
    moments = analytic_moments(model, X)
    if output == "single":
        assert_moments(result, *(np.concatenate(parts, axis=1) for parts in zip(*moments, strict=True)), n)
    elif output == "list":
        for head, (mean, variance) in zip(result, moments, strict=True):
            assert_moments(head, mean, variance, n)
    else:
        assert sorted(result) == ["output", "variance_output"]
        for name, (mean, variance) in zip(sorted(result), moments, strict=True):
            assert_moments(result[name], mean, variance, n)


def test_both_documented_forms_make_a_model_with_the_input_named_input():
    for transformed in (FastMCInference(3)(network()), FastMCInference(3, network()).transformed_model):
        assert isinstance(transformed, keras.Model)
        assert [tensor.name for tensor in transformed.inputs] == ["input"]
        assert transformed.output_shape == (None, 4, 2)


def test_a_single_star_keeps_its_axis():
    assert FastMCInference(4)(network()).predict(X[:1], verbose=0).shape == (1, 4, 2)


def test_a_single_pass_has_no_variance():
    result = FastMCInference(1)(network()).predict(X, verbose=0)
    assert (result[..., 1] == 0).all()
    assert (result[..., 0] != 0).any()


@pytest.mark.parametrize("output", ["single", "dict"])
def test_a_saved_transformed_model_predicts_the_same(output, tmp_path):
    transformed = FastMCInference(3)(network(output, disable=True))
    transformed.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    expected, result = (keras.tree.flatten(m.predict(X, verbose=0)) for m in (transformed, loaded))
    for value, other in zip(expected, result, strict=True):
        np.testing.assert_allclose(other, value, rtol=1e-6)


def test_weights_of_a_transformed_model_travel_in_a_file_of_their_own(tmp_path):
    transformed, other = (FastMCInference(3)(network(disable=True)) for _ in range(2))
    expected = transformed.predict(X, verbose=0)
    assert (other.predict(X, verbose=0) != expected).any()
    transformed.save_weights(tmp_path / "model.weights.h5")
    other.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_allclose(other.predict(X, verbose=0), expected, rtol=1e-6)


def test_weights_are_shared_with_the_network():
    model = network(disable=True)
    transformed = FastMCInference(3)(model)
    model.get_layer("output").kernel.assign(np.zeros((8, 2)))
    assert (transformed.predict(X, verbose=0)[:, :2, 0] == 0).all()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_under_mixed_precision_variances_beyond_float16_are_right(dtype):
    n, policy = 500, keras.dtype_policies.DTypePolicy(f"mixed_{dtype}")
    inputs = keras.Input((1,))
    x = layers.Dense(1, kernel_initializer="ones", dtype=policy)(MCDropout(RATE, seed=2, dtype=policy)(inputs))
    result = FastMCInference(n)(keras.Model(inputs, x)).predict(np.full((2, 1), 512.0, "float32"), verbose=0)
    assert result.dtype == np.float32
    kept = result[0, 0, 0] / 1024.0  # passes give 0 or 1024, so the variance follows from the mean
    assert 0.3 < kept < 0.7
    np.testing.assert_allclose(result[..., 1], 1024.0**2 * kept * (1 - kept), rtol=1e-4)


def test_a_global_policy_of_half_precision_is_taken():
    old = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        result = FastMCInference(3)(network()).predict(X, verbose=0)
    finally:
        keras.config.set_dtype_policy(old)
    assert result.dtype == np.float32
    assert np.isfinite(result).all()


@pytest.mark.parametrize("make", [MonteCarloMoments, FastMCInferenceV2_internal])
@pytest.mark.parametrize("output", ["single", "list", "dict"])
def test_the_announced_shape_is_the_one_given(make, output):
    layer = make(network(output, "dict"), n=3)
    x = in_structure("dict", X)
    announced = layer.compute_output_shape({name: array.shape for name, array in x.items()})
    outputs = layer({name: ops.convert_to_tensor(array) for name, array in x.items()})
    assert announced == keras.tree.map_structure(lambda tensor: tuple(tensor.shape), outputs)


@pytest.mark.parametrize("output", ["single", "list", "dict"])
def test_all_passes_together_have_the_known_moments(output):
    n, model = 2000, network(output, seed=3)
    inputs = keras.Input((8,))
    passes = keras.Model(inputs, FastMCInferenceV2_internal(model, n)(inputs))
    draws = np.concatenate(keras.tree.flatten(passes.predict(X, verbose=0)), axis=-1)
    assert draws.shape == (n, 5, 4)
    mean, variance = (np.concatenate(parts, axis=1) for parts in zip(*analytic_moments(model, X), strict=True))
    assert_moments(np.stack([draws.mean(0), draws.var(0)], axis=-1), mean, variance, n)
    lagged = ((draws[1:] - mean) * (draws[:-1] - mean)).mean(0) / variance
    assert (np.abs(lagged) < 5 / np.sqrt(n)).all()  # passes are independent


class OwnNoise(layers.Layer):
    """A random layer that keeps its noise to itself."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seed_generator = keras.random.SeedGenerator(1)

    def call(self, inputs):
        return inputs + keras.random.normal(ops.shape(inputs), seed=self.seed_generator)


@pytest.mark.parametrize("make", [lambda: OwnNoise(), lambda: layers.Activation("linear"), lambda: MCDropout(0.5)])
def test_passes_of_other_networks_are_taken_too(make):
    inputs = keras.Input((8,))
    layer = make()
    model = keras.Model(inputs, layer(inputs))
    passes = keras.Sequential([keras.Input((8,)), FastMCInferenceV2_internal(model, 4)])
    draws = ops.convert_to_numpy(passes(X))
    assert draws.shape == (4, 5, 8)
    assert (draws[0] != draws[1]).any() == (type(layer) is not layers.Activation)


def test_passes_and_meanvar_fit_together_in_a_saved_model(tmp_path):
    inputs = keras.Input((8,))
    passes = FastMCInferenceV2_internal(network(disable=True), 3)(inputs)
    model = keras.Model(inputs, FastMCInferenceMeanVar()(passes))
    model.save(tmp_path / "model.keras")
    expected = ops.convert_to_numpy(model(X))
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(ops.convert_to_numpy(loaded(X)), expected, rtol=1e-6)
    np.testing.assert_allclose(expected[..., 1], 0.0, atol=1e-12)


def test_a_random_layer_with_two_inputs_is_taken():
    inputs = [keras.Input((2,)), keras.Input((2,))]
    model = keras.Model(inputs, VAESampling(seed=1)(inputs))
    x = [np.zeros((3, 2), "float32"), np.zeros((3, 2), "float32")]
    n = 2000
    moments = FastMCInference(n)(model).predict(x, verbose=0)
    assert (np.abs(moments[..., 0]) < 5 / np.sqrt(n)).all()
    assert (np.abs(moments[..., 1] - 1) < 5 * np.sqrt(2 / n)).all()


def test_variances_of_half_precision_inputs_are_taken_in_float32():
    draws = ops.cast(np.array([[[0.0]], [[600.0]]]), "float16")
    result = FastMCInferenceMeanVar(dtype="mixed_float16")(draws)
    np.testing.assert_allclose(ops.convert_to_numpy(result)[0, 0], [300.0, 90_000.0])


@pytest.mark.parametrize("dtype", ["float16", "mixed_float16", "mixed_bfloat16", "float32"])
def test_the_announced_type_of_meanvar_is_the_one_given(dtype):
    inputs = {"a": keras.Input((2,), batch_size=4), "b": keras.Input((3,), batch_size=4)}
    layer = FastMCInferenceMeanVar(dtype=dtype)
    announced = layer(inputs)
    given = layer({name: np.ones(symbol.shape, "float32") for name, symbol in inputs.items()})
    for name in inputs:
        assert announced[name].dtype == keras.backend.standardize_dtype(given[name].dtype) == "float32"
        assert tuple(announced[name].shape) == tuple(given[name].shape)


def test_meanvar_is_numpys_mean_and_population_variance_along_any_axis():
    draws = np.random.default_rng(2).normal(3.0, 0.5, (6, 4, 5))
    for axis in (0, 1, 2, -1, -3):
        result = ops.convert_to_numpy(FastMCInferenceMeanVar(axis=axis)(draws.astype("float32")))
        np.testing.assert_allclose(result[..., 0], draws.mean(axis), rtol=1e-6)
        np.testing.assert_allclose(result[..., 1], draws.var(axis), rtol=1e-5)


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_repeat_puts_copies_along_the_new_axis(axis):
    result = ops.convert_to_numpy(FastMCRepeat(3, axis=axis)(X))
    np.testing.assert_array_equal(result, np.stack([X, X, X], axis=axis))


@pytest.mark.parametrize("n", [0, -2, 1.5, "3", None, True])
@pytest.mark.parametrize("make", [FastMCRepeat, FastMCInference, lambda n: FastMCInferenceV2_internal(network(), n)])
def test_a_number_of_passes_that_is_none_is_refused(make, n):
    with pytest.raises(ValueError, match="`n` cannot be smaller than 1 and must be an integer"):
        make(n)


def test_axes_that_are_none_are_refused():
    for layer in (lambda: FastMCRepeat(2, axis=1.5), lambda: FastMCInferenceMeanVar(axis="last")):
        with pytest.raises(ValueError, match="`axis` must be an integer"):
            layer()
    with pytest.raises(ValueError, match=r"shape \(5, 8\) have no axis 2"):
        FastMCInferenceMeanVar(axis=2)(X)


def test_only_keras_models_are_transformed():
    for thing in (3, layers.Dense(2), "model"):
        with pytest.raises(TypeError, match="must be a Keras model"):
            FastMCInference(3)(thing)
