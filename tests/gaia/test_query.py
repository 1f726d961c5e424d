"""Questions to the Gaia archive: an archive of a few stars stands in for it, and answers what the query asks."""

import re

import numpy as np
import pytest
from astropy import units as u
from astropy.table import MaskedColumn, Table

from astroNN.gaia import query, query_gaia
from astroNN.gaia.query import COLUMNS

pytestmark = pytest.mark.one_backend

IDS = np.array([4472832130942575872, 5853498713190525696, 19316224572460416, 17])


class Archive:
    """Knows four sources, and joins them with what is uploaded by identifier or by distance, as the query says."""

    def __init__(self):
        self.sources = {name: np.arange(4, dtype="float64") for name in COLUMNS}
        self.sources |= {"source_id": IDS, "ra": np.array([10.0, 20.0, 20.0001, 30.0]), "dec": np.zeros(4)}
        self.sources["parallax"] = np.array([1.0, 2.0, 3.0, np.nan])
        self.queries = []

    def launch_job_async(self, query, upload_resource, upload_table_name):
        assert upload_table_name == "stars"
        self.queries.append(query)
        names = ["star", *COLUMNS]
        assert "SELECT s.star, " + ", ".join(f"g.{name}" for name in COLUMNS) in query
        rows = []
        for star in upload_resource:
            for k, identifier in enumerate(self.sources["source_id"]):
                if "g.source_id = s.id" in query:
                    separation, found = 0.0, identifier == star["id"]
                else:
                    limit = float(re.search(r"< ([0-9.]+)$", query)[1])
                    separation = abs(star["ra"] - self.sources["ra"][k])
                    found = separation < limit
                if found:
                    rows.append([star["star"], *(self.sources[name][k] for name in names[1:]), separation])
        upper = [*(name.upper() for name in names), "separation"]
        columns = dict(zip(upper, zip(*rows, strict=True), strict=True)) if rows else {}
        table = Table({name: np.array(values) for name, values in columns.items()})
        if "PARALLAX" in table.colnames:
            table["PARALLAX"] = MaskedColumn(table["PARALLAX"], mask=np.isnan(table["PARALLAX"]))
        return type("Job", (), {"get_results": lambda self: table})()


def test_stars_by_identifier_come_in_the_order_given():
    table = query_gaia(source_id=IDS[[2, 0, 2]], client=Archive())
    np.testing.assert_array_equal(table["source_id"], IDS[[2, 0, 2]])
    np.testing.assert_array_equal(table["parallax"], [3, 1, 3] * u.mas)
    assert table["pmra"].unit == u.mas / u.yr and table["phot_g_mean_mag"].unit == u.mag


def test_a_star_that_is_not_there_keeps_its_row():
    table = query_gaia(source_id=[IDS[0], 5, IDS[3]], client=Archive())
    np.testing.assert_array_equal(table["source_id"], [IDS[0], 0, IDS[3]])
    assert np.isnan(table["ra"][1]) and np.isnan(table["parallax"][2])  # the archive has no parallax for the last
    assert len(query_gaia(source_id=[5], client=Archive())) == 1


def test_by_coordinates_the_nearest_counts():
    table = query_gaia(ra=[20.00004, 20.00009, 25.0, np.nan], dec=[0, 0, 0, 0], radius=1, client=Archive())
    np.testing.assert_array_equal(table["source_id"], [IDS[1], IDS[2], 0, 0])
    hours = query_gaia(ra=[20 / 15] * u.hourangle, dec=[0] * u.deg, radius=0.01 * u.arcmin, client=Archive())
    assert hours["source_id"][0] == IDS[1]


def test_many_stars_are_asked_for_in_parts(monkeypatch):
    monkeypatch.setattr(query, "STARS_PER_QUERY", 2)
    archive = Archive()
    table = query_gaia(source_id=IDS[[3, 2, 1, 0, 1]], client=archive)
    np.testing.assert_array_equal(table["source_id"], IDS[[3, 2, 1, 0, 1]])
    assert len(archive.queries) == 3 and "FROM tap_upload.stars AS s JOIN gaiadr3.gaia_source" in archive.queries[0]


@pytest.mark.parametrize("offset", [0.04, lambda table: 0.04 * np.ones(len(table)), 40 * u.uas])
def test_the_zero_point_is_the_users(offset):
    table = query_gaia(source_id=IDS[:2], offset=offset, client=Archive())
    np.testing.assert_allclose(table["parallax"].to_value(u.mas), [1.04, 2.04])


def test_the_zero_point_may_depend_on_the_table():
    table = query_gaia(source_id=IDS[:3], offset=lambda t: 0.1 * t["phot_g_mean_mag"].value, client=Archive())
    np.testing.assert_allclose(table["parallax"].value, [1.0, 2.1, 3.2])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "give either `source_id`, or `ra` and `dec`"),
        ({"ra": [1.0]}, "give either"),
        ({"source_id": [1], "ra": [1.0], "dec": [1.0]}, "give either"),
        ({"source_id": [1.0]}, "a float can't hold 19 digits"),
        ({"ra": [1.0], "dec": [1.0, 2.0]}, "`ra` 1, `dec` 2"),
        ({"ra": [1.0], "dec": [1.0], "radius": 0}, "`radius` must be a positive angle"),
    ],
)
def test_questions_that_make_no_sense(arguments, message):
    with pytest.raises(ValueError, match=message):
        query_gaia(**arguments, client=Archive())


def test_an_archive_that_does_not_answer():
    class Down:
        def launch_job_async(self, *arguments, **settings):
            raise TimeoutError("no answer")

    with pytest.raises(ConnectionError, match=r"can't be reached \(no answer\)"):
        query_gaia(source_id=[1], client=Down())
