import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from keras import ops

from astroNN.nn.layers import BoolMask, StopGrad
from tests.helpers.gradients import value_and_grad

RNG = np.random.default_rng(0)

masks = hnp.arrays(bool, st.integers(1, 40)).filter(lambda mask: mask.any())


@settings(max_examples=20, deadline=None)  # every length is compiled anew
@given(mask=masks)
def test_the_chosen_columns_come_in_their_order(mask):
    x = np.arange(3.0 * mask.size, dtype="float32").reshape(3, -1)
    np.testing.assert_array_equal(ops.convert_to_numpy(BoolMask(mask)(x)), x[:, mask])


@settings(deadline=None)
@given(mask=masks)
def test_any_mask_comes_back_from_the_settings(mask):
    np.testing.assert_array_equal(BoolMask.from_config(BoolMask(mask).get_config()).mask, mask)


def test_axes_after_the_pixels_are_kept():
    x, mask = RNG.normal(size=(2, 5, 3, 4)).astype("float32"), np.array([0, 1, 1, 0, 1])
    np.testing.assert_array_equal(ops.convert_to_numpy(BoolMask(mask)(x)), x[:, mask == 1])


def test_the_gradient_by_pixels_outside_is_exactly_zero():
    mask = RNG.random(50) < 0.3
    x = RNG.normal(size=(4, 50)).astype("float32")
    _, (gradient,) = value_and_grad(lambda t: ops.square(BoolMask(mask)(t)), x)
    np.testing.assert_array_equal(gradient, np.where(mask, 2 * x, 0.0))


def test_a_mask_of_an_apogee_spectrum_is_stored_in_few_numbers():
    mask = np.zeros(7514, bool)
    for start in range(100, 7000, 700):
        mask[start : start + 30] = True
    config = BoolMask(mask).get_config()
    assert len(config["mask"]["runs"]) == 21  # ten windows, eleven gaps


def test_a_saved_model_keeps_the_mask(tmp_path):
    mask, x = RNG.random(300) < 0.5, RNG.normal(size=(2, 300)).astype("float32")
    model = keras.Sequential([keras.Input((300,)), BoolMask(mask)])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), x[:, mask])


def test_a_mask_of_the_wrong_length_is_refused():
    with pytest.raises(ValueError, match=r"`mask` has 3 entries.*got \(2, 4\)"):
        BoolMask([True, False, True])(np.ones((2, 4), "float32"))
    layer = BoolMask([True, False, True])
    layer(np.ones((2, 3), "float32"))
    with pytest.raises(ValueError, match="axis 1 of input shape to have value 3"):
        layer(np.ones((2, 4), "float32"))


def test_a_mask_without_any_pixel_is_refused():
    with pytest.raises(ValueError, match="The mask is all False"):
        BoolMask(np.zeros(5, bool))


@pytest.mark.parametrize("mask", [[0.0, 1.0], [0, 2], [-1, 1], ["a", "b"], [None, True]])
def test_a_mask_of_other_values_is_refused(mask):
    with pytest.raises(ValueError, match="must hold booleans"):
        BoolMask(mask)


@pytest.mark.parametrize("mask", [np.ones((2, 2), bool), np.bool_(True), np.ones(0, bool)])
def test_a_mask_that_is_not_one_dimensional_is_refused(mask):
    with pytest.raises(ValueError, match="one-dimensional"):
        BoolMask(mask)


def test_old_settings_without_a_mask_say_what_to_do():
    with pytest.raises(ValueError, match="Build the network by its code"):
        BoolMask.from_config({"name": "C_Mask", "None": None})


# The derivative of stop(x) * x is x where the gradient is stopped, else 2 x.
@pytest.mark.parametrize(
    ("always_on", "training", "factor"), [(False, True, 1), (False, False, 2), (True, True, 1), (True, False, 1)]
)
def test_the_gradient_is_stopped_in_training_or_always(always_on, training, factor):
    x = RNG.normal(size=(3, 4)).astype("float32")
    layer = StopGrad(always_on=always_on)
    value, (gradient,) = value_and_grad(lambda t: layer(t, training=training) * t, x)
    np.testing.assert_allclose(value, x**2, rtol=1e-6)
    np.testing.assert_allclose(gradient, factor * x, rtol=1e-6)


def test_without_a_word_on_training_the_gradient_passes():
    x = RNG.normal(size=(3, 4)).astype("float32")
    _, (gradient,) = value_and_grad(StopGrad(), x)
    np.testing.assert_array_equal(gradient, 1.0)


def test_fit_leaves_the_layers_before_it_alone():
    model = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(4, name="before"), StopGrad(), keras.layers.Dense(1, name="after")]
    )
    model.compile(keras.optimizers.SGD(0.1), loss="mse")
    before, after = (model.get_layer(name).get_weights()[0].copy() for name in ("before", "after"))
    model.fit(RNG.normal(size=(8, 3)).astype("float32"), np.ones((8, 1), "float32"), verbose=0)
    np.testing.assert_array_equal(model.get_layer("before").get_weights()[0], before)
    assert (model.get_layer("after").get_weights()[0] != after).any()


def test_stopgrad_keeps_its_setting():
    assert StopGrad.from_config(StopGrad("stop", True).get_config()).always_on
    assert not StopGrad.from_config(StopGrad().get_config()).always_on
