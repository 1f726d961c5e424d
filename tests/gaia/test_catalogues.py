"""Catalogues of parallaxes: fetched and checked, cut, corrected, and read from files of the user's."""

import hashlib
import io

import numpy as np
import pytest
from astropy import units as u
from astropy.table import Table

from astroNN import gaia
from astroNN.gaia import downloads
from tests.helpers.http_server import FileServer

pytestmark = [pytest.mark.one_backend, pytest.mark.filterwarnings("ignore:.*is deprecated:DeprecationWarning")]

M = -9999.0


def fits_bytes(**columns):
    written = io.BytesIO()
    Table(columns).write(written, format="fits")
    return written.getvalue()


# TGAS -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def archive(monkeypatch, tmp_path):
    files = {
        f"gdr1/tgas_source/fits/{name}": fits_bytes(
            ra=[10.0 + k, 20.0], dec=[1.0, 2.0], pmra=[3.0, 4.0], pmdec=[5.0, np.nan], parallax=[10.0, 1.0],
            parallax_error=[0.5, 0.5], phot_g_mean_mag=[11.0, 12.0],
        )
        for k, name in enumerate(downloads.TGAS_FILES)
    }  # fmt: skip
    sums = [f"{hashlib.md5(body).hexdigest()}  {path.rpartition('/')[2]}" for path, body in files.items()]
    files["gdr1/tgas_source/fits/MD5SUM.txt"] = "\n".join(sums).encode()
    with FileServer(files) as server:
        settings = tmp_path / "config.ini"
        settings.write_text(f"[Downloads]\ngaia = {server.url}\n")
        monkeypatch.setenv("ASTRONN_CONFIG", str(settings))
        monkeypatch.setenv("GAIA_TOOLS_DATA", str(tmp_path / "data"))
        server.folder = tmp_path / "data" / "Gaia" / "gdr1" / "tgas_source" / "fits"
        yield server


def test_tgas_is_fetched_checked_and_read(archive):
    paths = gaia.tgas()
    assert paths == [str(archive.folder / f"TgasSource_000-000-0{k:02d}.fits") for k in range(16)]
    (archive.folder / downloads.TGAS_FILES[3]).write_bytes(b"damaged")
    n_requests = len(archive.requests)
    gaia.tgas()
    assert [path for path, _ in archive.requests[n_requests:]] == [f"gdr1/tgas_source/fits/{downloads.TGAS_FILES[3]}"]
    stars = gaia.tgas_load()
    assert list(stars) == ["ra", "dec", "pmra", "pmdec", "parallax", "parallax_err", "gmag"]
    np.testing.assert_array_equal(stars["ra"], 10.0 + np.arange(16))  # the others are uncertain by 50%
    everything = gaia.tgas_load(cuts=False)
    assert len(everything["ra"]) == 32 and everything["pmdec"][1] == M
    assert len(gaia.tgas_load(cuts=0.6)["ra"]) == 32
    table = gaia.tgas_load(as_table=True)
    assert table["parallax"].unit == u.mas and table["pmra"].unit == u.mas / u.yr


def test_a_tgas_file_that_is_wrong_on_the_server(archive):
    archive.files[f"gdr1/tgas_source/fits/{downloads.TGAS_FILES[0]}"] += b"changed"
    with pytest.raises(ConnectionError, match="another checksum than md5:"):
        gaia.tgas()


def test_tgas_that_was_not_fetched(archive):
    with pytest.raises(FileNotFoundError, match=r"TgasSource_000-000-000.fits. `astroNN.gaia.tgas\(\)` fetches it"):
        gaia.tgas_load()


def test_the_list_of_all_sources_of_dr1(archive, monkeypatch):
    names = downloads.GAIA_SOURCE_FILES
    assert len(names) == len(set(names)) == 20 * 256 + 111
    assert names[0] == "GaiaSource_000-000-000.fits" and names[-1] == "GaiaSource_000-020-110.fits"
    monkeypatch.setattr(downloads, "GAIA_SOURCE_FILES", names[:2])
    archive.files |= {f"gdr1/gaia_source/fits/{name}": fits_bytes(ra=[1.0]) for name in names[:2]}
    with pytest.warns(DeprecationWarning, match="query_gaia"):
        assert [path.rpartition("/")[2] for path in gaia.gaia_source(1)] == list(names[:2])
    with pytest.raises(ValueError, match="gaia_source: `dr` must be 1, got 2"):
        gaia.gaia_source(2)


# Files of the user's --------------------------------------------------------------------------------------------


@pytest.fixture
def dr2(tmp_path):
    path = tmp_path / "mine.npz"
    np.savez(
        path, RA=[1.0, 2.0, 3.0, 4.0], DEC=[5.0, 6.0, 7.0, 8.0], parallax=[1.0, 4.0, -0.5, np.nan],
        parallax_error=[0.1, 2.0, 0.1, 0.1], g=[12.2, 13.2, 14.2, 15.2],
    )  # fmt: skip
    return path


def test_gaia_dr2_with_and_without_poor_parallaxes(dr2):
    ra, dec, parallax, error = gaia.gaiadr2_parallax(filename=dr2)
    assert (ra.tolist(), dec.tolist(), parallax.tolist(), error.tolist()) == ([1], [5], [1], [0.1])
    ra, _, parallax, error = gaia.gaiadr2_parallax(filename=dr2, keepdims=True)
    assert ra.tolist() == [1, 2, 3, 4] and parallax.tolist() == [1, M, M, M] and error.tolist() == [0.1, M, M, M]
    _, _, parallax, _ = gaia.gaiadr2_parallax(filename=dr2, cuts=False)
    assert parallax.tolist() == [1, 4, -0.5, M]
    table = gaia.gaiadr2_parallax(filename=dr2, as_table=True)
    assert table.colnames == ["ra", "dec", "parallax", "parallax_err"] and table["parallax"].unit == u.mas


@pytest.mark.parametrize(
    ("offset", "expected"),
    [
        (False, [0, 0, 0]),
        (0.03, [0.03, 0.03, 0.03]),
        # 52.8 - 4.21 (G - 12.2) micro-arcseconds
        (True, [0.0528, 0.04859, 0.04438]),
        # 0.056 - 0.00574 p - 0.0096 p^2 below 2 mas
        ("leungbovy2019", [0.056 - 0.00574 - 0.0096, 0, 0.056 + 0.00287 - 0.0024]),
        (lambda parallax, g: 0.01 * g, [0.122, 0.132, 0.142]),
    ],
)
def test_corrections_of_the_zero_point(dr2, offset, expected):
    _, _, parallax, _ = gaia.gaiadr2_parallax(filename=dr2, cuts=False, offset=offset)
    np.testing.assert_allclose(parallax[:3], np.array([1, 4, -0.5]) + expected)
    assert parallax[3] == M


@pytest.mark.parametrize("offset", ["lindegren", np.nan, [1.0]])
def test_an_unknown_correction(dr2, offset):
    with pytest.raises(ValueError, match="`offset` must be False, True, 'leungbovy2019'"):
        gaia.gaiadr2_parallax(filename=dr2, offset=offset)


def test_anderson(tmp_path):
    np.savez(tmp_path / "a.npz", ra=[1.0, 2.0], dec=[3.0, 4.0], parallax=[1.0, 1.0], parallax_err=[0.1, 0.3])
    found = gaia.anderson_2017_parallax(filename=tmp_path / "a.npz")
    assert [column.tolist() for column in found] == [[1], [3], [1], [0.1]]


def test_files_have_a_place_of_their_own(monkeypatch, tmp_path, dr2):
    monkeypatch.setenv("GAIA_TOOLS_DATA", str(tmp_path))
    with pytest.raises(
        FileNotFoundError, match=r"came with versions 1.0 and 1.1 .* Give the path of yours as `filename`"
    ):
        gaia.gaiadr2_parallax()
    dr2.rename(tmp_path / "gaiadr2_apogeedr14_parallax.npz")
    assert len(gaia.gaiadr2_parallax()[0]) == 1


def test_files_that_can_not_be_used(tmp_path):
    bad = tmp_path / "bad.npz"
    np.savez(bad, ra=[1.0])
    with pytest.raises(ValueError, match="lacks the arrays dec, parallax, parallax_err; it has ra"):
        gaia.anderson_2017_parallax(filename=bad)
    np.savez(bad, ra=[1.0], dec=[1.0, 2.0], parallax=[1.0], parallax_err=[1.0])
    with pytest.raises(ValueError, match="different lengths"):
        gaia.anderson_2017_parallax(filename=bad)
    np.savez(bad, ra=np.array([{}], object), dec=[1.0], parallax=[1.0], parallax_err=[1.0])
    with pytest.raises(ValueError, match="can't be read as an npz file of numbers"):
        gaia.anderson_2017_parallax(filename=bad)
    np.savez(bad, ra=["12h"], dec=[1.0], parallax=[1.0], parallax_err=[1.0])
    with pytest.raises(ValueError, match="can't be read as an npz file of numbers .*`ra` must hold numbers"):
        gaia.anderson_2017_parallax(filename=bad)
    bad.write_bytes(b"text")
    with pytest.raises(OSError, match="can't be read as an npz file of numbers"):
        gaia.anderson_2017_parallax(filename=bad)


def test_old_functions_say_that_they_are():
    for function in (gaia.anderson_2017_parallax, gaia.gaiadr2_parallax):
        with (
            pytest.warns(DeprecationWarning, match="in version 3.0: .* see query_gaia"),
            pytest.raises(FileNotFoundError),
        ):
            function(filename="none.npz")
