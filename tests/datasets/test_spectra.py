"""One function opens the spectra of all surveys: real files, and LAMOST files written as their data model says."""

import numpy as np
import pytest
from astropy.io import fits

from astroNN.apogee import read_apstar, read_apvisit, read_aspcapstar
from astroNN.apogee.readers import ApogeeFileError
from astroNN.datasets import read_spectrum
from astroNN.lamost import pseudo_continuum, wavelength_solution

pytestmark = pytest.mark.one_backend


@pytest.mark.parametrize(
    ("name", "reader"),
    [
        ("aspcapStar-r6-l30e.2-2M17334253-1654573.fits", read_aspcapstar),
        ("apStar-r6-2M17334253-1654573.fits", read_apstar),
        ("apVisit-r13-5095-55844-128.fits", read_apvisit),
    ],
)
@pytest.mark.parametrize("as_hdus", [False, True])
def test_apogee_files_are_known_by_their_layout(shared_data, name, reader, as_hdus):
    path = shared_data / "spectra" / name
    expected = reader(path)
    if as_hdus:
        with fits.open(path) as hdus:
            found = read_spectrum(hdus)
    else:
        found = read_spectrum(path)
    assert (found.kind, found.filename, found.snr) == (expected.kind, expected.filename, expected.snr)
    assert found.filename == name
    for array in ("flux", "err", "wavelength", "mask"):
        np.testing.assert_array_equal(getattr(found, array), getattr(expected, array))


def test_a_visit_of_an_apstar_file(shared_data):
    path = shared_data / "spectra" / "apStar-r6-2M13564148+4342587.fits"
    np.testing.assert_array_equal(read_spectrum(path, visit=2).flux, read_apstar(path, visit=2).flux)
    with pytest.raises(TypeError, match="visit belong to apStar files; this one is SDSS"):
        read_spectrum(shared_data / "spectra" / "spec-3586-55181-0500.fits", visit=2)


def test_an_sdss_file(shared_data):
    path = shared_data / "spectra" / "spec-3586-55181-0500.fits"
    star = read_spectrum(str(path))
    with fits.open(path) as hdus:
        table = hdus[1].data
        np.testing.assert_array_equal(star.flux, table["flux"])
        np.testing.assert_allclose(np.log10(star.wavelength), table["loglam"], rtol=1e-6)
        good = table["ivar"] > 0
        np.testing.assert_allclose(star.err[good], table["ivar"][good] ** -0.5, rtol=1e-6)
        np.testing.assert_array_equal(star.mask, ~good)
        np.testing.assert_array_equal(star.bitmask, table["and_mask"])
    assert np.isnan(star.err[~good]).all() and star.flux.dtype.isnative
    assert (star.kind, star.identifier, star.filename) == ("SDSS", "3586-55181-0500", path.name)
    # A G star at rest; the coordinates of its fibre, not of the telescope.
    assert star.facts["class"] == "STAR" and abs(star.facts["z"]) < 1e-3
    assert star.facts["ra"] == pytest.approx(6.7137386) and star.facts["dec"] == pytest.approx(0.012459214)
    assert star.snr == pytest.approx(54.98, abs=0.01)
    # H-alpha in vacuum: 6564.6 Angstrom.
    window = np.abs(star.wavelength - 6564.6) < 15
    assert abs(star.wavelength[window][star.flux[window].argmin()] - 6564.6) < 2


def lamost_hdus(layout, n_pixels=3909):
    rng = np.random.default_rng(0)
    flux, ivar = rng.normal(300, 10, n_pixels), np.full(n_pixels, 0.01)
    ivar[5] = 0
    andmask = np.zeros(n_pixels, int)
    andmask[7] = 4
    wavelength = wavelength_solution(dr=5)[:n_pixels]
    header = fits.Header({"DESIG": "LAMOST J0123", "OBSID": 17, "RA": 10.5, "DEC": -3.0, "LMJD": 56000, "SNRG": 35.0,
                          "CLASS": "STAR", "Z": 0.001, "FIBERID": 12, "EXPTIME": -9999.0})  # fmt: skip
    if layout == "image":
        image = np.array([flux, ivar, wavelength, andmask, andmask], "f4")
        hdus = fits.HDUList([fits.PrimaryHDU(image, header)])
    else:
        columns = {"FLUX": flux, "IVAR": ivar, "WAVELENGTH": wavelength, "ANDMASK": andmask, "ORMASK": andmask}
        coded = [fits.Column(name, f"{n_pixels}E", array=[values]) for name, values in columns.items()]
        hdus = fits.HDUList([fits.PrimaryHDU(header=header), fits.BinTableHDU.from_columns(coded, name="COADD")])
    return hdus, flux, ivar, wavelength


@pytest.mark.parametrize("layout", ["image", "table"])
def test_lamost_files_of_both_layouts(layout, tmp_path):
    hdus, flux, ivar, wavelength = lamost_hdus(layout)
    hdus.writeto(tmp_path / "spec.fits")
    star = read_spectrum(tmp_path / "spec.fits")
    np.testing.assert_allclose(star.flux, flux, rtol=1e-6)
    np.testing.assert_allclose(star.wavelength, wavelength, rtol=1e-6)
    np.testing.assert_allclose(star.err[[0, 1]], 10, rtol=1e-6)
    assert np.isnan(star.err[5]) and np.flatnonzero(star.mask).tolist() == [5]
    assert np.flatnonzero(star.bitmask).tolist() == [7] and star.bitmask.dtype.kind == "i"
    assert (star.kind, star.identifier, star.snr) == ("LAMOST", "LAMOST J0123", 35.0)
    assert star.facts == {"ra": 10.5, "dec": -3.0, "mjd": 56000, "fiber": 12, "z": 0.001, "class": "STAR"}
    normalised, _ = pseudo_continuum(star.flux, star.ivar)
    assert abs(np.median(normalised) - 1) < 0.01


def test_without_a_header_the_pixels_tell_the_signal_to_noise():
    hdus, *_ = lamost_hdus("image")
    del hdus[0].header["SNRG"]
    assert read_spectrum(hdus).snr == pytest.approx(30, rel=0.02)
    assert read_spectrum(hdus).filename == ""
    assert "LAMOST J0123, SNR 29.97" in repr(read_spectrum(hdus))


def test_what_is_no_spectrum(tmp_path):
    with pytest.raises(FileNotFoundError, match="read_spectrum: there is no file"):
        read_spectrum(tmp_path / "none.fits")
    (tmp_path / "text.fits").write_text("hello")
    with pytest.raises(ValueError, match=r"read_spectrum: .*text.fits' could not be read as FITS"):
        read_spectrum(tmp_path / "text.fits")
    fits.PrimaryHDU(np.ones((5, 10))).writeto(tmp_path / "image.fits")
    with pytest.raises(OSError, match=r"'image.fits' is no aspcapStar, .* by its layout; it holds PRIMARY \(5, 10\)"):
        read_spectrum(tmp_path / "image.fits")


@pytest.mark.parametrize("name", ["apStar-r6-2M17334253-1654573.fits", "spec-3586-55181-0500.fits"])
@pytest.mark.parametrize("part", [0.001, 0.02])
def test_a_truncated_file_says_so(shared_data, name, part, tmp_path):
    whole = (shared_data / "spectra" / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: int(len(whole) * part)])
    with pytest.raises(ValueError, match="read_spectrum: .*(truncated|layout)"):
        read_spectrum(tmp_path / name)


def test_a_damaged_header_names_the_file(shared_data, tmp_path):
    good = (shared_data / "spectra" / "spec-3586-55181-0500.fits").read_bytes()
    at = good.index(b"PLATEID =")
    path = tmp_path / "spec-1-2-3.fits"
    path.write_bytes(good[:at] + b"PLATEID = 'not closed".ljust(80) + good[at + 80 :])
    with pytest.raises(ApogeeFileError, match=r"read_spectrum: '.*spec-1-2-3.fits' has a damaged header"):
        read_spectrum(path)
