"""What only MCDropout does; what it shares with other random layers is in `test_random_layers.py`."""

import keras
import numpy as np
import pytest
from keras import ops

from astroNN.nn.layers import MCDropout


def as_numpy(tensor):
    return ops.convert_to_numpy(tensor)


def test_kept_inputs_are_scaled_and_the_others_zero():
    out = as_numpy(MCDropout(0.75, seed=1)(np.ones((3, 1000), "float32")))
    assert set(np.unique(out)) == {0.0, 4.0}


def test_noise_shape_shares_the_mask_along_axes_of_one():
    out = as_numpy(MCDropout(0.5, noise_shape=(None, 1, None), seed=2)(np.ones((5, 7, 11), "float32")))
    assert (out == out[:, :1]).all()
    assert len(np.unique(out)) == 2


def test_resetting_the_generator_replays_the_noise():
    layer, x = MCDropout(0.5), np.ones((2, 100), "float32")
    state = as_numpy(layer.seed_generator.state.value).copy()
    first = as_numpy(layer(x))
    layer.seed_generator.state.assign(state)
    np.testing.assert_array_equal(first, as_numpy(layer(x)))


@pytest.mark.parametrize("noise_shape", ["abc", (None, 0), (None, 1.5)])
def test_a_noise_shape_that_is_none_is_refused(noise_shape):
    with pytest.raises(ValueError, match="noise_shape"):
        MCDropout(0.5, noise_shape=noise_shape)


def test_a_noise_shape_of_other_rank_than_the_inputs_is_refused():
    with pytest.raises(ValueError, match="has 2 axes"):
        MCDropout(0.5, noise_shape=(None, 1)).noise_shape_for((4, 3, 2))


def test_with_rate_zero_it_is_the_identity():
    x = np.random.default_rng(0).normal(size=(4, 50)).astype("float32")
    layer = MCDropout(0.0)
    np.testing.assert_array_equal(as_numpy(layer(x)), x)
    assert not layer.random_at_inference


def test_the_config_holds_rate_and_noise_shape():
    copy = MCDropout.from_config(MCDropout(0.2, noise_shape=(None, 1)).get_config())
    assert (copy.rate, copy.noise_shape) == (0.2, (None, 1))


def test_masks_of_the_engine_keep_half_precision():
    layer = MCDropout(0.5, dtype="mixed_bfloat16", seed=1)
    noisy = layer.call_with_noise(ops.ones((2, 10), "bfloat16"), ops.ones((1, 10), "bool"))
    assert keras.backend.standardize_dtype(noisy.dtype) == "bfloat16"


def test_a_noise_shape_that_does_not_fit_the_inputs_is_refused_with_both_shapes():
    x = np.ones((2, 3), "float32")
    with pytest.raises(ValueError, match=r"1 or the length.*got \(1, 2\) for inputs of shape \(2, 3\)"):
        MCDropout(0.3, noise_shape=(1, 2))(x)
    with pytest.raises(ValueError, match=r"got \(None, 2\) for inputs of shape \(None, 3\)"):
        MCDropout(0.3, noise_shape=(None, 2))(keras.Input((3,)))
    layer = MCDropout(0.3, noise_shape=(None, 3))
    layer(x)
    with pytest.raises(ValueError, match=r"got \(None, 3\) for inputs of shape \(2, 4\)"):
        layer.noise_shape_for((2, 4))


def test_a_noise_shape_of_the_very_lengths_is_taken_also_in_a_graph():
    inputs = keras.Input((3,))
    model = keras.Model(inputs, MCDropout(0.5, noise_shape=(1, 3), seed=1)(inputs))
    out = model.predict(np.ones((4, 3), "float32"), verbose=0)
    assert (out == out[:1]).all()
