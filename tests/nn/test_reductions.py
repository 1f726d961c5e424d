"""Variance of a population and whole powers, against numpy in float64."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from astroNN.nn import intpow_avx2, reduce_var
from tests.helpers.gradients import value_and_grad

EPS = np.finfo("float32").eps


def to_numpy(tensor):
    return keras.ops.convert_to_numpy(tensor)


@settings(max_examples=30, deadline=None)
@given(
    x=hnp.arrays("float32", (3, 4, 2), elements=st.floats(-100, 100, width=32)),
    axis=st.sampled_from([None, 0, 1, -1, (0, 2)]),
    keepdims=st.booleans(),
)
def test_the_variance_is_that_of_a_population(x, axis, keepdims):
    result = to_numpy(reduce_var(x, axis=axis, keepdims=keepdims))
    expected = np.var(x, axis=axis, keepdims=keepdims, dtype="float64")
    assert result.shape == expected.shape
    # The mean of numbers up to 100 is known to a few EPS * 100, and the variance to twice this times the spread.
    np.testing.assert_allclose(result, expected, rtol=20 * EPS, atol=1e4 * EPS)


def test_the_variance_of_half_precision_does_not_overflow():
    x = keras.ops.convert_to_tensor(np.array([-1000.0, 1000.0]), dtype="float16")
    assert float(reduce_var(x)) == 1e6


def test_whole_numbers_have_a_variance_that_is_not_cut():
    assert float(reduce_var([1, 2])) == 0.25


def test_the_gradient_of_the_variance_is_that_of_its_formula():
    x = np.array([1.0, 2.0, 6.0])
    _, (gradient,) = value_and_grad(reduce_var, x)
    np.testing.assert_allclose(gradient, 2 * (x - x.mean()) / 3, rtol=8 * EPS)


@pytest.mark.parametrize("n", [0, 1, 2, 3, 7, 12])
def test_powers_of_any_sign_are_exact_products(n):
    x = np.array([-3.0, -1.0, 0.0, 0.5, 2.0], "float32")
    np.testing.assert_array_equal(to_numpy(intpow_avx2(x, n)), x.astype("float64") ** n)


@pytest.mark.parametrize("n", [0, 1, 3, 4])
def test_the_gradient_of_a_power_is_right_at_zero_and_below(n):
    x = np.array([-2.0, 0.0, 3.0])
    _, (gradient,) = value_and_grad(lambda tensor: intpow_avx2(tensor, n), x)
    np.testing.assert_allclose(gradient, n * x ** max(n - 1, 0), rtol=4 * EPS)


def test_a_power_of_zero_is_one_also_where_there_is_no_number():
    np.testing.assert_array_equal(to_numpy(intpow_avx2([np.nan, np.inf, 0.0], 0)), 1.0)


def test_a_power_that_is_a_float_is_cut_to_a_whole_number():
    np.testing.assert_array_equal(to_numpy(intpow_avx2([3.0], 2.9)), [9.0])


def test_a_negative_power_is_refused():
    with pytest.raises(ValueError, match="`n` must be 0 or a positive whole number, got -1"):
        intpow_avx2([2.0], -1)


def test_whole_numbers_and_matrices_keep_dtype_and_shape():
    power = intpow_avx2(keras.ops.convert_to_tensor([[1, 2], [3, -4]], dtype="int32"), 3)
    assert keras.backend.standardize_dtype(power.dtype) == "int32"
    np.testing.assert_array_equal(to_numpy(power), [[1, 8], [27, -64]])
