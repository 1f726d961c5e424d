"""What every layer without randomness must satisfy: shapes, files, settings, mixed precision."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops, tree

import astroNN.nn.layers
from astroNN.nn.layers import (
    BoolMask,
    ChannelResponseNormalization,
    FastMCInferenceMeanVar,
    FastMCRepeat,
    KLDivergenceLayer,
    PolyFit,
    SpatialResponseNormalization,
    StopGrad,
    TensorInput,
    VAESampling,
)

# Small integers, exact in float16 and bfloat16: only the result is rounded.
TABLE = np.random.default_rng(0).integers(-5, 6, (4, 3)).astype("float32")
CUBE = np.random.default_rng(1).integers(-5, 6, (4, 3, 2)).astype("float32")
IMAGES = np.random.default_rng(2).integers(-5, 6, (4, 6, 5, 3)).astype("float32")
COEFFICIENTS = (np.arange(18.0).reshape(3, 3, 2) - 8) / 8

CASES = {
    "KLDivergenceLayer": (lambda **k: KLDivergenceLayer(**k), [TABLE, TABLE / 4]),
    "VAESampling": (lambda **k: VAESampling(disable=True, **k), [TABLE, TABLE / 4]),
    "PolyFit": (lambda **k: PolyFit(2, 2, init_w=COEFFICIENTS, activation="relu", **k), TABLE),
    "PolyFit on sequences": (
        lambda **k: PolyFit(2, 2, False, init_w=COEFFICIENTS[:, :2], kernel_regularizer="l2", **k),
        CUBE,
    ),
    "BoolMask": (lambda **k: BoolMask([True, False, True], **k), TABLE),
    "BoolMask on sequences": (lambda **k: BoolMask([0, 1, 1], **k), CUBE),
    "StopGrad": (lambda **k: StopGrad(**k), TABLE),
    "StopGrad on a dictionary": (lambda **k: StopGrad(always_on=True, **k), {"a": TABLE, "b": CUBE}),
    "TensorInput": (lambda **k: TensorInput(tensor=TABLE, **k), CUBE),
    "ChannelResponseNormalization": (lambda **k: ChannelResponseNormalization(1, 2.0, 0.1, 0.5, **k), IMAGES),
    "SpatialResponseNormalization": (lambda **k: SpatialResponseNormalization(3, 0.1, 0.5, 2.0, **k), IMAGES),
    "FastMCRepeat": (lambda **k: FastMCRepeat(5, **k), CUBE),
    "FastMCRepeat at the end": (lambda **k: FastMCRepeat(2, axis=-1, **k), [TABLE, CUBE]),
    "FastMCInferenceMeanVar": (lambda **k: FastMCInferenceMeanVar(axis=1, **k), {"a": TABLE, "b": CUBE}),
    "FastMCInferenceMeanVar from the end": (lambda **k: FastMCInferenceMeanVar(axis=-2, **k), CUBE),
}
ALWAYS_FLOAT32 = (FastMCInferenceMeanVar, TensorInput)

every_layer = pytest.mark.parametrize("case", CASES)


def example(case, **kwargs):
    make, inputs = CASES[case]
    return make(**kwargs), inputs


def as_model(layer, inputs):
    if isinstance(inputs, dict):
        symbols = {name: keras.Input(array.shape[1:], name=name) for name, array in inputs.items()}
    else:
        symbols = tree.map_structure(lambda array: keras.Input(array.shape[1:]), inputs)
    return keras.Model(symbols, layer(symbols))


def as_arrays(outputs):
    return [ops.convert_to_numpy(output) for output in tree.flatten(outputs)]


def assert_same(outputs, expected):
    for output, value in zip(as_arrays(outputs), as_arrays(expected), strict=True):
        np.testing.assert_array_equal(output, value)


@every_layer
def test_the_shape_that_the_layer_announces_is_the_one_it_gives(case):
    layer, inputs = example(case)
    shape = tree.map_structure(lambda array: array.shape, inputs)
    outputs = layer(tree.map_structure(ops.convert_to_tensor, inputs))
    announced = layer.compute_output_shape(shape)
    assert announced == tree.map_structure(lambda output: tuple(output.shape), outputs)
    symbolic = as_model(layer, inputs).output
    given = tree.map_structure(lambda symbol: symbol.shape[1:], symbolic)
    assert given == tree.map_shape_structure(lambda shape: tuple(shape[1:]), announced)


@every_layer
def test_the_settings_are_plain_json_and_make_the_same_layer(case):
    layer, inputs = example(case, name="mine")
    config = json.loads(json.dumps(layer.get_config()))
    copy = type(layer).from_config(config)
    assert copy.get_config() == layer.get_config()
    assert copy.name == "mine"
    assert_same(copy(inputs), layer(inputs))


@every_layer
def test_a_saved_model_loads_and_predicts_the_same(case, tmp_path):
    layer, inputs = example(case)
    model = as_model(layer, inputs)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert_same(loaded(inputs), model(inputs))


@every_layer
def test_weights_travel_in_a_file_of_their_own(case, tmp_path):
    layer, inputs = example(case)
    model = as_model(layer, inputs)
    model.save_weights(tmp_path / "model.weights.h5")
    other = keras.models.clone_model(model)
    other.set_weights([weight + 1 for weight in other.get_weights()])
    other.load_weights(tmp_path / "model.weights.h5")
    assert_same(other(inputs), model(inputs))


@every_layer
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_under_mixed_precision_only_the_result_is_rounded(case, dtype):
    layer, inputs = example(case, dtype=f"mixed_{dtype}")
    full, _ = example(case)
    outputs = layer(tree.map_structure(lambda array: ops.cast(array, dtype), inputs))
    expected = full(inputs)
    kept = "float32" if isinstance(layer, ALWAYS_FLOAT32) else dtype
    for output, value in zip(tree.flatten(outputs), tree.flatten(expected), strict=True):
        assert keras.backend.standardize_dtype(output.dtype) == kept
        exact = ops.convert_to_numpy(ops.cast(ops.cast(value, kept), "float32"))
        # Sums in another order may differ by a few units of float32 before the rounding.
        unit = {"float32": 2.0**-22, "float16": 2.0**-10, "bfloat16": 2.0**-7}[kept]
        np.testing.assert_allclose(ops.convert_to_numpy(ops.cast(output, "float32")), exact, rtol=unit)


@every_layer
def test_double_precision_is_kept(case):
    if keras.backend.backend() == "jax":
        pytest.skip("JAX has no float64 unless asked for when it starts")
    layer, inputs = example(case, dtype="float64")
    outputs = layer(tree.map_structure(lambda array: array.astype("float64"), inputs))
    assert {keras.backend.standardize_dtype(output.dtype) for output in tree.flatten(outputs)} == {"float64"}


@every_layer
def test_it_runs_in_a_compiled_model(case):
    layer, inputs = example(case)
    model = as_model(layer, inputs)
    compiled, eager = as_arrays(model.predict(inputs, verbose=0, batch_size=4)), as_arrays(model(inputs))
    for output, value in zip(compiled, eager, strict=True):
        np.testing.assert_allclose(output, value, rtol=2.0**-22)  # compilers may fuse multiplication and sum


@pytest.mark.parametrize("layer", [KLDivergenceLayer, StopGrad, FastMCInferenceMeanVar, TensorInput])
def test_settings_that_old_versions_wrote_are_understood(layer):
    assert isinstance(layer.from_config({"name": "old", "trainable": True, "None": None}), layer)


def test_the_page_of_the_layers_lists_every_one():
    page = Path(__file__).resolve().parents[2] / "docs" / "source" / "layers.rst"
    text = page.read_text()
    assert [name for name in astroNN.nn.layers.__all__ if f":class:`{name}`" not in text] == []
