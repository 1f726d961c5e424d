"""LAMOST: documented wavelengths, the smoothing by its formula, and what becomes of bad pixels."""

import tracemalloc
import warnings

import numpy as np
import pytest
from astropy import units as u
from astropy.table import Table
from astropy.utils.masked import Masked

from astroNN.lamost import (
    lamost_default_dr,
    lamost_env,
    load_allstar_dr5,
    pseudo_continuum,
    wavelength_solution,
)
from astroNN.lamost.chips import smooth_spec
from astroNN.shared import folders

pytestmark = pytest.mark.one_backend


@pytest.fixture
def spectra():
    rng = np.random.default_rng(0)
    wavelength = np.sort(rng.uniform(4000, 4400, 80))
    flux = 100 * (1 + 0.001 * (wavelength - 4200)) * rng.normal(1, 0.1, (5, 80))
    ivar = rng.uniform(0.1, 2, (5, 80))
    ivar[rng.random((5, 80)) < 0.2] = 0
    return flux, ivar, wavelength


def by_the_formula(flux, ivar, wavelength, L):
    """Sums written out, pixel by pixel."""
    smooth = np.zeros(len(flux))
    for j in range(len(flux)):
        top = bottom = 0.0
        for i in range(len(flux)):
            weight = np.exp(-0.5 * (wavelength[i] - wavelength[j]) ** 2 / L**2)
            top += flux[i] * ivar[i] * weight
            bottom += ivar[i] * weight
        smooth[j] = top / bottom if bottom else 0.0
    return smooth


def test_the_documented_wavelengths():
    wavelength = wavelength_solution(dr=5)
    assert wavelength.shape == (3909,)
    np.testing.assert_allclose(wavelength[[0, -1]], [3699.985, 9099.133], atol=1e-3)
    np.testing.assert_allclose(np.diff(np.log10(wavelength)), 1e-4, rtol=1e-6)


@pytest.mark.parametrize("L", [5, 50.0])
def test_the_smoothing_is_that_of_the_formula_for_one_and_for_many(spectra, L):
    flux, ivar, wavelength = spectra
    expected = [by_the_formula(*one, wavelength, L) for one in zip(flux, ivar, strict=True)]
    np.testing.assert_allclose(smooth_spec(flux, ivar, wavelength, L), expected, rtol=1e-12)
    np.testing.assert_allclose(smooth_spec(flux[0], ivar[0], wavelength, L), expected[0], rtol=1e-12)


def test_blocks_of_pixels_and_spectra_change_nothing(spectra, monkeypatch):
    whole = smooth_spec(*spectra)
    monkeypatch.setattr("astroNN.lamost.chips.BLOCK_PIXELS", 7)
    monkeypatch.setattr("astroNN.lamost.chips.BLOCK_SPECTRA", 2)
    np.testing.assert_allclose(smooth_spec(*spectra), whole, rtol=1e-13)


def test_flux_and_errors_are_divided_by_the_same_continuum(spectra):
    flux, ivar, wavelength = spectra
    smooth = smooth_spec(flux, ivar, wavelength)
    normalised, normalised_ivar = pseudo_continuum(flux, ivar, wavelength)
    np.testing.assert_allclose(normalised * smooth, flux)
    # The ratio of signal to noise stays.
    np.testing.assert_allclose(normalised**2 * normalised_ivar, flux**2 * ivar)


def test_the_unit_of_the_flux_does_not_matter(spectra):
    flux, ivar, wavelength = spectra
    for factor in (1e-17, 1e5):
        scaled = pseudo_continuum(factor * flux, ivar / factor**2, wavelength)
        for one, other in zip(scaled, pseudo_continuum(flux, ivar, wavelength), strict=True):
            np.testing.assert_allclose(one, other)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_bad_pixel_is_1_and_leaves_the_others_alone(spectra, bad):
    flux, ivar, wavelength = spectra
    ivar[0, 3], expected = 0.0, pseudo_continuum(flux, np.where(np.arange(80) == 3, 0, ivar), wavelength)
    flux = flux.copy()
    flux[0, 3], ivar[0, 3] = bad, 1.0
    ivar[:, 3] = np.where(np.arange(5) == 0, ivar[:, 3], 0)
    found, found_ivar = pseudo_continuum(flux, ivar, wavelength)
    assert (found[0, 3], found_ivar[0, 3]) == (1, 0)
    others = np.ones((5, 80), bool)
    others[0, 3] = False
    np.testing.assert_allclose(found[others], expected[0][others])
    np.testing.assert_allclose(found_ivar[others], expected[1][others])


def numpy_masked(values, missing):
    return np.ma.array(values, mask=missing)


def astropy_masked(values, missing):
    return Masked(values, mask=missing)


def magic(values, missing):
    return np.where(missing, -9999.0, values)


MARKS = [numpy_masked, astropy_masked, magic]


@pytest.mark.parametrize("mark", MARKS)
@pytest.mark.parametrize("name", ["flux", "ivar"])
def test_missing_pixels_take_no_part(spectra, mark, name):
    flux, ivar, wavelength = spectra
    missing = np.arange(80) % 9 == 4
    missing = np.stack([missing] * 5)
    ivar[missing] = 1.0
    good = [by_the_formula(f[~m], i[~m], wavelength[~m], 50) for f, i, m in zip(flux, ivar, missing, strict=True)]
    arrays = {"flux": np.where(missing, 1e6, flux), "ivar": ivar}
    arrays[name] = mark(arrays[name], missing)
    smooth = smooth_spec(arrays["flux"], arrays["ivar"], wavelength)
    np.testing.assert_allclose(smooth[~missing], np.concatenate(good), rtol=1e-12)
    normalised, normalised_ivar = pseudo_continuum(arrays["flux"], arrays["ivar"], wavelength)
    np.testing.assert_allclose(normalised[~missing], flux[~missing] / np.concatenate(good), rtol=1e-12)
    assert (normalised_ivar[missing] == 0).all()
    if name == "flux":
        assert (normalised[missing] == 1).all()


def test_masked_rows_in_a_list_are_masked(spectra):
    flux, ivar, wavelength = spectra
    missing = np.arange(80) == 7
    rows = [np.ma.array(row, mask=missing) for row in flux]
    found = pseudo_continuum(rows, ivar, wavelength)
    expected = pseudo_continuum(np.where(missing, np.nan, flux), ivar, wavelength)
    np.testing.assert_array_equal(found, expected)


def test_units_are_converted(spectra):
    flux, ivar, wavelength = spectra
    expected = pseudo_continuum(flux, ivar, wavelength, L=50)
    with_units = flux * u.Jy, ivar / u.Jy**2, wavelength / 10 * u.nm
    for given in [(*with_units, 5 * u.nm), (*with_units, 50), (flux, ivar, wavelength, 50 * u.AA)]:
        np.testing.assert_allclose(pseudo_continuum(*given), expected, rtol=1e-9)
    found = pseudo_continuum(flux * u.Jy, (ivar / u.Jy**2).to(u.mJy**-2), wavelength)
    np.testing.assert_allclose(found, expected, rtol=1e-9)


@pytest.mark.parametrize("bad", [np.nan, -1.0, 0.0])
def test_a_pixel_without_inverse_variance_takes_no_part(spectra, bad):
    flux, ivar, wavelength = spectra
    ivar[:, 10] = 0.0
    expected = smooth_spec(flux, ivar, wavelength)
    ivar[:, 10], flux[:, 10] = bad, 1e6
    np.testing.assert_allclose(smooth_spec(flux, ivar, wavelength), expected)


def test_a_spectrum_without_any_good_pixel_is_1_with_no_weight():
    flux, ivar = pseudo_continuum(np.full(3909, 7.0), np.zeros(3909), dr=5)
    assert (flux == 1).all() and (ivar == 0).all()
    assert (smooth_spec([7.0], [0.0], [4000.0]) == 0).all()


def test_memory_does_not_grow_with_the_pairs_of_pixels():
    flux = np.ones((20, 3909))
    tracemalloc.start()
    pseudo_continuum(flux, flux, dr=5)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3909**2 * 8 / 2  # half of what the weights of all pairs would take


def test_the_input_is_left_as_it_was(spectra):
    flux, ivar, wavelength = spectra
    flux[0, 0] = np.nan
    copies = flux.copy(), ivar.copy()
    pseudo_continuum(flux, ivar, wavelength)
    np.testing.assert_array_equal(flux, copies[0])
    np.testing.assert_array_equal(ivar, copies[1])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.ones(5), np.ones(4), np.ones(5)), r"`flux` and `ivar` must have the same shape.*\(5,\) and \(4,\)"),
        ((np.ones(5), np.ones(5)), r"`wavelength` must have one value for each of the 5 pixels"),
        ((np.ones((1, 1, 5)), np.ones((1, 1, 5)), np.ones(5)), "must have the same shape"),
        ((np.ones(5), np.ones(5), np.ones(5), 0), "`L` must be a positive number"),
        ((np.ones(5), np.ones(5), np.ones(5), np.nan), "`L` must be a positive number"),
        ((np.ones(5), np.ones(5), np.ones(5), "5"), "`L` must be a positive number of Angstrom.* got '5'"),
        ((np.ones(5), np.ones(5), np.ones(5), None), "`L` must be a positive number"),
        ((np.ones(5), np.ones(5), np.ones(5), [5.0]), "`L` must be a positive number"),
        ((np.ones(5), np.ones(5), np.ones(5), -5 * u.AA), "`L` must be a positive number"),
        ((np.ones(5), np.ones(5), np.ones(5), 5 * u.Jy), "`L` has the unit 'Jy'"),
        ((np.ones(5), np.ones(5) / u.Jy, np.ones(5)), "`ivar` has the unit '1 / Jy'"),
    ],
)
@pytest.mark.parametrize("function", [pseudo_continuum, smooth_spec])
def test_what_can_not_be_smoothed_is_refused_by_the_function_that_was_called(function, arguments, message):
    if function is smooth_spec and len(arguments) == 2:
        arguments = *arguments, np.ones(3909)
    with pytest.raises(ValueError, match=f"^{function.__name__}: .*{message}"):
        function(*arguments)


def test_what_is_no_number_is_refused():
    with pytest.raises(TypeError, match="pseudo_continuum: `flux` must hold numbers"):
        pseudo_continuum(["a", "b"], [1.0, 1.0], [4000.0, 4001.0])


def test_releases():
    assert lamost_default_dr() == lamost_default_dr(5) == 5
    for function in (lamost_default_dr, wavelength_solution):
        with pytest.raises(ValueError, match="`dr` must be one of 5, got 4"):
            function(4)


@pytest.mark.parametrize("dr", [[5], np.array([5]), np.array([5, 5]), "5"])
def test_a_release_is_one_number(dr):
    with pytest.raises(ValueError, match="`dr` must be one of 5, got"):
        lamost_default_dr(dr)


@pytest.mark.parametrize("content", [b"", b"<html>not found</html>"])
def test_a_broken_catalogue_is_named(monkeypatch, tmp_path, content):
    monkeypatch.setenv("LASMOT_DR5_DATA", str(tmp_path))
    (tmp_path / "DR5").mkdir()
    (tmp_path / "DR5" / "LAMO5_2MS_AP9_SD14_UC4_PS1_AW_Carlin_M.fits").write_bytes(content)
    with pytest.raises(
        OSError, match=r"load_allstar_dr5: .*LAMO5_2MS_AP9_SD14_UC4_PS1_AW_Carlin_M.fits can't be read"
    ):
        load_allstar_dr5()


def test_the_catalogue_is_opened_from_the_folder_of_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("LASMOT_DR5_DATA", str(tmp_path))
    assert lamost_env() == str(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"DR5.LAMO5_2MS_AP9_SD14_UC4_PS1_AW_Carlin_M.fits. Get .*LASMOT_DR5"):
        load_allstar_dr5()
    (tmp_path / "DR5").mkdir()
    Table({"ra": [1.0]}).write(tmp_path / "DR5" / "LAMO5_2MS_AP9_SD14_UC4_PS1_AW_Carlin_M.fits")
    with load_allstar_dr5() as hdus:
        assert hdus[1].data["ra"] == [1.0]


def test_without_the_variable_one_warning(monkeypatch):
    monkeypatch.delenv("LASMOT_DR5_DATA", raising=False)
    monkeypatch.setattr(folders, "_warned", set())
    with pytest.warns(UserWarning, match="LASMOT_DR5_DATA is not set"):
        assert lamost_env() is None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert lamost_env() is None
