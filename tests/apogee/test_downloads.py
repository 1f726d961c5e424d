"""Files of the APOGEE archive: their documented places, checksums and look-ups, from an archive on the loopback."""

import csv
import hashlib
import io
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from astroNN import apogee
from astroNN.apogee import _archive
from astroNN.data import datapath
from tests.helpers.http_server import FileServer

pytestmark = pytest.mark.one_backend

STAR = "2M00380508+5608579"


def fits_bytes(**columns):
    written = io.BytesIO()
    Table(columns).write(written, format="fits")
    return written.getvalue()


STARS = fits_bytes(
    APOGEE_ID=[b"2M0", STAR.encode(), STAR.encode()],
    LOCATION_ID=np.array([1, 4424, 5], "i2"),
    FIELD=[b"F0", b"120-08-RV  ", b"N2243"],
    TELESCOPE=[b"apo25m", b"apo25m", b"lco25m"],
)
SPECTRUM = fits_bytes(flux=[1.0])


@pytest.fixture
def archive(monkeypatch, tmp_path):
    """An empty archive, and an empty mirror of it."""
    with FileServer({}) as server:
        settings = tmp_path / "config.ini"
        settings.write_text(f"[Downloads]\nsdss = {server.url}sas\n")
        monkeypatch.setenv("ASTRONN_CONFIG", str(settings))
        monkeypatch.setenv("SDSS_LOCAL_SAS_MIRROR", str(tmp_path / "mirror"))
        server.mirror = tmp_path / "mirror"
        yield server


@pytest.fixture
def published(monkeypatch):
    """Checksums of the files that the tests make, in place of those of gigabytes."""

    def publish(table, dr, body):
        tables = dict(_archive._tables())
        path = tables[table, dr].path
        tables[table, dr] = _archive.ArchiveFile(path, "sha1:" + hashlib.sha1(body).hexdigest())
        monkeypatch.setattr(_archive, "_tables", lambda: tables)
        return path

    return publish


def test_the_table_of_files_is_whole():
    with open(Path(datapath()) / "sdss_files.csv", encoding="utf-8") as lines:
        rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    assert len(rows) == 18
    hashes = [row["sha1"] for row in rows if row["sha1"]]
    assert len(set(hashes)) == len(hashes) == 17  # none is a copy of another one
    assert all(len(digest) == 40 and set(digest) <= set("0123456789abcdef") for digest in hashes)


@pytest.mark.parametrize(
    ("function", "dr", "path"),
    [
        ("allstar", 14, "dr14/apogee/spectro/redux/r8/stars/l31c/l31c.2/allStar-l31c.2.fits"),
        ("allstar", 17, "dr17/apogee/spectro/aspcap/dr17/synspec_rev1/allStar-dr17-synspec_rev1.fits"),
        ("allvisit", 13, "dr13/apogee/spectro/redux/r6/allVisit-l30e.2.fits"),
        ("allstar_cannon", 14, "dr14/apogee/spectro/redux/r8/stars/l31c/l31c.2/cannon/allStarCannon-l31c.2.fits"),
        ("apogee_astronn", 16, "dr16/apogee/vac/apogee-astronn/apogee_astroNN-DR16-v1.fits"),
        ("apogee_rc", 17, "dr17/apogee/vac/apogee-rc/cat/apogee-rc-DR17.fits"),
        ("apogee_distances", 14, "dr14/apogee/vac/apogee-distances/apogee_distances-DR14.fits"),
        ("apogee_distances", 16, "dr16/apogee/vac/apogee-starhorse/apogee_starhorse-DR16-v1.fits"),
    ],
)
def test_catalogues_come_from_their_places_and_are_checked(archive, published, function, dr, path):
    assert published(function, dr, STARS) == path
    archive.files[f"sas/{path}"] = STARS
    found = getattr(apogee, function)(dr=dr)
    assert found == str(archive.mirror / path) and Path(found).read_bytes() == STARS
    Path(found).write_bytes(b"damaged")
    getattr(apogee, function)(dr=dr)
    assert Path(found).read_bytes() == STARS
    n_requests = len(archive.requests)
    getattr(apogee, function)(dr)
    assert len(archive.requests) == n_requests
    getattr(apogee, function)(dr, flag=1)
    assert len(archive.requests) == n_requests + 1


def test_a_catalogue_with_the_wrong_content_is_never_kept(archive):
    path = "dr14/apogee/spectro/redux/r8/stars/l31c/l31c.2/allStar-l31c.2.fits"
    archive.files[f"sas/{path}"] = STARS  # not the published one
    with pytest.raises(ConnectionError, match="another checksum than sha1:a7e1801"):
        apogee.allstar(dr=14)
    assert not (archive.mirror / path).exists() and len(archive.requests) == 2


@pytest.mark.parametrize(
    "function",
    ["allstar", "allvisit", "allstar_cannon", "apogee_astronn", "apogee_rc", "apogee_distances"],
)
def test_a_catalogue_that_the_server_lacks_is_false(archive, function):
    with pytest.warns(UserWarning, match="The server has no file"):
        assert getattr(apogee, function)(dr=_archive.releases_of(function)[-1]) is False


def test_releases_without_a_catalogue_are_refused_with_those_that_have_it():
    with pytest.raises(ValueError, match="allstar_cannon: `dr` must be one of 14, got 17"):
        apogee.allstar_cannon(dr=17)
    with pytest.raises(ValueError, match="apogee_distances: `dr` must be one of 14, 16, 17, got 13"):
        apogee.apogee_distances(dr=13)
    for function in (apogee.combined_spectra, apogee.visit_spectra):
        with pytest.raises(ValueError, match="`dr` must be one of 13, 14, 16, 17, got 12"):
            function(dr=12, location=1, apogee=STAR)


def test_old_names(archive):
    assert apogee.apogee_astroNN is apogee.apogee_astronn
    with pytest.warns(DeprecationWarning, match=r"apogee_vac_rc\(\) is deprecated.*Use apogee_rc\(\) instead"):
        with pytest.raises(ValueError, match="apogee_rc"):
            apogee.apogee_vac_rc(12)


def test_without_the_variable_files_go_to_a_folder_of_ours(archive, published, monkeypatch, tmp_path):
    monkeypatch.delenv("SDSS_LOCAL_SAS_MIRROR")
    monkeypatch.setattr("astroNN.config.astroNN_CACHE_DIR", str(tmp_path / "cache"), raising=False)
    path = published("apogee_rc", 14, STARS)
    archive.files[f"sas/{path}"] = STARS
    monkeypatch.setattr("astroNN.shared.folders._warned", set())
    with pytest.warns(UserWarning, match="SDSS_LOCAL_SAS_MIRROR is not set: downloads go to"):
        assert apogee.apogee_rc(14) == str(tmp_path / "cache" / "sdss" / path)


# Spectra --------------------------------------------------------------------------------------------------------

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
    with pytest.raises(ValueError, match="no star '2M0' with telescope lco25m"):
        apogee.visit_spectra(dr=16, apogee="2M0", telescope="lco25m", verbose=0)


def test_without_the_catalogue_the_place_must_be_given(archive):
    with (
        pytest.warns(UserWarning, match="no file"),
        pytest.raises(ValueError, match="give the place of the spectrum"),
    ):
        apogee.combined_spectra(dr=14, apogee=STAR, verbose=0)


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


def test_what_was_fetched_can_be_opened(archive):
    folder, file = "dr14/apogee/spectro/redux/r8/stars/apo25m/4424/", f"apStar-r8-{STAR}.fits"
    put(archive, folder, file, "r8_stars_apo25m_4424.sha1sum")
    with fits.open(apogee.visit_spectra(dr=14, location=4424, apogee=STAR, verbose=0)) as hdus:
        assert hdus[1].data["flux"] == [1.0]
