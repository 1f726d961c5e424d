"""Distances from value-added catalogues: units, cuts, gaps, and rows that belong to the same star."""

import numpy as np
import pytest
from astropy import units as u
from astropy.table import QTable, Table

from astroNN.datasets import apogee_catalogues, apokasc, load_apogee_distances, load_apogee_rc, load_apokasc
from astroNN.shared.errors import NotOnServerError

pytestmark = pytest.mark.one_backend

M = -9999.0


@pytest.fixture
def red_clump(monkeypatch, tmp_path):
    path = tmp_path / "rc.fits"
    Table({
        "RA": [10.0, 20.0, 30.0], "DEC": [1.0, 2.0, 3.0], "RC_DIST": [1.0, 4.0, np.nan],
        "K": [10.0, 12.0, 11.0], "AK_TARG": [0.1, -9999.0, 0.1],
    }).write(path)  # fmt: skip
    monkeypatch.setattr(apogee_catalogues, "apogee_rc", lambda dr: str(path))


def test_distances_of_the_red_clump(red_clump):
    ra, dec, distance = load_apogee_rc(dr=14)
    np.testing.assert_array_equal(ra, [10, 20, 30])
    np.testing.assert_array_equal(dec, [1, 2, 3])
    np.testing.assert_allclose(distance, [1000, 4000, M])  # kpc to pc


def test_luminosities_of_the_red_clump(red_clump):
    with pytest.warns(UserWarning, match="extinction of 1 of 3 stars is not known") as told:
        *_, absmag = load_apogee_rc(dr=14, unit="absmag")
    assert told[0].filename == __file__  # the user's line, not ours
    # m - A - 5 log10(d / 10 pc)
    np.testing.assert_allclose(absmag, [9.9 - 10, 12 - 5 * np.log10(400), M])
    *_, absmag = load_apogee_rc(dr=14, unit="absmag", extinction=False)
    np.testing.assert_allclose(absmag, [0, 12 - 5 * np.log10(400), M], atol=1e-12)
    *_, fakemag = load_apogee_rc(dr=14, unit="fakemag", extinction=False)
    np.testing.assert_allclose(fakemag, [100, 0.25 * 10**2.4, M])


def test_the_red_clump_as_a_table(red_clump):
    table = load_apogee_rc(dr=14, as_table=True)
    assert isinstance(table, QTable) and table.colnames == ["ra", "dec", "distance"]
    assert (table["ra"].unit, table["distance"].unit) == (u.deg, u.pc)
    assert np.isnan(table["distance"][2])


STARS = {"APOGEE_ID": ["a", "b", "c", "d"], "RA": [1.0, 2.0, 3.0, 4.0], "DEC": [5.0, 6.0, 7.0, 8.0],
         "K": [10.0, 10.0, 10.0, -9999.0], "AK_TARG": [0.0, 0.0, 0.0, 0.0]}  # fmt: skip
KPC = {"50": [1.0, 2.0, np.nan, 4.0], "16": [0.95, 1.0, np.nan, 3.9], "84": [1.05, 3.0, np.nan, 4.1]}


@pytest.fixture
def distances(monkeypatch, tmp_path):
    """Catalogues of stars and distances; to be called with the rows and names of the columns of the latter."""

    def write(rows=(0, 1, 2, 3), names="BPG_dist{}", ids=True):
        columns = {names.format(quantile): np.array(values)[list(rows)] for quantile, values in KPC.items()}
        if ids:
            columns["APOGEE_ID"] = np.array(STARS["APOGEE_ID"])[list(rows)]
        Table(columns).write(tmp_path / "distances.fits", overwrite=True)
        Table(STARS).write(tmp_path / "stars.fits", overwrite=True)
        monkeypatch.setattr(apogee_catalogues, "apogee_distances", lambda dr: str(tmp_path / "distances.fits"))
        monkeypatch.setattr(apogee_catalogues, "allstar", lambda dr: str(tmp_path / "stars.fits"))

    return write


@pytest.mark.parametrize("names", ["BPG_dist{}", "dist{}"])
def test_distances_and_their_errors_without_poor_ones(distances, names):
    distances(names=names)
    ra, dec, distance, error = load_apogee_distances(dr=14)
    np.testing.assert_array_equal(ra, [1, 4])  # b is uncertain by 100%, c has none
    np.testing.assert_array_equal(dec, [5, 8])
    np.testing.assert_allclose(distance, [1000, 4000])
    np.testing.assert_allclose(error, [100, 200])


def test_all_rows_or_another_cut(distances):
    distances()
    ra, _, distance, error = load_apogee_distances(dr=14, keepdims=True)
    np.testing.assert_array_equal(ra, STARS["RA"])
    np.testing.assert_allclose(distance, [1000, M, M, 4000])
    np.testing.assert_allclose(error, [100, M, M, 200])
    np.testing.assert_allclose(load_apogee_distances(dr=14, cuts=0.06)[2], [4000])
    np.testing.assert_allclose(load_apogee_distances(dr=14, cuts=False)[2], [1000, 2000, M, 4000])


def test_luminosities_and_their_errors(distances):
    distances()
    *_, fakemag, error = load_apogee_distances(dr=14, unit="fakemag", cuts=False)
    np.testing.assert_allclose(fakemag, [100, 50, M, M])
    np.testing.assert_allclose(error, [10, 50, M, M])
    *_, absmag, error = load_apogee_distances(dr=14, unit="absmag", cuts=False)
    np.testing.assert_allclose(absmag, [0, -5 * np.log10(2), M, M], atol=1e-12)
    np.testing.assert_allclose(error, [0.5 / np.log(10), 5 / np.log(10), M, M])


def test_rows_belong_together_by_the_name_of_the_star(distances):
    distances(rows=(3, 1, 0))
    np.testing.assert_allclose(load_apogee_distances(dr=16, cuts=False)[2], [1000, 2000, M, 4000])


def test_without_names_only_as_many_rows_can_belong_together(distances):
    distances(ids=False)
    np.testing.assert_allclose(load_apogee_distances(dr=14, cuts=False)[2], [1000, 2000, M, 4000])
    distances(rows=(0, 1), ids=False)
    with pytest.raises(ValueError, match="2 distances without APOGEE_ID can't be assigned to the 4 rows"):
        load_apogee_distances(dr=14)


def test_a_catalogue_of_another_kind(distances):
    distances(names="weighted_dist_{}")
    with pytest.raises(ValueError, match=r"distances.fits has no distances known here \(BPG_dist50 or dist50\)"):
        load_apogee_distances(dr=17)


def test_distances_as_a_table(distances):
    distances()
    table = load_apogee_distances(dr=14, keepdims=True, as_table=True)
    assert table.colnames == ["ra", "dec", "distance", "distance_err"]
    assert table["distance_err"].unit == u.pc and len(table) == 4 and np.isnan(table["distance"][1])


def test_what_is_not_known_is_refused(distances):
    for load in (load_apogee_rc, load_apogee_distances):
        with pytest.raises(ValueError, match="`unit` must be one of 'distance', 'absmag', 'fakemag', got 'parallax'"):
            load(dr=14, unit="parallax")
    for cuts in (-0.1, "yes", np.nan):
        with pytest.raises(ValueError, match="`cuts` must be True"):
            load_apogee_distances(dr=14, cuts=cuts)
    with pytest.raises(ValueError, match="apogee_distances: `dr` must be one of 14, 16, 17, got 13"):
        apogee_catalogues.apogee_distances(13) or load_apogee_distances(dr=13)


def test_a_catalogue_that_can_not_be_had(monkeypatch):
    monkeypatch.setattr(apogee_catalogues, "apogee_rc", lambda dr: False)
    with pytest.raises(NotOnServerError, match="load_apogee_rc: the catalogue is not at hand"):
        load_apogee_rc(dr=14)


# APOKASC ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def vizier(monkeypatch):
    gold = Table({"_RA": [1.0, 2.0], "_DE": [3.0, 4.0], "log_g_": [2.5, -9999.0]}, masked=True)
    basic = Table({"_RA": [5.0], "_DE": [6.0], "log.g2": np.ma.array([2.0], mask=[True])})
    other = Table({"KIC": [1]})
    monkeypatch.setattr(apokasc, "_query", lambda: [other, basic, gold])


def test_apokasc_whatever_the_order_of_the_tables(vizier):
    ra, dec, logg = load_apokasc()
    np.testing.assert_array_equal(ra, [1, 2, 5])
    np.testing.assert_array_equal(dec, [3, 4, 6])
    np.testing.assert_array_equal(logg, [2.5, M, M])
    parts = load_apokasc(combine=False)
    assert [part.tolist() for part in parts] == [[1, 2], [3, 4], [2.5, M], [5], [6], [M]]
    table = load_apokasc(as_table=True)
    assert table["sample"].tolist() == ["gold", "gold", "basic"] and table["ra"].unit == u.deg


def test_tables_that_vizier_does_not_give(monkeypatch):
    monkeypatch.setattr(apokasc, "_query", lambda: [Table({"KIC": [1]})])
    with pytest.raises(ConnectionError, match=r"no table with _RA, _DE, log_g_ \(the gold sample\).*KIC"):
        load_apokasc()
