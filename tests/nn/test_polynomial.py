import keras
import numpy as np
import pytest
from keras import ops
from numpy.polynomial import polynomial

from astroNN.nn.layers import PolyFit
from tests.helpers.gradients import value_and_grad

RNG = np.random.default_rng(0)


def by_numpy(x, kernel, use_xbias):
    """The documented sum, by numpy's polyval in float64."""
    x = x.astype("float64")
    n_inputs, n_outputs = kernel.shape[1:]
    total = np.zeros((*x.shape[:-1], n_outputs))
    for k in range(n_outputs):
        for j in range(n_inputs):
            total[..., k] += polynomial.polyval(x[..., j], kernel[:, j, k])
            total[..., k] += x[..., j] * use_xbias
    return total


@pytest.mark.parametrize("use_xbias", [True, False])
@pytest.mark.parametrize(("deg", "n_inputs", "n_outputs"), [(0, 1, 1), (1, 3, 2), (2, 1, 4), (5, 4, 3)])
def test_it_is_the_polynomial_of_numpy(deg, n_inputs, n_outputs, use_xbias):
    kernel = RNG.normal(size=(deg + 1, n_inputs, n_outputs))
    x = RNG.uniform(-1.5, 1.5, (7, n_inputs)).astype("float32")
    layer = PolyFit(deg, n_outputs, use_xbias, init_w=kernel)
    # Each of up to 28 terms, of size up to 30, is off by a few half units of float32.
    np.testing.assert_allclose(
        ops.convert_to_numpy(layer(x)), by_numpy(x, kernel, use_xbias), rtol=1e-5, atol=28 * 30 * 2.0**-24
    )


def test_further_axes_are_kept():
    kernel, x = RNG.normal(size=(3, 2, 4)), RNG.normal(size=(5, 6, 2)).astype("float32")
    out = ops.convert_to_numpy(PolyFit(2, 4, init_w=kernel)(x))
    np.testing.assert_allclose(out, by_numpy(x, kernel, True), rtol=1e-5, atol=1e-5)


def test_the_activation_is_applied_to_the_sum():
    kernel, x = RNG.normal(size=(3, 2, 1)), RNG.normal(size=(9, 2)).astype("float32")
    out = ops.convert_to_numpy(PolyFit(2, init_w=kernel, activation="tanh")(x))
    np.testing.assert_allclose(out, np.tanh(by_numpy(x, kernel, True)), rtol=1e-5, atol=1e-6)


def test_gradients_are_the_derivative_of_the_polynomial_also_at_zero():
    kernel = RNG.normal(size=(4, 1, 1))
    x = np.array([[-1.0], [0.0], [0.5]], "float32")
    _, (gradient,) = value_and_grad(PolyFit(3, use_xbias=False, init_w=kernel), x)
    expected = polynomial.polyval(x[:, 0], polynomial.polyder(kernel[:, 0, 0]))
    np.testing.assert_allclose(gradient[:, 0], expected, rtol=1e-5, atol=1e-6)


def test_fit_recovers_a_known_polynomial():
    truth = np.array([0.5, -1.0, 0.25, 2.0])
    x = np.tile(np.linspace(-1, 1, 64, dtype="float32"), 200)[:, None]
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((1,)), PolyFit(3, use_xbias=False, name="output")])
    model.compile(keras.optimizers.Adam(0.1), loss="mse")
    model.fit(x, polynomial.polyval(x, truth), shuffle=False, batch_size=64, verbose=0)
    np.testing.assert_allclose(model.get_weights()[0][:, 0, 0], truth, atol=0.02)


def test_there_is_one_weight_named_kernel():
    layer = PolyFit(3, 2)
    layer.build((None, 5))
    assert [(weight.name, tuple(weight.shape)) for weight in layer.weights] == [("kernel", (4, 5, 2))]


def test_two_layers_start_from_different_coefficients():
    first, second = PolyFit(3, 2), PolyFit(3, 2)
    for layer in (first, second):
        layer.build((None, 5))
    assert (ops.convert_to_numpy(first.kernel) != ops.convert_to_numpy(second.kernel)).all()


def test_regulariser_and_constraint_act_on_the_coefficients():
    kernel = np.full((2, 1, 1), 3.0)
    layer = PolyFit(1, init_w=kernel, kernel_regularizer=keras.regularizers.L2(0.1), kernel_constraint="non_neg")
    layer(np.ones((1, 1), "float32"))
    np.testing.assert_allclose(float(ops.convert_to_numpy(layer.losses[0])), 0.1 * 18.0, rtol=1e-6)
    assert isinstance(layer.kernel.constraint, keras.constraints.NonNeg)


@pytest.mark.parametrize("dtype", ["mixed_float16", "mixed_bfloat16"])
def test_powers_do_not_overflow_under_mixed_precision(dtype):
    kernel = np.array([0.0, 0.0, 2.0**-10]).reshape(3, 1, 1)
    out = PolyFit(2, use_xbias=False, init_w=kernel, dtype=dtype)(ops.full((1, 1), 512.0, "float16"))
    assert float(ops.convert_to_numpy(ops.cast(out, "float32"))[0, 0]) == 256.0  # 512^2 is past 65,504


def test_a_saved_model_keeps_trained_coefficients(tmp_path):
    layer = PolyFit(2, 2, init_w=np.ones((3, 4, 2)))
    model = keras.Sequential([keras.Input((4,)), layer])
    layer.kernel.assign(RNG.normal(size=(3, 4, 2)))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.get_weights()[0], model.get_weights()[0])


def test_settings_under_their_old_names_are_understood():
    old = {
        "name": "output",
        "degree": 2,
        "use_bias": False,
        "activation": "relu",
        "initial_weights": [[[1.0]], [[2.0]], [[3.0]]],
        "kernel_regularizer": None,
        "kernel_constraint": None,
    }
    layer = PolyFit.from_config(old)
    assert (layer.deg, layer.use_xbias, layer.name) == (2, False, "output")
    assert float(ops.convert_to_numpy(layer(np.array([[2.0]], "float32")))[0, 0]) == 1 + 4 + 12


@pytest.mark.parametrize("deg", [-1, 1.5, "2", None, True])
def test_a_degree_that_is_none_is_refused(deg):
    with pytest.raises(ValueError, match="PolyFit: `deg` cannot be smaller than 0 and must be an integer"):
        PolyFit(deg)


def test_a_number_of_outputs_below_one_is_refused():
    with pytest.raises(ValueError, match="output_units"):
        PolyFit(1, 0)


def test_initial_coefficients_of_a_wrong_shape_are_refused():
    with pytest.raises(ValueError, match="deg \\+ 1 = 3 entries, one a power from 0 to deg, got 2"):
        PolyFit(2, init_w=[[[1.0]], [[1.0]]])
    with pytest.raises(ValueError, match=r"= \(2, 3, 1\), got \(2, 1, 1\)"):
        PolyFit(1, init_w=np.ones((2, 1, 1)))(np.ones((4, 3), "float32"))
    with pytest.raises(ValueError, match="must hold numbers"):
        PolyFit(1, init_w=[[[1.0], [2.0]], [[1.0]]])


def test_inputs_of_one_axis_and_another_last_axis_are_refused():
    with pytest.raises(ValueError, match="min_ndim=2, found ndim=1"):
        PolyFit(1)(np.ones(4, "float32"))
    layer = PolyFit(1)
    layer(np.ones((2, 3), "float32"))
    with pytest.raises(ValueError, match="axis -1 of input shape to have value 3"):
        layer(np.ones((2, 4), "float32"))
    with pytest.raises(ValueError, match="last axis is known"):
        PolyFit(1)(keras.Input((None,)))
