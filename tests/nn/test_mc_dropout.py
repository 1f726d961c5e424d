import keras
import numpy as np
import pytest
from keras import ops

from astroNN.nn.layers import MCDropout


def as_numpy(tensor):
    return ops.convert_to_numpy(tensor)


def dropout_model(size, **kwargs):
    inputs = keras.Input((size,))
    return keras.Model(inputs, MCDropout(**kwargs)(inputs))


def test_it_stays_on_at_prediction_and_keeps_the_mean():
    x = np.ones((1, 200_000), "float32")
    model = dropout_model(x.size, rate=0.3, seed=0)
    first, second = model.predict(x, verbose=0), model.predict(x, verbose=0)
    assert (first != second).any()
    assert abs(first.mean() - 1.0) < 5 * np.sqrt(0.3 / 0.7 / x.size)  # 5 standard errors


def test_kept_inputs_are_scaled_and_the_others_zero():
    out = as_numpy(MCDropout(0.75, seed=1)(np.ones((3, 1000), "float32")))
    assert set(np.unique(out)) == {0.0, 4.0}


def test_every_star_has_its_own_mask():
    out = as_numpy(MCDropout(0.5, seed=1)(np.ones((2, 1000), "float32")))
    assert (out[0] != out[1]).any()


@pytest.mark.parametrize("kwargs", [{"rate": 0.5, "disable": True}, {"rate": 0.0}])
def test_disabled_or_with_rate_zero_it_is_the_identity(kwargs):
    x = np.random.default_rng(0).normal(size=(4, 50)).astype("float32")
    layer = MCDropout(**kwargs)
    np.testing.assert_array_equal(as_numpy(layer(x)), x)
    assert not layer.random_at_inference


def test_noise_shape_shares_the_mask_along_axes_of_one():
    out = as_numpy(MCDropout(0.5, noise_shape=(None, 1, None), seed=2)(np.ones((5, 7, 11), "float32")))
    assert (out == out[:, :1]).all()
    assert len(np.unique(out)) == 2


def test_the_same_seed_replays_and_another_does_not():
    x = np.ones((2, 100), "float32")
    first, again, other = (as_numpy(MCDropout(0.5, seed=seed)(x)) for seed in (7, 7, 8))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_two_layers_without_seed_never_share_noise():
    x = np.ones((2, 100), "float32")
    assert (as_numpy(MCDropout(0.5)(x)) != as_numpy(MCDropout(0.5)(x))).any()


def test_the_global_seed_of_keras_repeats_layers_without_seed():
    draws = []
    for _ in range(2):
        keras.utils.set_random_seed(5)
        draws.append(as_numpy(MCDropout(0.5)(np.ones((2, 100), "float32"))))
    np.testing.assert_array_equal(*draws)


def test_resetting_the_generator_replays_the_noise():
    layer, x = MCDropout(0.5), np.ones((2, 100), "float32")
    state = as_numpy(layer.seed_generator.state.value).copy()
    first = as_numpy(layer(x))
    layer.seed_generator.state.assign(state)
    np.testing.assert_array_equal(first, as_numpy(layer(x)))


def test_the_config_holds_every_argument():
    layer = MCDropout(0.2, disable=True, noise_shape=(None, 1), seed=3, name="drop")
    copy = MCDropout.from_config(layer.get_config())
    assert (copy.rate, copy.disable, copy.noise_shape, copy.seed, copy.name) == (0.2, True, (None, 1), 3, "drop")


def test_a_saved_model_loads_without_custom_objects(tmp_path):
    model = dropout_model(20, rate=0.4, seed=1)
    model.save(tmp_path / "model.keras")
    layer = keras.models.load_model(tmp_path / "model.keras").layers[-1]
    assert type(layer) is MCDropout
    assert layer.rate == 0.4


def test_under_mixed_precision_the_type_is_kept():
    layer = MCDropout(0.5, dtype="mixed_bfloat16", seed=1)
    out = layer(np.ones((2, 10), "float32"))
    assert keras.backend.standardize_dtype(out.dtype) == "bfloat16"
    noisy = layer.call_with_noise(ops.ones((2, 10), "bfloat16"), ops.ones((1, 10), "bool"))
    assert keras.backend.standardize_dtype(noisy.dtype) == "bfloat16"


def test_the_output_has_the_shape_of_the_input():
    assert MCDropout(0.5).compute_output_shape((None, 5, 2)) == (None, 5, 2)


@pytest.mark.parametrize("rate", [-0.1, 1.0, 1.5, "0.3", None, True, float("nan")])
def test_a_rate_outside_zero_to_one_is_refused_by_value(rate):
    with pytest.raises(ValueError, match="rate=" + repr(rate).replace("'", ".")):
        MCDropout(rate)


@pytest.mark.parametrize("noise_shape", ["abc", (None, 0), (None, 1.5)])
def test_a_noise_shape_that_is_none_is_refused(noise_shape):
    with pytest.raises(ValueError, match="noise_shape"):
        MCDropout(0.5, noise_shape=noise_shape)


def test_a_noise_shape_of_other_rank_than_the_inputs_is_refused():
    with pytest.raises(ValueError, match="has 2 axes"):
        MCDropout(0.5, noise_shape=(None, 1)).noise_shape_for((4, 3, 2))
