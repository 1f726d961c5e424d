import numpy as np
import pytest

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


@pytest.mark.parametrize("wrong", [[0.5], [np.nan], ["a"]])
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
