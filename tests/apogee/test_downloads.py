"""Tables of the APOGEE archive: their documented places and checksums, from an archive on the loopback."""

import csv
from pathlib import Path

import pytest

from astroNN import apogee
from astroNN.apogee import archive as places
from astroNN.data import datapath
from astroNN.shared import _transfer
from tests.helpers.fits_tables import fits_bytes

pytestmark = pytest.mark.one_backend

STARS = fits_bytes(APOGEE_ID=[b"2M0"])


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
        assert getattr(apogee, function)(dr=places.releases_of(function)[-1]) is False


def test_the_warning_points_to_the_line_that_asked_for_it(archive):
    with pytest.warns(UserWarning, match="The server has no file") as told:
        apogee.allstar(dr=17)
    assert [warning.filename for warning in told] == [__file__]


def test_a_server_that_is_too_busy_says_nothing_about_the_file(archive, monkeypatch):
    monkeypatch.setattr(_transfer, "PAUSES", (0.01, 0.01))
    path = f"sas/{places.archive_file('apogee_rc', 17).path}"
    archive.files[path], archive.acts[path] = STARS, [429] * 9
    with pytest.raises(ConnectionError, match="HTTP status 429"):
        apogee.apogee_rc(17)


def test_releases_without_a_catalogue_are_refused_with_those_that_have_it():
    with pytest.raises(ValueError, match="allstar_cannon: `dr` must be one of 14, got 17"):
        apogee.allstar_cannon(dr=17)
    with pytest.raises(ValueError, match="apogee_distances: `dr` must be one of 14, 16, 17, got 13"):
        apogee.apogee_distances(dr=13)


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
