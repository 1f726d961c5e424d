import keras
import numpy as np
import pytest
from keras import ops

from astroNN.nn.layers import TensorInput

VALUES = np.array([[0.1, 2.0, -3.0], [4.0, 5.5, np.nan]])


@pytest.mark.parametrize(
    "form", [np.asarray, ops.convert_to_tensor, lambda v: keras.Variable(v), lambda v: v.tolist()]
)
def test_the_documented_call_returns_the_tensor(form):
    out = TensorInput(tensor=form(VALUES.astype("float32")))([])
    np.testing.assert_array_equal(ops.convert_to_numpy(out), VALUES.astype("float32"))


def test_what_it_is_called_on_does_not_matter():
    layer = TensorInput(VALUES)
    for inputs in ([], None, np.ones((7, 2), "float32")):
        np.testing.assert_array_equal(ops.convert_to_numpy(layer(inputs)), VALUES.astype("float32"))
    np.testing.assert_array_equal(ops.convert_to_numpy(layer()), VALUES.astype("float32"))


def test_it_stands_in_a_functional_model_and_is_saved_with_it(tmp_path):
    inputs = keras.Input((3,))
    constant = TensorInput(VALUES[:1], name="constant")(inputs)
    assert constant.shape == (1, 3)
    model = keras.Model(inputs, keras.layers.Add()([inputs, constant]))
    x = np.ones((5, 3), "float32")
    expected = x + VALUES[:1].astype("float32")
    np.testing.assert_array_equal(model.predict(x, verbose=0, batch_size=2), expected)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), expected)
    assert [layer.name for layer in loaded.layers].count("constant") == 1


def test_the_tensor_of_the_documented_call_makes_no_input_of_the_model():
    inputs = keras.Input((3,))
    model = keras.Model(inputs, inputs * TensorInput(VALUES[:1])([]))
    assert len(model.inputs) == 1
    np.testing.assert_allclose(model.predict(np.ones((2, 3), "float32"), verbose=0)[1], VALUES[0], rtol=1e-6)


@pytest.mark.parametrize("dtype", ["int32", "bool", "uint8"])
def test_numbers_other_than_floats_keep_their_type(dtype):
    layer = TensorInput.from_config(TensorInput(np.array([0, 1, 1], dtype), dtype="mixed_float16").get_config())
    assert keras.backend.standardize_dtype(layer([]).dtype) == dtype


def test_under_mixed_precision_a_large_constant_does_not_overflow():
    out = TensorInput(np.array([1e6]), dtype="mixed_float16")([])
    assert float(ops.convert_to_numpy(out)[0]) == 1e6


def test_half_precision_tensors_are_taken():
    out = TensorInput(ops.cast([1.5], "bfloat16"))([])
    assert float(ops.convert_to_numpy(out)[0]) == 1.5


def test_later_changes_of_the_array_are_not_seen():
    values = np.zeros(3, "float32")
    layer = TensorInput(values)
    values[:] = 1.0
    np.testing.assert_array_equal(ops.convert_to_numpy(layer([])), 0.0)


def test_without_a_tensor_the_call_is_refused():
    with pytest.raises(ValueError, match="holds no tensor"):
        TensorInput()([])
    with pytest.raises(ValueError, match="holds no tensor"):
        TensorInput().compute_output_shape(())


def test_symbols_and_words_are_refused():
    with pytest.raises(ValueError, match="symbolic"):
        TensorInput(keras.Input((3,)))
    with pytest.raises(ValueError, match="must hold numbers"):
        TensorInput(["a", "b"])


@pytest.mark.parametrize("values", [VALUES, np.array([1, 2], "int32"), np.array([True, False])])
@pytest.mark.parametrize("dtype", ["float16", "mixed_float16", "mixed_bfloat16", "float32"])
def test_the_announced_type_is_the_one_given(dtype, values):
    layer = TensorInput(values, dtype=dtype)
    announced = layer(keras.Input((3,)))
    assert announced.dtype == keras.backend.standardize_dtype(layer([]).dtype)
    assert tuple(announced.shape) == values.shape
