import warnings

import numpy as np
import pytest
from astropy.utils.masked import Masked

from astroNN.apogee import bitmask_boolean, bitmask_decompositor, pixel_mask

# One pixel a bit, and one (16896) with bits 9 and 14.
BITS = [2048, 128, 1024, 512, 16, 8192, 4096, 64, 2, 32, 256, 8, 4, 16896]
ANY_OF_0_TO_7_9_12 = [False, True, False, True, True, False, True, True, True, True, False, True, True, True]


@pytest.mark.parametrize("dtype", ["int16", "uint16", "int32", "int64", "uint64", "float32", ">i2"])
def test_pixels_with_any_of_the_bits_are_true_in_every_type(dtype):
    found = bitmask_boolean(np.array(BITS, dtype=dtype), [0, 1, 2, 3, 4, 5, 6, 7, 9, 12])
    np.testing.assert_array_equal(found, [ANY_OF_0_TO_7_9_12])


def test_high_bits_do_not_overflow_small_types():
    assert not bitmask_boolean(np.array([1, 64], dtype="int8"), [40]).any()
    assert bitmask_boolean(np.array([1 << 40]), [40]).all()


def test_default_bad_bits_are_0_to_7_and_12_and_the_shape_stays():
    bits = 1 << np.arange(15)
    assert np.flatnonzero(pixel_mask(bits)).tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 12]
    assert pixel_mask(bits.reshape(3, 5)).shape == (3, 5)


@pytest.mark.parametrize("as_masked", [np.ma.array, Masked])
@pytest.mark.parametrize("dtype", ["int16", "float64"])
def test_masked_elements_may_have_any_bit(as_masked, dtype):
    bits = as_masked(np.array([0, 0, 8, 8], dtype=dtype), mask=[False, True, False, True])
    np.testing.assert_array_equal(pixel_mask(bits), [False, True, True, True])
    np.testing.assert_array_equal(bitmask_boolean(bits, 9), [[False, True, False, True]])
    assert not np.ma.isMaskedArray(pixel_mask(bits))


def test_what_stands_below_a_mask_does_not_matter():
    bits = np.ma.array([np.nan, 0.5, 1e300, 0.0], mask=[True, True, True, False])
    np.testing.assert_array_equal(pixel_mask(bits), [True, True, True, False])


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_the_largest_floats_are_no_bit_masks(dtype):
    largest = np.array([np.finfo(dtype).max], dtype=dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        if dtype == "float16":  # 65504, all bits from 5 to 15
            assert bitmask_boolean(largest, 15).all() and not bitmask_boolean(largest, 4).any()
        else:
            with pytest.raises(ValueError, match=r"bitmask_boolean: `bitmask` must hold whole numbers below 2\*\*63"):
                bitmask_boolean(largest, 0)


@pytest.mark.parametrize("wrong", [[0.5], [np.nan], ["a"], [1e30], [-1e30], [2.0**63]])
def test_masks_that_are_no_whole_numbers_are_an_error(wrong):
    with pytest.raises(ValueError, match="whole numbers"):
        pixel_mask(wrong)


@pytest.mark.parametrize("bit", [-1, 63, 0.5])
def test_impossible_bits_are_an_error(bit):
    with pytest.raises(ValueError, match="target_bit"):
        bitmask_boolean([1], bit)


def test_decomposition_lists_the_bits():
    assert bitmask_decompositor(2**0 + 2**5 + 2**13 + 2**14).tolist() == [0, 5, 13, 14]
    assert bitmask_decompositor(np.int16(4096)).tolist() == [12]
    assert bitmask_decompositor(0) is None


def test_decomposing_a_negative_number_is_an_error():
    with pytest.raises(ValueError, match="negative"):
        bitmask_decompositor(-1)


@pytest.mark.parametrize("number", [5.0, np.float32(5), np.array(5), np.array([5.0])])
def test_whole_numbers_of_any_type_are_decomposed(number):
    assert bitmask_decompositor(number).tolist() == [0, 2]


@pytest.mark.parametrize("wrong", ["5", 5.5, np.nan, np.inf, None, [5], np.array([5, 6]), np.ma.array(5, mask=True)])
def test_what_is_no_whole_number_has_no_bits(wrong):
    with pytest.raises(ValueError, match="bitmask_decompositor: `bit` must be one whole number, got"):
        bitmask_decompositor(wrong)
