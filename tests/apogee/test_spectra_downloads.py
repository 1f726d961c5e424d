"""Spectra of the APOGEE archive: their documented places, checksums and look-ups, from an archive on the loopback."""

import hashlib
import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from astroNN import apogee
from astroNN.apogee import archive as places
from tests.helpers.fits_tables import fits_bytes

pytestmark = pytest.mark.one_backend

STAR = "2M00380508+5608579"
STARS = fits_bytes(
    APOGEE_ID=[b"2M0", STAR.encode(), STAR.encode(), STAR.encode()],
    LOCATION_ID=np.array([1, 4424, 5, 6], "i2"),
    FIELD=[b"F0", b"120-08-RV  ", b"N2243", b"M67"],
    TELESCOPE=[b"apo25m", b"apo25m", b"lco25m", b"apo1m"],
)
SPECTRUM = fits_bytes(flux=[1.0])

# dr, function, arguments, folder, file, list of checksums
PLACES = [
    (13, "combined_spectra", {"location": 4424}, "dr13/apogee/spectro/redux/r6/stars/l30e/l30e.2/4424/",
     f"aspcapStar-r6-l30e.2-{STAR}.fits", "stars_l30e_l30e.2_4424.sha1sum"),
    (14, "combined_spectra", {"location": 4424}, "dr14/apogee/spectro/redux/r8/stars/l31c/l31c.2/4424/",
     f"aspcapStar-r8-l31c.2-{STAR}.fits", "stars_l31c_l31c.2_4424.sha1sum"),
    (16, "combined_spectra", {"field": "120-08-RV", "telescope": "apo25m"},
     "dr16/apogee/spectro/aspcap/r12/l33/apo25m/120-08-RV/",
     f"aspcapStar-r12-{STAR}.fits", "r12_l33_apo25m_120-08-RV.sha1sum"),
    (17, "combined_spectra", {"field": "120-08-RV", "telescope": "apo25m"},
     "dr17/apogee/spectro/aspcap/dr17/synspec_rev1/apo25m/120-08-RV/",
     f"aspcapStar-dr17-{STAR}.fits", "dr17_synspec_apo25m_120-08-RV.sha1sum"),
    (17, "combined_spectra", {"field": "N2243", "telescope": "lco25m"},
     "dr17/apogee/spectro/aspcap/dr17/synspec_rev1/lco25m/N2243/",
     f"aspcapStar-dr17-{STAR}.fits", "dr17_synspec_rev1_lco25m_N2243.sha1sum"),
    (13, "visit_spectra", {"location": 4424}, "dr13/apogee/spectro/redux/r6/stars/apo25m/4424/",
     f"apStar-r6-{STAR}.fits", "r6_stars_apo25m_4424.sha1sum"),
    (14, "visit_spectra", {"location": 4424, "commission": True}, "dr14/apogee/spectro/redux/r8/stars/apo25m/4424/",
     f"apStarC-r8-{STAR}.fits", "r8_stars_apo25m_4424.sha1sum"),
    (16, "visit_spectra", {"field": "N2243", "telescope": "lco25m"},
     "dr16/apogee/spectro/redux/r12/stars/lco25m/N2243/",
     f"asStar-r12-{STAR}.fits", "r12_stars_lco25m_N2243.sha1sum"),
    (17, "visit_spectra", {"field": "120-08-RV", "telescope": "apo25m"},
     "dr17/apogee/spectro/redux/dr17/stars/apo25m/120-08-RV/",
     f"apStar-dr17-{STAR}.fits", "dr17_stars_apo25m_120-08-RV.sha1sum"),
]  # fmt: skip


def put(archive, folder, file, checksums, body=SPECTRUM, listed=None):
    archive.files[f"sas/{folder}{file}"] = body
    digest = hashlib.sha1(SPECTRUM).hexdigest()
    lines = [f"{'0' * 40}  some/where/other.fits", f"{digest}  {folder}{listed or file}"]
    archive.files[f"sas/{folder}{checksums}"] = "\n".join(lines).encode()


@pytest.mark.parametrize(("dr", "function", "arguments", "folder", "file", "checksums"), PLACES)
def test_spectra_come_from_their_places_and_are_checked(archive, dr, function, arguments, folder, file, checksums):
    put(archive, folder, file, checksums)
    fetch = getattr(apogee, function)
    path = fetch(dr=dr, apogee=STAR, verbose=0, **arguments)
    assert path == str(archive.mirror / folder / file) and Path(path).read_bytes() == SPECTRUM
    archive.files[f"sas/{folder}{file}"] = SPECTRUM + b"changed"
    assert fetch(dr=dr, apogee=STAR, verbose=0, **arguments) == path
    with pytest.raises(ConnectionError, match="another checksum"):
        fetch(dr=dr, apogee=STAR, verbose=0, flag=1, **arguments)
    assert Path(path).read_bytes() == SPECTRUM


@pytest.mark.parametrize(("telescope", "folder"), [(None, "apo25m/120-08-RV"), ("lco25m", "lco25m/N2243")])
def test_field_and_telescope_are_looked_up_in_the_catalogue(archive, published, telescope, folder, capsys):
    archive.files["sas/" + published("allstar", 16, STARS)] = STARS
    name = folder.replace("/", "_")
    put(
        archive,
        f"dr16/apogee/spectro/aspcap/r12/l33/{folder}/",
        f"aspcapStar-r12-{STAR}.fits",
        f"r12_l33_{name}.sha1sum",
    )
    path = apogee.combined_spectra(dr=16, apogee=STAR, telescope=telescope, verbose=0)
    assert path.endswith(f"{folder}/aspcapStar-r12-{STAR}.fits")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("given", "folder"),
    [
        ({"field": "N2243"}, "lco25m/N2243"),
        ({"field": "120-08-RV"}, "apo25m/120-08-RV"),
        ({"field": "M67"}, "apo1m/M67"),
        ({"location": 5}, "lco25m/N2243"),
        ({"location": "6", "telescope": "apo1m"}, "apo1m/M67"),
        ({"location": 5.0}, "lco25m/N2243"),
        ({"field": b"N2243 "}, "lco25m/N2243"),
    ],
)
def test_what_is_given_says_which_row_of_the_star_is_meant(archive, published, given, folder):
    archive.files["sas/" + published("allstar", 16, STARS)] = STARS
    place, file = f"dr16/apogee/spectro/aspcap/r12/l33/{folder}/", f"aspcapStar-r12-{STAR}.fits"
    put(archive, place, file, f"r12_l33_{folder.replace('/', '_')}.sha1sum")
    assert apogee.combined_spectra(dr=16, apogee=STAR, verbose=0, **given) == str(archive.mirror / place / file)


def test_a_field_says_which_location_is_meant(archive, published):
    archive.files["sas/" + published("allstar", 14, STARS)] = STARS
    place, file = "dr14/apogee/spectro/redux/r8/stars/apo25m/6/", f"apStar-r8-{STAR}.fits"
    put(archive, place, file, "r8_stars_apo25m_6.sha1sum")
    assert apogee.visit_spectra(dr=14, field="M67", apogee=STAR, verbose=0) == str(archive.mirror / place / file)


def test_the_location_is_looked_up_in_the_catalogue(archive, published):
    archive.files["sas/" + published("allstar", 14, STARS)] = STARS
    folder = "dr14/apogee/spectro/redux/r8/stars/apo25m/4424/"
    put(archive, folder, f"apStar-r8-{STAR}.fits", "r8_stars_apo25m_4424.sha1sum")
    assert apogee.visit_spectra(dr=14, apogee=STAR, verbose=0) == str(
        archive.mirror / folder / f"apStar-r8-{STAR}.fits"
    )


def test_a_star_that_is_not_in_the_catalogue(archive, published):
    archive.files["sas/" + published("allstar", 16, STARS)] = STARS
    with pytest.raises(ValueError, match="there is no star '2M9' in the catalogue of DR16"):
        apogee.combined_spectra(dr=16, apogee="2M9", verbose=0)
    with pytest.raises(ValueError, match="no star '2M0' with telescope lco25m in"):
        apogee.visit_spectra(dr=16, apogee="2M0", telescope="lco25m", verbose=0)
    with pytest.raises(ValueError, match=f"no star '{STAR[:3]}.*' with location 5, field M67 in"):
        apogee.visit_spectra(dr=16, apogee=STAR, location=5, field="M67", verbose=0)


def test_a_catalogue_takes_no_more_room_than_its_columns(archive, published):
    n, width = 20_000, 18 + 6 + 16 + 6  # bytes a row: ID, location as text, field, telescope
    stars = np.array([f"2M{number:016d}" for number in range(n)], "S18")
    same = {"LOCATION_ID": np.full(n, 1, "i2"), "FIELD": np.full(n, b"F", "S16"), "TELESCOPE": np.full(n, b"t", "S6")}
    catalogue = fits_bytes(APOGEE_ID=stars, **same)
    archive.files["sas/" + published("allstar", 16, catalogue)] = catalogue
    apogee.allstar(16)

    def look_up(star):
        with pytest.raises(ValueError, match="there is no star"):
            apogee.combined_spectra(dr=16, apogee=star, field="another", verbose=0)

    look_up("2M")  # imports and caches
    os.utime(archive.mirror / places.archive_file("allstar", 16).path, ns=(1, 1))
    tracemalloc.start()
    try:
        look_up("2M")
        held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert held < 2 * n * width


def test_without_the_catalogue_the_place_must_be_given(archive):
    with (
        pytest.warns(UserWarning, match="no file"),
        pytest.raises(ValueError, match="give the place of the spectrum"),
    ):
        apogee.combined_spectra(dr=14, apogee=STAR, verbose=0)


@pytest.mark.parametrize("function", ["combined_spectra", "visit_spectra"])
def test_releases_without_spectra_are_refused_with_those_that_have_them(function):
    with pytest.raises(ValueError, match=f"{function}: `dr` must be one of 13, 14, 16, 17, got 12"):
        getattr(apogee, function)(dr=12, location=1, apogee=STAR)


@pytest.mark.parametrize("star", [None, "", 5])
def test_no_star(star):
    with pytest.raises(ValueError, match="`apogee` must be an APOGEE ID"):
        apogee.combined_spectra(dr=14, location=4424, apogee=star)


def test_a_folder_or_spectrum_that_the_server_lacks_is_false(archive):
    arguments = {"dr": 14, "location": 4424, "apogee": STAR, "verbose": 0}
    with pytest.warns(UserWarning, match=r"no file .*r8_stars_apo25m_4424.sha1sum"):
        assert apogee.visit_spectra(**arguments) is False
    folder = "dr14/apogee/spectro/redux/r8/stars/apo25m/4424/"
    put(archive, folder, "apStar-r8-another.fits", "r8_stars_apo25m_4424.sha1sum")
    with pytest.warns(UserWarning, match=r"no file .*apStar-r8-2M00380508\+5608579.fits"):
        assert apogee.visit_spectra(**arguments) is False


def test_the_checksum_may_stand_under_a_longer_name(archive):
    folder, file = "dr14/apogee/spectro/redux/r8/stars/apo25m/4424/", f"apStar-r8-{STAR}.fits"
    listed = f"apStar-r8-{STAR}-56284.fits"
    put(archive, folder, file, "r8_stars_apo25m_4424.sha1sum", body=SPECTRUM + b"changed", listed=listed)
    with pytest.raises(ConnectionError, match="another checksum"):
        apogee.visit_spectra(dr=14, location=4424, apogee=STAR, verbose=0)


def test_a_spectrum_that_the_list_lacks_comes_with_a_warning(archive):
    folder, file = "dr14/apogee/spectro/redux/r8/stars/apo25m/4424/", f"apStar-r8-{STAR}.fits"
    put(archive, folder, file, "r8_stars_apo25m_4424.sha1sum", listed="apStar-r8-another.fits")
    with pytest.warns(UserWarning, match=rf"{STAR[:10]}.* is not checked: .*4424.sha1sum lists no checksum") as told:
        path = apogee.visit_spectra(dr=14, location=4424, apogee=STAR, verbose=0)
    assert path == str(archive.mirror / folder / file) and [one.filename for one in told] == [__file__]


def test_a_list_that_is_older_than_its_file_is_fetched_anew(archive):
    folder, file = "dr14/apogee/spectro/redux/r8/stars/apo25m/4424/", f"apStar-r8-{STAR}.fits"
    put(archive, folder, file, "r8_stars_apo25m_4424.sha1sum")
    fetch = {"dr": 14, "location": 4424, "apogee": STAR, "verbose": 0}
    path = Path(apogee.visit_spectra(**fetch))
    path.unlink()
    again = SPECTRUM + b"reduced again"
    archive.files[f"sas/{folder}{file}"] = again
    archive.files[f"sas/{folder}r8_stars_apo25m_4424.sha1sum"] = f"{hashlib.sha1(again).hexdigest()}  {file}".encode()
    assert Path(apogee.visit_spectra(**fetch)).read_bytes() == again


def test_a_telescope_that_there_is_none(archive):
    with pytest.raises(ValueError, match="`telescope` must be one of apo25m, lco25m, apo1m, got 'keck'"):
        apogee.visit_spectra(dr=17, field="M67", telescope="keck", apogee=STAR)


def test_what_was_fetched_can_be_opened(archive):
    folder, file = "dr14/apogee/spectro/redux/r8/stars/apo25m/4424/", f"apStar-r8-{STAR}.fits"
    put(archive, folder, file, "r8_stars_apo25m_4424.sha1sum")
    with fits.open(apogee.visit_spectra(dr=14, location=4424, apogee=STAR, verbose=0)) as hdus:
        assert hdus[1].data["flux"] == [1.0]
