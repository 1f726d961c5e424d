import numpy as np
import pytest
from astropy import units as u

from astroNN.apogee import resample_to_apogee

SPEED_OF_LIGHT = 299792.458  # km/s
GRID = 10.0 ** (4.179 + 6e-6 * np.arange(8575))
LINE = 15960.0  # Angstrom, in the green chip
LSF_SIGMA = LINE / 22500 / 2.3548  # Gaussian of the survey's resolution


def green_chip(n_pixels=4096):
    """Wavelengths like those of the green chip of a dithered visit: uneven, 0.131 to 0.152 Angstrom a pixel."""
    steps = np.linspace(0.152, 0.131, n_pixels - 1)
    return 15857.0 + np.concatenate([[0.0], np.cumsum(steps)])


def absorption(wavelength, centre=LINE):
    return 1.0 - 0.5 * np.exp(-0.5 * ((wavelength - centre) / LSF_SIGMA) ** 2)


def test_a_spectrum_on_the_grid_at_rest_comes_back_unchanged():
    flux = np.random.default_rng(0).normal(1.0, 0.1, 8575)
    resampled, err, good = resample_to_apogee(GRID, flux, np.full(8575, 0.1), rv=0.0)
    np.testing.assert_allclose(resampled, flux, atol=1e-9)  # sinc(integer) = 0, pixels found to 1e-9
    np.testing.assert_allclose(err, 0.1, rtol=1e-9)
    assert good.all()


@pytest.mark.parametrize("rv", [-500.0, -67.5, 0.0, 67.5])
def test_a_line_lands_at_its_rest_wavelength_with_its_shape(rv):
    observed = green_chip()
    beta = rv / SPEED_OF_LIGHT
    centre = LINE * np.sqrt((1 + beta) / (1 - beta))  # receding: to the red
    flux = absorption(observed / (centre / LINE))
    resampled, _, good = resample_to_apogee(observed, flux, np.full(flux.size, 0.01), rv=rv)
    near = np.abs(GRID - LINE) < 5.0
    assert good[near].all()
    # The line has 1e-4 of its amplitude left at the grid's highest frequency, and the kernel is cut at 8e-5.
    np.testing.assert_allclose(resampled[near], absorption(GRID)[near], atol=3e-4)


def test_descending_and_split_chips_give_the_same_as_ascending_ones():
    observed = green_chip()
    flux = np.random.default_rng(1).normal(1.0, 0.1, observed.size)
    err = np.full(observed.size, 0.1)
    once = resample_to_apogee(observed, flux, err, rv=-30.0)
    turned = resample_to_apogee(observed[::-1], flux[::-1], err, rv=-30.0)
    np.testing.assert_array_equal(once, turned)
    half = observed.size // 2
    keep = np.r_[0 : half - 100, half + 100 : observed.size]
    one_row = resample_to_apogee(observed[keep], flux[keep], err[keep], rv=-30.0)
    rows = (values[keep].reshape(2, -1)[::-1] for values in (observed, flux, err))
    np.testing.assert_array_equal(one_row, resample_to_apogee(*rows, rv=-30.0))


def test_errors_are_the_scatter_of_many_noisy_spectra():
    rng = np.random.default_rng(2)
    observed = green_chip(1024)
    err = np.where(np.arange(1024) % 50 < 10, 0.3, 0.1)
    n_draws = 400
    draws = [resample_to_apogee(observed, 1 + err * rng.normal(size=1024), err, rv=20.0) for _ in range(n_draws)]
    quoted = draws[0][1]
    covered = np.isfinite(quoted)
    ratio = np.std([flux[covered] for flux, _, _ in draws], axis=0) / quoted[covered]
    # A standard deviation from n draws has the relative error 1 / sqrt(2 n) = 0.035; hundreds of pixels.
    assert abs(ratio.mean() - 1.0) < 0.01
    assert np.abs(ratio - 1.0).max() < 5 / np.sqrt(2 * n_draws)


def test_finer_pixels_are_averaged():
    fine = 10.0 ** (np.log10(GRID[4000]) + 6e-6 / 2 * np.arange(2000))  # two pixels a grid pixel
    _, err, good = resample_to_apogee(fine, np.ones(2000), np.full(2000, 0.1), rv=0.0)
    # Half the band is kept, so half the variance: exactly for an undamped sinc, whose edge the damping smooths
    # (a Gaussian of 0.07 cycles a pixel, which loses 0.055 / 0.5 of the power).
    np.testing.assert_allclose(err[good].mean(), 0.1 / np.sqrt(2), rtol=0.08)


def test_nothing_is_made_up_outside_the_chips():
    observed = green_chip()
    flux, err, good = resample_to_apogee(observed, np.ones(4096), np.full(4096, 0.1), rv=0.0)
    outside = (GRID < observed[0]) | (GRID > observed[-1])
    assert np.isnan(flux[outside]).all() and np.isnan(err[outside]).all() and not good[outside].any()
    assert np.isfinite(flux[~outside]).all()
    np.testing.assert_allclose(flux[~outside], 1.0, atol=1e-12)


@pytest.mark.parametrize("how", ["mask", "nan", "zero error", "placeholder", "inf error"])
def test_bad_pixels_are_bridged_and_marked(how):
    observed = green_chip()
    flux, err, mask = np.ones(4096), np.full(4096, 0.01), np.zeros(4096, dtype=bool)
    bad = slice(2000, 2004)
    flux[bad] = np.nan if how == "nan" else 50.0
    mask[bad] = how == "mask"
    err[bad] = {"zero error": 0.0, "placeholder": 1e10, "inf error": np.inf}.get(how, 0.01)
    resampled, resampled_err, good = resample_to_apogee(observed, flux, err, rv=0.0, mask=mask)
    covered = np.isfinite(resampled)
    np.testing.assert_allclose(resampled[covered], 1.0, atol=1e-12)
    assert resampled_err[covered].max() < 0.05
    inside_gap = (GRID > observed[2000]) & (GRID < observed[2003])
    assert inside_gap.any() and not good[inside_gap].any()
    far = (np.abs(GRID - observed[2002]) > 1.0) & (GRID > observed[20]) & (GRID < observed[-20])
    assert good[far].all()


@pytest.mark.parametrize("how", ["masked flux", "masked error", "masked mask", "magic flux", "magic error"])
def test_missing_pixels_are_bridged_and_marked_as_nan_is(how):
    observed = green_chip()
    missing = np.zeros(4096, dtype=bool)
    missing[2000:2004] = True
    arrays = {"flux": np.where(missing, 50.0, 1.0), "error": np.full(4096, 0.01), "mask": np.zeros(4096, dtype=bool)}
    mark, name = how.split()
    marked = np.where(missing, -9999.0, arrays[name])
    arrays[name] = np.ma.array(arrays[name], mask=missing) if mark == "masked" else marked
    found = resample_to_apogee(observed, arrays["flux"], arrays["error"], rv=0.0, mask=arrays["mask"])
    expected = resample_to_apogee(observed, np.where(missing, np.nan, 1.0), np.full(4096, 0.01), rv=0.0)
    np.testing.assert_array_equal(found, expected)


def test_units_are_converted():
    observed = green_chip()
    flux, err = absorption(observed), np.full(4096, 0.01)
    expected = resample_to_apogee(observed, flux, err, rv=-67.5)
    found = resample_to_apogee(observed / 10 * u.nm, flux * u.Jy, 1e3 * err * u.mJy, rv=-67500 * u.m / u.s)
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_overlapping_chips_are_averaged_by_inverse_variance():
    observed = green_chip()
    rows = np.stack([observed, observed])
    flux = np.stack([np.full(4096, 1.0), np.full(4096, 2.0)])
    err = np.stack([np.full(4096, 0.1), np.full(4096, 0.2)])
    resampled, resampled_err, good = resample_to_apogee(rows, flux, err, rv=0.0)
    np.testing.assert_allclose(resampled[good], (1.0 / 0.01 + 2.0 / 0.04) / (1 / 0.01 + 1 / 0.04))
    single_err = resample_to_apogee(observed, flux[0], err[0], rv=0.0)[1]
    np.testing.assert_allclose(resampled_err[good], single_err[good] / np.sqrt(1.25))


def test_where_one_of_two_chips_is_bad_the_other_counts_alone():
    observed = green_chip()
    mask = np.zeros((2, 4096), dtype=bool)
    mask[0, 1000:1100] = True
    rows, flux = np.stack([observed, observed]), np.stack([np.full(4096, 9.0), np.full(4096, 2.0)])
    resampled, _, good = resample_to_apogee(rows, flux, np.full((2, 4096), 0.1), rv=0.0, mask=mask)
    hole = (GRID > observed[1005]) & (GRID < observed[1095])
    np.testing.assert_allclose(resampled[hole], 2.0)
    assert good[hole].all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rv": None}, "`rv`"),
        ({"rv": np.nan}, "`rv`"),
        ({"rv": 4e5}, "`rv`"),
        ({"rv": "fast"}, "`rv` must be a radial velocity in km/s, got 'fast'"),
        ({"rv": 3 * u.km}, "resample_to_apogee: `rv` has the unit 'km'"),
        ({"err": np.full(4096, 0.1) * u.mJy}, "resample_to_apogee: `err` has the unit 'mJy'"),
        ({"flux": np.ones(10)}, "share one shape"),
        ({"wavelength": np.tile([1.6e4, 1.5e4], 2048)}, "ascend or descend"),
        ({"wavelength": np.full(4096, np.nan)}, "ascend or descend"),
    ],
)
def test_wrong_arguments_are_named(changes, message):
    arguments = {"wavelength": green_chip(), "flux": np.ones(4096), "err": np.ones(4096), "rv": 0.0} | changes
    with pytest.raises(ValueError, match=message):
        resample_to_apogee(**arguments)
