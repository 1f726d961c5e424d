import numpy as np
import pytest
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
    spectra, errors = make_spectra(n_spectra=130)  # more than two blocks
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
        ({"cont_mask": np.ones(7514)}, "boolean"),
        ({"cont_mask": np.zeros(7514, dtype=bool)}, "at least 3 continuum pixels"),
        ({"deg": -1}, "`deg` -1"),
        ({"bitmask": np.zeros((1, 7514), dtype=int)}, "`bitmask` must have the shape"),
        ({"target_bit": 3}, "without `bitmask`"),
        ({"spectra": np.full((2, 7514), "a")}, "real numbers"),
    ],
)
def test_wrong_arguments_are_named(changes, message):
    arguments = {"spectra": np.ones((2, 7514)), "spectra_err": np.ones((2, 7514)), "dr": 14} | changes
    with pytest.raises(ValueError, match=message):
        apogee_continuum(**arguments)
