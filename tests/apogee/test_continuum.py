import warnings

import numpy as np
import pytest
from astropy import units as u
from astropy.utils.masked import Masked
from numpy.polynomial import Chebyshev

from astroNN.apogee import apogee_continuum, continuum, continuum_mask

CHIPS = [slice(0, 3028), slice(3028, 5523), slice(5523, 7514)]


def make_spectra(n_spectra=4, seed=0):
    """Curved continua with noise, errors over two decades, missing pixels and placeholder errors."""
    rng = np.random.default_rng(seed)
    x = np.linspace(-1, 1, 7514)
    spectra = (300 + 50 * x + 30 * x**2) * (1 + 0.02 * rng.normal(size=(n_spectra, 7514)))
    errors = 10 ** rng.normal(0.5, 0.5, size=spectra.shape)
    spectra[rng.random(spectra.shape) < 0.05] = np.nan
    errors[:, ::97] = 1e10
    return spectra, errors


def numpy_fit(flux, err, usable, deg):
    """One spectrum of one chip by numpy's own fit, with the published weights."""
    pixels = np.arange(flux.size)
    weights = 1.0 / (err[usable] ** 2 + 1e-8)
    return Chebyshev.fit(pixels[usable], flux[usable], deg, w=weights)(pixels)


@pytest.mark.parametrize("dr", [14, 17])
@pytest.mark.parametrize("deg", [0, 2, 4])
def test_all_spectra_at_once_equal_numpy_one_by_one(dr, deg):
    spectra, errors = make_spectra()
    flux, err = apogee_continuum(spectra, errors, deg=deg, dr=dr)
    for row in range(len(spectra)):
        for chip in CHIPS:
            measured = np.isfinite(spectra[row, chip])
            fit = numpy_fit(spectra[row, chip], errors[row, chip], continuum_mask(dr)[chip] & measured, deg)
            # Both solve the problem to rounding times its condition number (below 1e4 here).
            np.testing.assert_allclose(flux[row, chip][measured], (spectra[row, chip] / fit)[measured], rtol=1e-11)
            np.testing.assert_allclose(err[row, chip][measured], (errors[row, chip] / fit)[measured], rtol=1e-11)


def test_a_spectrum_does_not_depend_on_its_neighbours():
    spectra, errors = make_spectra(n_spectra=200)  # more than two blocks
    flux, _ = apogee_continuum(spectra, errors, dr=14)
    alone, _ = apogee_continuum(spectra[100], errors[100], dr=14)
    np.testing.assert_allclose(flux[100], alone[0], rtol=1e-12)


def test_a_pure_chebyshev_continuum_becomes_one():
    x = np.linspace(-1, 1, 200)
    ramp = 5.0 + 2.0 * x - 0.5 * x**2
    flux, err = continuum(ramp, 0.01 * ramp, np.ones(200, dtype=bool))
    np.testing.assert_allclose(flux, 1.0, rtol=1e-12)
    np.testing.assert_allclose(err, 0.01, rtol=1e-12)


def test_scaling_a_spectrum_changes_nothing():
    spectra, errors = make_spectra()
    flux, err = apogee_continuum(spectra, errors, dr=14)
    scaled, scaled_err = apogee_continuum(1e4 * spectra, 1e4 * errors, dr=14)
    # The 1e-8 in the weights breaks the scaling: relative to errors above 0.01 by at most 1e-4 of a weight,
    # and of the residuals (2 %) that weigh, far less of the fit.
    np.testing.assert_allclose(scaled, flux, rtol=1e-5)
    np.testing.assert_allclose(scaled_err, err, rtol=1e-5)


def test_zero_errors_everywhere_mean_equal_weights():
    spectra, _ = make_spectra()
    unknown, err = apogee_continuum(spectra, np.zeros_like(spectra), dr=14)
    equal, _ = apogee_continuum(spectra, np.ones_like(spectra), dr=14)
    np.testing.assert_allclose(unknown, equal, rtol=1e-11)
    assert (err[np.isfinite(spectra)] == 0).all()


def test_a_pixel_with_zero_error_among_others_takes_no_part_in_the_fit():
    spectra, errors = make_spectra()
    at = np.flatnonzero(continuum_mask(14))[3]
    errors[:, at] = 0.0
    without, _ = apogee_continuum(spectra, errors, dr=14)
    spectra[:, at] = 1e6
    with_outlier, _ = apogee_continuum(spectra, errors, dr=14)
    others = np.arange(7514) != at
    np.testing.assert_array_equal(with_outlier[:, others], without[:, others])


def test_negative_flux_becomes_zero_and_keeps_its_error():
    spectra, errors = np.full((1, 7514), 100.0), np.full((1, 7514), 2.0)
    spectra[0, 10] = -50.0
    assert not continuum_mask(14)[10]
    flux, err = apogee_continuum(spectra, errors, dr=14)
    assert flux[0, 10] == 0.0
    np.testing.assert_allclose(err[0, 10], 0.02)


@pytest.mark.parametrize("hole", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("in_error", [False, True])
def test_pixels_that_are_not_finite_become_the_mask_value(hole, in_error):
    spectra, errors = np.full((1, 7514), 100.0), np.full((1, 7514), 2.0)
    (errors if in_error else spectra)[0, 89] = hole  # 89 is a continuum pixel
    flux, err = apogee_continuum(spectra, errors, dr=14, mask_value=0.7)
    assert flux[0, 89] == err[0, 89] == 0.7
    others = np.arange(7514) != 89
    np.testing.assert_allclose(flux[0, others], 1.0)
    np.testing.assert_allclose(err[0, others], 0.02)


def test_masked_pixels_become_the_mask_value_in_flux_and_error():
    bits = np.zeros(8575, dtype="int16")
    bits[[300, 301, 302]] = 1, 512, 4096  # bad, not bad by default, sky line
    arguments = np.full(8575, 100.0), np.full(8575, 2.0)
    flux, err = apogee_continuum(*arguments, dr=14, bitmask=bits)
    np.testing.assert_allclose(flux[0, 54:57], 1.0)
    np.testing.assert_allclose(err[0, 54:57], [1.0, 0.02, 1.0])
    _, err = apogee_continuum(*arguments, dr=14, bitmask=bits, target_bit=[9])
    np.testing.assert_allclose(err[0, 54:57], [0.02, 1.0, 0.02])


def ramp_with_holes():
    """A linear spectrum with errors of 1 %, and 200 pixels that are no measurement; some are continuum pixels."""
    ramp = np.linspace(250.0, 350.0, 7514)
    holes = np.zeros(7514, dtype=bool)
    holes[np.random.default_rng(3).permutation(7514)[:200]] = True
    assert (holes & continuum_mask(14)).sum() > 5
    return ramp, 0.01 * ramp, holes


def numpy_masked(values, holes):
    return np.ma.array(np.where(holes, -1e6, values), mask=holes)


def rows_of_numpy_masked(values, holes):
    return [numpy_masked(values, holes)]


def astropy_masked(values, holes):
    return Masked(np.where(holes, -1e6, values), mask=holes)


def astropy_masked_quantity(values, holes):
    return Masked(np.where(holes, -1e6, values) * u.dimensionless_unscaled, mask=holes)


def magic(values, holes):
    return np.where(holes, -9999.0, values)


def magic_in_single_precision(values, holes):
    return magic(values, holes).astype("float32")


def magic_in_half_precision(values, holes):
    return magic(values, holes).astype("float16")


MARKS = [
    numpy_masked,
    rows_of_numpy_masked,
    astropy_masked,
    astropy_masked_quantity,
    magic,
    magic_in_single_precision,
    magic_in_half_precision,
]


@pytest.mark.parametrize("mark", MARKS)
@pytest.mark.parametrize("in_error", [False, True])
def test_missing_pixels_are_out_of_the_fit_and_become_the_mask_value(mark, in_error):
    ramp, errors, holes = ramp_with_holes()
    if in_error:  # the flux there is as wrong as the error is missing
        ramp, errors = np.where(holes, 1e6, ramp), mark(errors, holes)
        flux, err = apogee_continuum(ramp, errors, dr=14, mask_value=0.7)
    else:
        flux, err = apogee_continuum(mark(ramp, holes), errors, dr=14, mask_value=0.7)
    assert (flux[0, holes] == 0.7).all() and (err[0, holes] == 0.7).all()
    # A straight line is fitted exactly: to the rounding of its values.
    rounding = {magic_in_single_precision: 1e-6, magic_in_half_precision: 2e-3}.get(mark, 1e-11)
    np.testing.assert_allclose(flux[0, ~holes], 1.0, rtol=rounding)
    np.testing.assert_allclose(err[0, ~holes], 0.01, rtol=rounding)


@pytest.mark.parametrize("mark", [np.ma.array, lambda values, mask: np.where(mask, -9999, values)])
def test_missing_integers_are_missing(mark):
    _, _, holes = ramp_with_holes()
    counts = mark(np.where(holes, 10**6, 300), mask=holes)
    flux, err = apogee_continuum(counts, np.full(7514, 3), dr=14)
    np.testing.assert_allclose(flux, 1.0, rtol=1e-11)
    np.testing.assert_allclose(err[0], np.where(holes, 1.0, 0.01), rtol=1e-11)


@pytest.mark.parametrize("mark", [numpy_masked, astropy_masked, magic])
def test_missing_pixels_of_one_chip_come_out_as_nan(mark):
    ramp, errors, holes = (values[:3028] for values in ramp_with_holes())
    flux, err = continuum(mark(ramp, holes), mark(errors, holes), continuum_mask(14)[:3028])
    assert np.isnan(flux[0, holes]).all() and np.isnan(err[0, holes]).all()
    np.testing.assert_allclose(flux[0, ~holes], 1.0, rtol=1e-11)
    np.testing.assert_allclose(err[0, ~holes], 0.01, rtol=1e-11)


def test_another_magic_number_of_the_configuration_marks_missing_pixels(monkeypatch):
    monkeypatch.setattr("astroNN.apogee._continuum.MAGIC_NUMBER", 999.0)
    ramp, errors, holes = ramp_with_holes()
    flux, err = apogee_continuum(ramp, np.where(holes, 999.0, errors), dr=14)
    assert (flux[0, holes] == 1).all() and (err[0, holes] == 1).all()
    np.testing.assert_allclose(err[0, ~holes], 0.01, rtol=1e-11)


def test_no_error_comes_out_negative():
    ramp, errors, _ = ramp_with_holes()
    errors[[40, 89]] = -9999.0, -3.0
    flux, err = apogee_continuum(ramp, errors, dr=14)
    np.testing.assert_array_equal(flux[0, [40, 89]], 1.0)
    np.testing.assert_array_equal(err[0, [40, 89]], 1.0)
    # The continuum of a spectrum below zero is negative, its standard deviations are not.
    _, err = apogee_continuum(-ramp, 0.01 * ramp, dr=14)
    np.testing.assert_allclose(err, 0.01, rtol=1e-11)


def test_masked_bits_are_bad():
    bits = np.ma.array(np.zeros(7514, dtype=int), mask=np.arange(7514) == 10)
    flux, err = apogee_continuum(np.full(7514, 100.0), np.full(7514, 2.0), dr=14, bitmask=bits, mask_value=0.5)
    assert np.flatnonzero(flux[0] == 0.5).tolist() == np.flatnonzero(err[0] == 0.5).tolist() == [10]


def test_errors_are_converted_to_the_unit_of_the_flux():
    flux, err = apogee_continuum(np.full(7514, 300.0) * u.Jy, np.full(7514, 3000.0) * u.mJy, dr=14)
    np.testing.assert_allclose(flux, 1.0, rtol=1e-11)
    np.testing.assert_allclose(err, 0.01, rtol=1e-11)
    _, err = apogee_continuum([np.full(7514, 300.0) * u.Jy], [np.full(7514, 3000.0) * u.mJy], dr=14)
    np.testing.assert_allclose(err, 0.01, rtol=1e-11)
    _, err = continuum(np.full(50, 2.0), np.full(50, 4.0) * u.percent, np.ones(50, dtype=bool))
    np.testing.assert_allclose(err, 0.02, rtol=1e-11)


@pytest.mark.parametrize("flux_unit", [u.AA, 1])
def test_errors_in_a_unit_that_is_no_flux_are_refused(flux_unit):
    with pytest.raises(ValueError, match="apogee_continuum: `spectra_err` has the unit 'mJy'"):
        apogee_continuum(np.full(7514, 300.0) * flux_unit, np.full(7514, 3.0) * u.mJy, dr=14)


@pytest.mark.parametrize("dtype", [int, "uint8", "int64"])
@pytest.mark.parametrize("shape", [(7514,), (1, 7514)])
def test_a_mask_of_zeros_and_ones_is_one_of_booleans(dtype, shape):
    spectra, errors = make_spectra()
    expected, _ = apogee_continuum(spectra, errors, cont_mask=continuum_mask(14), dr=14)
    mask = continuum_mask(14).astype(dtype).reshape(shape)
    np.testing.assert_array_equal(apogee_continuum(spectra, errors, cont_mask=mask, dr=14)[0], expected)


def test_masked_elements_of_a_continuum_mask_are_no_continuum():
    ramp, errors, holes = ramp_with_holes()
    mask = np.ma.array(np.ones(7514, dtype=bool), mask=holes)
    flux, _ = apogee_continuum(np.where(holes, 1e6, ramp), errors, cont_mask=mask, dr=14)
    np.testing.assert_allclose(flux[0, ~holes], 1.0, rtol=1e-11)


def test_missing_pixels_are_no_reason_for_warnings():
    ramp, errors, holes = ramp_with_holes()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        apogee_continuum(np.where(holes, np.nan, ramp), np.where(holes, -9999.0, errors), dr=14)


@pytest.mark.parametrize("dtype", ["float32", ">f4"])
def test_single_precision_stays_single_and_the_input_untouched(dtype):
    spectra, errors = (values.astype(dtype) for values in make_spectra())
    before = spectra.copy()
    flux, err = apogee_continuum(spectra, errors, dr=14)
    assert flux.dtype == err.dtype == np.float32
    np.testing.assert_array_equal(spectra, before)


def test_own_continuum_pixels_may_be_given_on_either_grid():
    spectra, errors = make_spectra()
    mask = np.zeros(8575, dtype=bool)
    mask[::40] = True
    inner = np.concatenate([mask[246:3274], mask[3585:6080], mask[6344:8335]])
    np.testing.assert_array_equal(
        apogee_continuum(spectra, errors, cont_mask=mask, dr=14)[0],
        apogee_continuum(spectra, errors, cont_mask=inner, dr=14)[0],
    )


def test_a_chip_without_usable_continuum_pixels_warns_and_leaves_the_others():
    spectra, errors = make_spectra()
    spectra[1, CHIPS[1]] = np.nan
    with pytest.warns(UserWarning, match="of 4 spectra, 1 in the green chip"):
        flux, err = apogee_continuum(spectra, errors, dr=14)
    assert (flux[1, CHIPS[1]] == 1).all() and (err[1, CHIPS[1]] == 1).all()
    assert flux[1, CHIPS[0]].std() > 0


def test_continuum_pixels_equal_the_published_ones(shared_data):
    with np.load(shared_data / "apogee_masks_7514.npz") as published:
        for dr in (13, 14, 16, 17):
            np.testing.assert_array_equal(continuum_mask(dr), published[f"contmask_dr{dr}"])


@pytest.mark.parametrize("dr", [11, 12])
def test_releases_without_continuum_pixels_say_so(dr):
    with pytest.raises(ValueError, match="cont_mask"):
        apogee_continuum(np.ones(8575), np.ones(8575), dr=dr)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"spectra_err": np.ones((1, 7514))}, "equal shapes"),
        ({"spectra_err": np.ones((2, 100))}, r"^apogee_continuum: `spectra_err` must have 8575.*\(2, 100\)"),
        ({"spectra": np.ones((2, 100))}, r"^apogee_continuum: `spectra` must have 8575.*\(2, 100\)"),
        ({"cont_mask": np.ones(100, dtype=bool)}, r"^apogee_continuum: `cont_mask` must have 8575.*\(100,\)"),
        ({"cont_mask": np.ones((2, 7514), dtype=bool)}, r"`cont_mask` must be one mask.*\(2, 7514\)"),
        ({"cont_mask": np.arange(7514)}, "`cont_mask` must be boolean"),
        ({"cont_mask": np.ones(7514)}, "boolean"),
        ({"cont_mask": np.zeros(7514, dtype=bool)}, "at least 3 continuum pixels"),
        ({"deg": -1}, "^apogee_continuum: `deg` must be a whole number of at least 0, got -1"),
        ({"deg": 1.5}, "^apogee_continuum: `deg` must be a whole number of at least 0, got 1.5"),
        ({"deg": "2"}, "^apogee_continuum: `deg` must be a whole number of at least 0, got '2'"),
        ({"bitmask": np.zeros((2, 100), dtype=int)}, r"^apogee_continuum: `bitmask` must have 8575.*\(2, 100\)"),
        ({"bitmask": np.full((2, 7514), 0.5)}, "^apogee_continuum: `bitmask` must hold whole numbers"),
        ({"bitmask": np.zeros((1, 7514), dtype=int)}, "`bitmask` must have the shape"),
        ({"target_bit": 3}, "without `bitmask`"),
        ({"spectra": np.full((2, 7514), "a")}, "real numbers"),
    ],
)
def test_wrong_arguments_are_named(changes, message):
    arguments = {"spectra": np.ones((2, 7514)), "spectra_err": np.ones((2, 7514)), "dr": 14} | changes
    with pytest.raises(ValueError, match=message):
        apogee_continuum(**arguments)


def test_a_continuum_mask_of_another_length_is_named():
    with pytest.raises(
        ValueError, match=r"continuum: `cont_mask` must have one value for each of the 50 pixels.*\(40,\)"
    ):
        continuum(np.ones(50), np.ones(50), np.ones(40, dtype=bool))
