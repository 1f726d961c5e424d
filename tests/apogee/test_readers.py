import numpy as np
import pytest
from astropy.io import fits

from astroNN.apogee import pixel_mask, read_apstar, read_apvisit, read_aspcapstar
from astroNN.apogee.readers import ApogeeFileError, n_visits
from tests.helpers.apogee_files import apstar_hdus

N_PIXELS = 8575


def write_apstar(path, n_rows, n_visits):
    """A file of the apStar layout: row r has flux r + 1, error 0.1 and bit r set in its first pixel."""
    shape = (N_PIXELS,) if n_rows == 1 else (n_rows, N_PIXELS)
    rows = np.arange(n_rows)[:, None]
    flux = np.broadcast_to(rows + 1.0, (n_rows, N_PIXELS)).astype(">f4").reshape(shape)
    bits = np.where(np.arange(N_PIXELS) == 0, 1 << rows, 0).astype(">i2").reshape(shape)
    header = fits.Header({"OBJID": "2M00000000+0000000", "SNR": 99.0, "VHELIO": -12.5, "NVISITS": n_visits})
    for visit in range(1, n_visits + 1):
        header[f"SNRVIS{visit}"] = 10.0 * visit
        header[f"VHELIO{visit}"] = float(visit)
    images = [flux, np.full(shape, 0.1, ">f4"), bits, flux]
    fits.HDUList([fits.PrimaryHDU(header=header), *map(fits.ImageHDU, images)]).writeto(path)
    return path


def write_apvisit(path, velocity):
    shape = (3, 4096)
    wavelength = np.linspace(16950.0, 15140.0, 3 * 4096).reshape(shape)
    images = [np.ones(shape, ">f4"), np.full(shape, 0.1, ">f4"), np.zeros(shape, ">i2"), wavelength]
    header = fits.Header({"OBJID": "2M1", "SNR": 50.0} | velocity)
    fits.HDUList([fits.PrimaryHDU(header=header), *map(fits.ImageHDU, images)]).writeto(path)
    return path


@pytest.mark.parametrize(
    ("choice", "row", "snr", "vhelio"),
    [
        ({}, 0, 99.0, -12.5),
        ({"combination": "global"}, 1, 99.0, -12.5),
        ({"visit": 1}, 2, 10.0, 1.0),
        ({"visit": 2}, 3, 20.0, 2.0),
    ],
)
def test_each_row_of_an_apstar_file_can_be_chosen(tmp_path, choice, row, snr, vhelio):
    star = read_apstar(write_apstar(tmp_path / "apStar.fits", n_rows=4, n_visits=2), **choice)
    assert (star.flux == row + 1).all()
    assert star.bitmask[0] == 1 << row
    assert (star.snr, star.vhelio, star.rv) == (snr, vhelio, 0.0)
    assert star.flux.shape == star.err.shape == star.wavelength.shape == star.bitmask.shape == (N_PIXELS,)
    assert star.flux.dtype.isnative and star.bitmask.dtype.isnative


@pytest.mark.parametrize("choice", [{}, {"combination": "global"}, {"visit": 1}])
def test_a_file_of_one_visit_gives_that_visit(tmp_path, choice):
    star = read_apstar(write_apstar(tmp_path / "apStar.fits", n_rows=1, n_visits=1), **choice)
    assert star.flux.shape == (N_PIXELS,)
    assert (star.flux == 1).all()


@pytest.mark.parametrize("visit", [0, 3, -1])
def test_a_visit_that_is_not_there_is_an_error_that_counts_them(tmp_path, visit):
    path = write_apstar(tmp_path / "apStar.fits", n_rows=4, n_visits=2)
    with pytest.raises(ValueError, match="from 1 to 2"):
        read_apstar(path, visit=visit)
    with pytest.raises(ValueError, match="combination"):
        read_apstar(path, combination="best")


@pytest.mark.parametrize(("velocity", "rv"), [({"VRAD": -67.5}, -67.5), ({"VREL": 3.0}, 3.0), ({}, None)])
def test_a_visit_has_its_three_chips_and_the_observed_velocity(tmp_path, velocity, rv):
    visit = read_apvisit(write_apvisit(tmp_path / "apVisit.fits", velocity))
    assert visit.flux.shape == visit.wavelength.shape == (3, 4096)
    assert visit.rv == rv


def test_bad_pixels_are_found_from_bits_errors_and_flux(tmp_path):
    path = write_apstar(tmp_path / "apStar.fits", n_rows=1, n_visits=1)
    with fits.open(path, mode="update") as hdus:
        hdus[1].data[1] = np.nan
        hdus[2].data[2:6] = 0.0, -1.0, 1e10, 5e3
        hdus[3].data[6:8] = 4096, 512
    np.testing.assert_array_equal(np.flatnonzero(read_apstar(path).mask), range(7))


@pytest.mark.parametrize("kept", [0, 100, 2880, 20000, 100_000, -1500])
def test_a_truncated_file_is_an_error_that_names_it(tmp_path, kept):
    whole = write_apstar(tmp_path / "apStar.fits", n_rows=4, n_visits=2)
    cut = tmp_path / "cut.fits"
    cut.write_bytes(whole.read_bytes()[:kept])
    with pytest.raises(OSError, match=r"cut\.fits.*compare its size and checksum"):
        read_apstar(cut)


@pytest.mark.parametrize("reader", [read_apstar, read_apvisit, read_aspcapstar])
def test_files_that_are_not_there_or_not_fits_are_errors(tmp_path, reader):
    with pytest.raises(FileNotFoundError, match=reader.__name__):
        reader(tmp_path / "nothing.fits")
    (tmp_path / "text.fits").write_text("not a FITS file")
    with pytest.raises(ValueError, match="no FITS file"):
        reader(tmp_path / "text.fits")


@pytest.mark.parametrize("reader", [read_apvisit, read_aspcapstar])
def test_the_wrong_reader_names_the_right_one(tmp_path, reader):
    path = write_apstar(tmp_path / "apStar.fits", n_rows=4, n_visits=2)
    with pytest.raises(ValueError, match="use read_apstar"):
        reader(path)


def test_fits_of_another_survey_is_refused(shared_data):
    with pytest.raises(ValueError, match="Its kind is unknown"):
        read_apstar(shared_data / "spectra" / "spec-3586-55181-0500.fits")


def test_labels_of_a_real_giant_are_those_of_the_catalogue(shared_data):
    star = read_aspcapstar(shared_data / "spectra" / "aspcapStar-r6-l30e.2-2M17334253-1654573.fits")
    assert star.apogee_id == "2M17334253-1654573"
    np.testing.assert_allclose(star.snr, 186.493)
    # The survey's values, rounded as in the table of the data's README
    catalogue = {"teff": 3788, "logg": 1.08, "metals": 0.00, "alpham": 0.16}
    for name, decimals in {"teff": 0, "logg": 2, "metals": 2, "alpham": 2}.items():
        assert round(star.labels[name], decimals) == catalogue[name]
    assert star.raw_labels["logg"] != star.labels["logg"]
    assert star.bitmask is None


def test_uncalibrated_labels_are_the_magic_number(shared_data):
    star = read_aspcapstar(shared_data / "spectra" / "aspcapStar-r6-l30e.2-2M03122509+0021585.fits")
    assert star.labels["teff"] == -9999.0
    assert 2600 < star.raw_labels["teff"] < 2700


def test_the_large_errors_of_aspcapstar_stand_for_the_bits_of_apstar(shared_data):
    chips = np.r_[246:3274, 3585:6080, 6344:8335]
    combined = read_apstar(shared_data / "spectra" / "apStar-r6-2M17334253-1654573.fits")
    aspcap = read_aspcapstar(shared_data / "spectra" / "aspcapStar-r6-l30e.2-2M17334253-1654573.fits")
    flagged = pixel_mask(combined.bitmask)[chips]
    assert aspcap.mask[chips][flagged].all()
    assert aspcap.mask[chips].mean() < 0.1


def test_every_real_spectrum_can_be_read(shared_data):
    readers = {"apStar": read_apstar, "apVisit": read_apvisit, "aspcapStar": read_aspcapstar}
    paths = [path for path in (shared_data / "spectra").iterdir() if path.name.startswith("a")]
    assert len(paths) == 16
    for path in paths:
        spectrum = readers[path.name.split("-")[0]](path)
        assert spectrum.filename == path.name
        assert spectrum.apogee_id.startswith("2M")
        assert spectrum.mask.mean() < 0.5


def test_facts_of_the_headers(shared_data):
    # As the headers of these files give them.
    star = read_apstar(shared_data / "spectra" / "apStar-r6-2M13564148+4342587.fits")
    assert star.facts == {
        "ra": 209.172854,
        "dec": 43.716324,
        "field": "089+70",
        "location": 4233,
        "telescope": "apo25m",
        "n_visits": 3,
        "vscatter": 0.578555,
        "j": 11.709,
        "h": 11.043,
        "k": 10.65,
    }
    visit = read_apvisit(shared_data / "spectra" / "apVisit-r13-9518-57729-104.fits")
    facts = {name: visit.facts[name] for name in ("plate", "mjd", "fiber", "exptime")}
    assert facts == {"plate": "9518", "mjd": 57729, "fiber": 104, "exptime": 2502.54}


def damaged_header(path, keyword):
    """Make the card of a keyword one that astropy can't read."""
    good = path.read_bytes()
    at = good.index(keyword.ljust(8).encode() + b"=")
    path.write_bytes(good[:at] + f"{keyword:8}= 'not closed".ljust(80).encode() + good[at + 80 :])


def test_a_damaged_header_is_told(tmp_path):
    path = tmp_path / "apStar-r8-star.fits"
    apstar_hdus("star", np.ones((1, 7514)), np.ones((1, 7514))).writeto(path)
    damaged_header(path, "SNR")
    with pytest.raises(ApogeeFileError, match=r"read_apstar: '.*apStar-r8-star.fits' has a damaged header"):
        read_apstar(path)


@pytest.mark.parametrize("wrong", [False, None, 3])
def test_what_is_no_path_is_refused(wrong):
    with pytest.raises(TypeError, match=f"read_apstar: a path or an HDUList is needed, got {wrong}"):
        read_apstar(wrong)


@pytest.mark.parametrize("visit", ["a", 1.5, 0, 4])
def test_a_visit_is_a_number_of_one(tmp_path, visit):
    path = tmp_path / "star.fits"
    apstar_hdus("star", np.ones((5, 7514)), np.ones((5, 7514))).writeto(path)
    assert read_apstar(path, visit=3).flux.shape == (8575,)
    with pytest.raises(ValueError, match="`visit` must be a number from 1 to 3"):
        read_apstar(path, visit=visit)


def test_a_file_of_two_rows_has_combinations_alone(tmp_path):
    path = tmp_path / "star.fits"
    apstar_hdus("star", np.ones((2, 7514)), np.ones((2, 7514))).writeto(path)
    with fits.open(path) as hdus:
        assert n_visits(hdus) == 0
    assert read_apstar(path, combination="global").flux.shape == (8575,)
