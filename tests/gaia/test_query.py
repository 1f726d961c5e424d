"""Questions to the Gaia archive: an archive of a few stars stands in for it, and answers what the query asks."""

import re

import numpy as np
import pytest
import requests
from astropy import units as u
from astropy.table import MaskedColumn, Table
from astropy.utils.masked import Masked

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
        self.queries, self.asked = [], []

    def launch_job_async(self, query, upload_resource, upload_table_name):
        assert upload_table_name == "stars"
        self.queries.append(query)
        self.asked.extend(upload_resource["star"])
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


@pytest.mark.parametrize("column", [np.ma.MaskedArray, MaskedColumn, Masked])
def test_for_masked_identifiers_nothing_is_asked(column):
    archive = Archive()
    table = query_gaia(source_id=column(IDS[:3], mask=[False, True, False]), client=archive)
    np.testing.assert_array_equal(table["source_id"], [IDS[0], 0, IDS[2]])
    assert np.isnan(table["parallax"][1]) and archive.asked == [0, 2]
    query_gaia(source_id=column(IDS[:1], mask=[True]), client=archive)
    assert len(archive.queries) == 1


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


@pytest.mark.parametrize(
    "offset",
    [0.04, lambda table: 0.04 * np.ones(len(table)), 40 * u.uas, lambda table: 40 * u.uas, [0.04, 0.04] * u.mas],
)
def test_the_zero_point_is_the_users(offset):
    table = query_gaia(source_id=IDS[:2], offset=offset, client=Archive())
    np.testing.assert_allclose(table["parallax"].to_value(u.mas), [1.04, 2.04])


def test_the_zero_point_may_depend_on_the_table():
    table = query_gaia(source_id=IDS[:3], offset=lambda t: 0.1 * t["phot_g_mean_mag"].value, client=Archive())
    np.testing.assert_allclose(table["parallax"].value, [1.0, 2.1, 3.2])
    gaps = np.ma.MaskedArray([0.1, 0.1, 0.1], mask=[False, True, False])
    table = query_gaia(source_id=IDS[:3], offset=lambda t: gaps, client=Archive())
    np.testing.assert_allclose(table["parallax"].value, [1.1, np.nan, 3.1])


@pytest.mark.parametrize("offset", [None, False])
def test_no_offset_leaves_the_parallaxes_as_they_are(offset):
    table = query_gaia(source_id=IDS[:2], offset=offset, client=Archive())
    np.testing.assert_array_equal(table["parallax"].value, [1.0, 2.0])


@pytest.mark.parametrize(
    "offset", ["leungbovy2019", "lindegren2021", True, np.True_, np.nan, -9999.0, np.inf, [0.1], {}]
)
def test_corrections_of_other_releases_and_no_numbers_are_refused_before_anything_is_asked(offset):
    archive = Archive()
    with pytest.raises(ValueError, match="query_gaia: `offset` must (be a number|hold numbers)"):
        query_gaia(source_id=IDS[:2], offset=offset, client=archive)
    assert not archive.queries


@pytest.mark.parametrize("given", [True, "0.04", None, [0.1], [np.inf, 0.1]])
def test_a_function_that_gives_no_offsets_is_refused(given):
    with pytest.raises(ValueError, match="query_gaia: `offset` must (be a number|hold numbers)"):
        query_gaia(source_id=IDS[:2], offset=lambda table: given, client=Archive())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "give either `source_id`, or `ra` and `dec`"),
        ({"ra": [1.0]}, "give either"),
        ({"source_id": [1], "ra": [1.0], "dec": [1.0]}, "give either"),
        ({"source_id": [1.0]}, "a float can't hold 19 digits"),
        ({"ra": [1.0], "dec": [1.0, 2.0]}, "`ra` 1, `dec` 2"),
        ({"ra": [1.0], "dec": [1.0], "radius": 0}, "`radius` must be a positive angle"),
        (
            {"ra": [1.0], "dec": [95.0]},
            "query_gaia: `dec` must be an angle in degrees from -90 to 90, got 95 in row 0",
        ),
        ({"ra": [np.inf], "dec": [1.0]}, "query_gaia: `ra` must be an angle in degrees, got inf in row 0"),
        ({"ra": [[1.0, 2.0]], "dec": [[1.0, 2.0]]}, r"`ra` must be a column of numbers, got .* shape \(1, 2\)"),
    ],
)
def test_questions_that_make_no_sense(arguments, message):
    with pytest.raises(ValueError, match=message):
        query_gaia(**arguments, client=Archive())


@pytest.mark.parametrize(
    "error", [requests.HTTPError("Error 400: Cannot parse query"), SystemError("Error 500: aborted")]
)
def test_an_archive_that_answers_with_an_error(error):
    class Refuses:
        def launch_job_async(self, *arguments, **settings):
            raise error

    with pytest.raises(ConnectionError, match=r"archive answers with an error \(Error [45]00: ") as told:
        query_gaia(source_id=[1], client=Refuses())
    assert "reached" not in str(told.value)


def test_an_archive_that_does_not_answer():
    class Down:
        def launch_job_async(self, *arguments, **settings):
            raise TimeoutError("no answer")

    with pytest.raises(ConnectionError, match=r"can't be reached \(no answer\)"):
        query_gaia(source_id=[1], client=Down())
