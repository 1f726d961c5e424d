import warnings

import numpy as np
import pytest
from astropy import units as u
from astropy.utils.masked import Masked

from astroNN.apogee import chips_pix_info, chips_split, gap_delete, wavelength_solution


def test_chip_limits_are_those_of_the_survey():
    assert chips_pix_info(dr=11) == chips_pix_info(dr=12) == [322, 3242, 3648, 6048, 6412, 8306, 7214]
    for dr in (13, 14, 16, 17):
        assert chips_pix_info(dr=dr) == [246, 3274, 3585, 6080, 6344, 8335, 7514]


def test_an_unknown_release_is_an_error():
    with pytest.raises(ValueError, match="`dr` must be one of"):
        chips_pix_info(dr=10)


def test_wavelengths_follow_the_header_of_the_files():
    # CRVAL1 and CDELT1 of apStar files; the two values are those of the DR17 chip edges in Angstrom
    blue, green, red = wavelength_solution(dr=17)
    assert [chip.size for chip in (blue, green, red)] == [3028, 2495, 1991]
    np.testing.assert_allclose([blue[0], red[-1]], [15152.2107, 16943.5341], atol=5e-5)
    np.testing.assert_allclose(np.diff(np.log10(green)), 6e-6, rtol=1e-6)


def test_wavelengths_agree_with_the_published_grid(shared_data):
    with np.load(shared_data / "apogee_masks_7514.npz") as published:
        np.testing.assert_allclose(np.concatenate(wavelength_solution(dr=14)), published["wavelength"], atol=1e-8)
        np.testing.assert_array_equal(gap_delete(np.arange(8575), dr=14)[0], published["apstar_pixel"])


def test_gap_delete_keeps_the_pixels_of_the_chips_and_the_type():
    pixels = gap_delete(np.arange(8575, dtype="int16"), dr=17)
    assert pixels.shape == (1, 7514)
    assert pixels.dtype == np.int16
    expected = np.concatenate([np.arange(246, 3274), np.arange(3585, 6080), np.arange(6344, 8335)])
    np.testing.assert_array_equal(pixels[0], expected)


def test_gap_delete_leaves_spectra_without_gaps_alone():
    spectra = np.random.default_rng(0).normal(size=(3, 7514))
    np.testing.assert_array_equal(gap_delete(spectra, dr=14), spectra)
    assert gap_delete(np.ones((2, 8575)), dr=12).shape == (2, 7214)


@pytest.mark.parametrize("function", [gap_delete, chips_split])
@pytest.mark.parametrize("documented", [OSError, ValueError])
def test_a_wrong_number_of_pixels_is_an_error_that_names_the_shape(function, documented):
    with pytest.raises(documented, match=r"\(2, 7000\)"):
        function(np.ones((2, 7000)), dr=17)


def test_three_dimensional_spectra_are_an_error():
    with pytest.raises(OSError, match="one axis"):
        gap_delete(np.ones((2, 2, 8575)), dr=17)


@pytest.mark.parametrize("as_masked", [np.ma.array, Masked])
@pytest.mark.parametrize("n_pixels", [8575, 7514])
def test_masked_arrays_stay_masked(as_masked, n_pixels):
    bad = np.arange(n_pixels) % 7 == 0
    pixels = gap_delete(as_masked(np.arange(n_pixels), mask=bad), dr=17)
    kept = gap_delete(np.arange(n_pixels), dr=17)
    np.testing.assert_array_equal(np.asarray(pixels.mask), kept % 7 == 0)
    chips = chips_split(pixels, dr=17)
    np.testing.assert_array_equal(np.concatenate([chip.mask for chip in chips], axis=1), kept % 7 == 0)


def test_masks_of_rows_in_a_list_stay():
    row = np.ma.array(np.ones(8575), mask=np.arange(8575) == 300)
    pixels = gap_delete([row, np.ones(8575)], dr=17)
    np.testing.assert_array_equal(np.argwhere(pixels.mask), [[0, 300 - 246]])


def test_quantities_keep_their_unit():
    assert gap_delete(np.ones(8575) * u.mJy, dr=17).unit == u.mJy
    assert gap_delete([np.ones(8575) * u.mJy, np.ones(8575) * u.mJy], dr=17).unit == u.mJy


@pytest.mark.parametrize("function", [gap_delete, chips_split, chips_pix_info, wavelength_solution])
@pytest.mark.parametrize("dr", [[17], np.array([17]), {17}])
def test_several_releases_at_once_are_an_error(function, dr):
    arguments = [np.ones(7514)] if function in (gap_delete, chips_split) else []
    with pytest.raises(ValueError, match="`dr` must be one data release"):
        function(*arguments, dr=dr)


def test_a_release_may_be_an_array_of_no_axes():
    assert chips_pix_info(dr=np.array(17)) == chips_pix_info(dr=17)


@pytest.mark.filterwarnings("ignore:chips_split")
@pytest.mark.parametrize("n_pixels", [8575, 7514])
def test_chips_split_gives_the_three_chips(n_pixels):
    spectra = np.tile(np.arange(n_pixels), (2, 1))
    chips = chips_split(spectra, dr=17)
    assert [chip.shape for chip in chips] == [(2, 3028), (2, 2495), (2, 1991)]
    np.testing.assert_array_equal(np.concatenate(chips, axis=1), gap_delete(spectra, dr=17))


def test_chips_split_warns_that_pixels_between_the_chips_are_lost():
    with pytest.warns(UserWarning, match="chips_split: `spectra` have 8575 pixels.*gap_delete") as told:
        chips_split(np.ones(8575), dr=17)
    assert told[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        chips_split(np.ones(7514), dr=17)
