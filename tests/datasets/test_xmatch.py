"""Matching by place on the sky: against all pairs of astropy, with proper motions, in files and tables."""

import h5py
import numpy as np
import pandas as pd
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord, angular_separation
from astropy.io import fits
from astropy.table import Table
from astropy.time import Time
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from astroNN.datasets import xmatch, xmatch_cat

pytestmark = pytest.mark.one_backend

ARCSEC = 1 / 3600


def all_separations(ra1, dec1, ra2, dec2):
    """Of all pairs [arcsec], by Vincenty's formula."""
    ra1, dec1, ra2, dec2 = (np.radians(angles) for angles in (ra1, dec1, ra2, dec2))
    return np.degrees(angular_separation(ra1[:, None], dec1[:, None], ra2, dec2)) * 3600


def two_catalogues(n1, n2, seed=0, box=0.01):
    """In a small field, so that there are many pairs; the third of the second one repeats stars of the first."""
    rng = np.random.default_rng(seed)
    ra1, dec1 = rng.uniform(359.995, 359.995 + box, n1) % 360, rng.uniform(60, 60 + box, n1)
    ra2, dec2 = rng.uniform(359.995, 359.995 + box, n2) % 360, rng.uniform(60, 60 + box, n2)
    same = n2 // 3
    ra2[:same] = ra1[:same] + rng.normal(0, 0.3 * ARCSEC, same)
    dec2[:same] = dec1[:same] + rng.normal(0, 0.3 * ARCSEC, same)
    return ra1, dec1, ra2, dec2


def test_the_documented_example():
    ra1, dec1 = [36, 68, 105, 23, 96, 96], [72, 56, 54, 55, 88, 88]
    ra2, dec2 = [23, 56, 222, 96, 245, 68], [36, 68, 82, 88, 26, 56]
    idx1, idx2, sep = xmatch(ra1, dec1, ra2, dec2)
    np.testing.assert_array_equal(idx1, [1, 4, 5])
    np.testing.assert_array_equal(idx2, [5, 3, 3])
    np.testing.assert_array_equal(sep.arcsec, [0, 0, 0])


@pytest.mark.parametrize("maxdist", [0.5, 2, 20])
def test_the_nearest_are_those_of_all_pairs(maxdist):
    catalogues = two_catalogues(300, 200)
    idx1, idx2, sep = xmatch(*catalogues, maxdist=maxdist)
    separations = all_separations(*catalogues)
    expected = np.flatnonzero(separations.min(axis=1) < maxdist)
    assert len(expected)
    np.testing.assert_array_equal(idx1, expected)
    np.testing.assert_array_equal(idx2, separations.argmin(axis=1)[expected])
    np.testing.assert_allclose(sep.arcsec, separations.min(axis=1)[expected], atol=1e-8)


def test_symmetric_pairs_are_each_the_nearest_of_the_other():
    catalogues = two_catalogues(300, 200)
    idx1, idx2, _ = xmatch(*catalogues, maxdist=5, mode="symmetric")
    separations = all_separations(*catalogues)
    expected = [
        (one, other)
        for one, other in enumerate(separations.argmin(axis=1))
        if separations[:, other].argmin() == one and separations[one, other] < 5
    ]
    assert list(zip(idx1, idx2, strict=True)) == expected
    assert len(set(idx2)) == len(idx2)
    assert len(idx2) < len(xmatch(*catalogues, maxdist=5)[0])


def test_all_pairs_are_all_pairs():
    catalogues = two_catalogues(300, 200)
    idx1, idx2, sep = xmatch(*catalogues, maxdist=5, mode="all")
    separations = all_separations(*catalogues)
    assert set(zip(idx1, idx2, strict=True)) == set(zip(*np.nonzero(separations < 5), strict=True))
    np.testing.assert_allclose(sep.arcsec, separations[idx1, idx2], atol=1e-8)
    assert (np.diff(idx1) >= 0).all()
    same = np.diff(idx1) == 0
    assert same.any() and (np.diff(sep.arcsec)[same] >= 0).all()


@settings(deadline=None, max_examples=50)
@given(
    st.floats(0, 360), st.floats(-90, 90), st.floats(0, 360), st.floats(1e-4, 100),
)  # fmt: skip
def test_a_star_is_found_wherever_it_is_and_only_within_the_limit(ra, dec, angle, separation):
    here = SkyCoord(ra * u.deg, dec * u.deg)
    there = here.directional_offset_by(angle * u.deg, separation * u.arcsec)
    separation = here.separation(there).arcsec  # near a pole `there` is not quite where it was to be
    assume(separation > 5e-5)
    for factor, found in ((1.001, 1), (0.999, 0)):
        idx1, _, sep = xmatch([ra], [dec], [there.ra.deg], [there.dec.deg], maxdist=factor * separation)
        assert len(idx1) == found
        np.testing.assert_allclose(sep.arcsec, [separation] * found, rtol=1e-5, atol=1e-8)


# Motion -------------------------------------------------------------------------------------------------------


def test_proper_motions_bring_the_second_catalogue_to_the_epoch_of_the_first():
    # Barnard's star: 10 arcsec a year. Gaia DR3, epoch 2016.
    ra, dec, pmra, pmdec = 269.44850252543836, 4.739420051112412, -801.551, 10362.394
    in_2000 = SkyCoord(
        ra * u.deg, dec * u.deg, pm_ra_cosdec=pmra * u.mas / u.yr, pm_dec=pmdec * u.mas / u.yr,
        obstime=Time(2016.0, format="jyear"), distance=1.83 * u.pc, radial_velocity=0 * u.km / u.s,
    ).apply_space_motion(new_obstime=Time(2000.0, format="jyear"))  # fmt: skip
    second = {"ra2": [ra], "dec2": [dec], "epoch2": 2016.0}
    idx1, _, sep = xmatch([in_2000.ra.deg], [in_2000.dec.deg], pmra2=[pmra], pmdec2=[pmdec], **second)
    assert len(idx1) == 1 and sep.arcsec[0] < 1e-3
    assert len(xmatch([in_2000.ra.deg], [in_2000.dec.deg], pmra2=[0], pmdec2=[0], **second)[0]) == 0


@pytest.mark.parametrize(("ra", "dec"), [(10.0, 20.0), (359.9999, -70.0), (0.0, 0.0)])
def test_away_from_the_poles_the_motion_is_the_documented_formula(ra, dec):
    pmra, pmdec, years = 150.0, -80.0, 15.5
    moved = ra - pmra / np.cos(np.radians(dec)) / 3.6e6 * years, dec - pmdec / 3.6e6 * years
    _, _, sep = xmatch([moved[0]], [moved[1]], [ra], [dec], 2000, 2015.5, [pmra], [pmdec])
    assert sep.arcsec[0] < 1e-4


@pytest.mark.parametrize("dec", [90.0, -90.0])
def test_at_a_pole_a_motion_is_as_good_as_elsewhere(dec):
    # One arcsec a year towards RA 90 (east of RA 0), for 16 years, back from 2016.
    _, _, sep = xmatch([270.0], [dec - np.sign(dec) * 16 * ARCSEC], [0.0], [dec], 2000, 2016, [1000.0], [0.0])
    assert sep.arcsec[0] < 1e-5


def test_missing_motions_count_as_none_and_epochs_may_differ_from_star_to_star():
    second = {
        "ra2": [10.0, 20.0, 30.0],
        "dec2": [0.0, 0.0, 0.0],
        "pmra2": [np.nan, -9999.0, 1000.0],
        "pmdec2": [0.0, np.nan, 0.0],
    }
    epochs = np.array([2016.0, 2016.0, 2003.0])
    idx1, idx2, sep = xmatch([10.0, 20.0, 30.0 - 3 * ARCSEC], [0, 0, 0], epoch1=2000, epoch2=epochs, **second)
    np.testing.assert_array_equal(idx2, [0, 1, 2])
    assert (sep.arcsec < 1e-4).all()
    idx1, *_ = xmatch([30.0 - 3 * ARCSEC], [0], epoch1=Time("J2000"), epoch2=Time(epochs, format="jyear"), **second)
    assert len(idx1) == 1


# Forms and gaps -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("gap", [np.nan, -9999.0])
@pytest.mark.parametrize("mode", ["nearest", "symmetric", "all"])
def test_stars_without_coordinates_match_nothing(gap, mode):
    idx1, idx2, _ = xmatch([1.0, gap, 3.0], [1.0, 2.0, 3.0], [gap, 3.0, 1.0], [gap, 3.0, gap], mode=mode)
    np.testing.assert_array_equal(idx1, [2])
    np.testing.assert_array_equal(idx2, [1])


@pytest.mark.parametrize("mode", ["nearest", "symmetric", "all"])
def test_nothing_to_match_gives_empty_arrays(mode):
    for catalogue in ([], [200.0]):
        for first, second in (([1.0], catalogue), (catalogue, [1.0])):
            idx1, idx2, sep = xmatch(first, np.zeros(len(first)), second, np.zeros(len(second)), mode=mode)
            assert idx1.shape == idx2.shape == sep.shape == (0,)
            assert idx1.dtype.kind == "i"


def test_units_and_columns():
    hours = ([15.0, 30.0] * u.deg).to(u.hourangle)
    table = Table({"ra": [30.0], "dec": [0.0]}, units={"ra": "deg", "dec": "deg"})
    idx1, idx2, sep = xmatch(hours, [0, 0], table["ra"], table["dec"], maxdist=1 * u.arcmin)
    np.testing.assert_array_equal((idx1, idx2), ([1], [0]))
    assert sep.unit == u.deg
    frame = pd.DataFrame({"ra": [30.0], "dec": [0.0]}, index=[17])
    assert len(xmatch(frame["ra"], frame["dec"], table["ra"], table["dec"])[0]) == 1


# Files and tables -----------------------------------------------------------------------------------------------


def in_other_units(first, second):
    """The same stars in radians and minutes of arc, with proper motions in arcsec/yr."""
    first, second = first.copy(), second.copy()
    for table, unit in ((first, u.rad), (second, u.arcmin)):
        for name in table.colnames[:2]:
            table[name] = (table[name].data * u.deg).to(unit)
    for name in ("pmra", "pmdec"):
        second[name] = (second[name].data * u.mas / u.yr).to(u.arcsec / u.yr)
    return first, second


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    folder = tmp_path_factory.mktemp("catalogues")
    ra1, dec1, ra2, dec2 = two_catalogues(200, 150, seed=3)
    first, second = Table({"RA": ra1, "DEC": dec1}), Table({"ra": ra2, "dec": dec2})
    rng = np.random.default_rng(1)
    first["FIELD"], second["FIELD"] = rng.choice(["A", "B", "C"], 200), rng.choice(["B", "C", "D"], 150)
    second["pmra"], second["pmdec"] = rng.normal(0, 50, (2, 150))
    in_other_units(first, second)[0].write(folder / "first.fits")
    in_other_units(first, second)[1].write(folder / "second.fits")
    with h5py.File(folder / "second.h5", "w") as file:
        for name in ("ra", "dec", "pmra", "pmdec"):
            file[name] = second[name].data
        file["FIELD"] = second["FIELD"].data.astype("S")
    return folder, first, second


def forms(tables, which):
    folder, first, second = tables
    return {
        "Table": (first, second),
        "Table with units": in_other_units(first, second),
        "FITS": (folder / "first.fits", str(folder / "second.fits")),
        "HDF5": (str(folder / "first.fits"), folder / "second.h5"),
        "DataFrame": (first.to_pandas(), second.to_pandas().set_index("pmra", drop=False)),
        "dict of lists": ({name: first[name].tolist() for name in first.colnames}, dict(second)),
        "structured": (first.as_array(), second.as_array()),
    }[which]


FORMS = ["Table", "Table with units", "FITS", "HDF5", "DataFrame", "dict of lists", "structured"]


@pytest.mark.parametrize("which", FORMS)
@pytest.mark.parametrize("epoch2", [2000.0, 2016.0])
def test_files_and_tables_match_as_their_columns_do(tables, which, epoch2):
    _, first, second = tables
    expected = xmatch(
        first["RA"], first["DEC"], second["ra"], second["dec"], 2000.0, epoch2, second["pmra"], second["pmdec"]
    )
    found = xmatch_cat(*forms(tables, which), epoch2=epoch2)
    assert len(found[0]) > 10
    for a, b in zip(found[:2], expected[:2], strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_allclose(found[2].arcsec, expected[2].arcsec, atol=1e-8)


@pytest.mark.parametrize("which", FORMS)
@pytest.mark.parametrize("mode", ["nearest", "all"])
def test_with_a_field_only_stars_of_the_same_field_match(tables, which, mode):
    _, first, second = tables
    idx1, idx2, sep = xmatch_cat(*forms(tables, which), maxdist=5, field="FIELD", mode=mode)
    separations = all_separations(*(np.asarray(c) for c in (first["RA"], first["DEC"], second["ra"], second["dec"])))
    separations[np.asarray(first["FIELD"])[:, None] != np.asarray(second["FIELD"])] = np.inf
    if mode == "all":
        expected = set(zip(*np.nonzero(separations < 5), strict=True))
    else:
        expected = {(one, separations[one].argmin()) for one in np.flatnonzero(separations.min(axis=1) < 5)}
    assert set(zip(idx1, idx2, strict=True)) == expected and len(expected) > 10
    assert (np.diff(idx1) >= 0).all()
    np.testing.assert_allclose(sep.arcsec, separations[idx1, idx2], atol=1e-8)


@pytest.mark.parametrize("dtype", ["U", "S", object])
def test_blanks_around_a_field_do_not_count(dtype):
    positions = {"ra": [1.0, 2.0, 3.0], "dec": [0.0, 0.0, 0.0]}
    fields = [np.array(names, dtype) for names in (["A", "A ", " B"], ["A", "A", "B"])]
    idx1, idx2, _ = xmatch_cat(*({**positions, "field": field} for field in fields), field="field")
    assert idx1.tolist() == idx2.tolist() == [0, 1, 2]


def fits_table(path, unit):
    columns = [fits.Column("ra", "D", unit=unit, array=[30.0]), fits.Column("dec", "D", unit=" ", array=[0.0])]
    fits.BinTableHDU.from_columns(columns).writeto(path)
    return path


def test_a_unit_that_is_not_known_is_left_out_and_told(tmp_path):
    path = fits_table(tmp_path / "old.fits", "Degrees")
    with pytest.warns(
        UserWarning, match="`cat1`: the unit 'Degrees' of the column ra in .*old.fits is not known"
    ) as told:
        idx1, *_ = xmatch_cat(path, {"ra": [30.0], "dec": [0.0]})
    assert len(idx1) == 1 and told[0].filename == __file__


def test_a_unit_that_is_no_angle_is_refused(tmp_path):
    path = fits_table(tmp_path / "hours.fits", "h")
    with pytest.raises(u.UnitConversionError, match="`ra1` has the unit 'h'"):
        xmatch_cat(path, {"ra": [30.0], "dec": [0.0]})


def test_no_common_field_gives_no_match(tables):
    _, first, second = tables
    idx1, *_ = xmatch_cat(first[first["FIELD"] == "A"], second, field="FIELD")
    assert idx1.shape == (0,)


# What can't be --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dec1": [90.5]}, r"`dec1` must be an angle in degrees from -90 to 90, got 90.5 in row 0"),
        ({"ra2": [np.inf]}, "`ra2` must be an angle in degrees, got inf"),
        ({"ra1": [1.0, 2.0]}, "`ra1` 2, `dec1` 1"),
        ({"ra1": [[1.0]]}, r"`ra1` must be a column of numbers, got an array of shape \(1, 1\)"),
        ({"maxdist": -1}, "`maxdist` must be a positive angle"),
        ({"maxdist": np.nan}, "`maxdist` must be a positive angle"),
        ({"mode": "best"}, "`mode` must be one of 'nearest', 'symmetric', 'all', got 'best'"),
        ({"epoch2": 2016.0}, "epochs differ, and `pmra2` or `pmdec2` is not given"),
        ({"epoch2": 2016.0, "pmra2": [1.0]}, "epochs differ"),
        ({"epoch2": 2016.0, "pmra2": [1.0, 2.0], "pmdec2": [1.0]}, "`pmra2` 2"),
        ({"epoch1": np.nan}, "`epoch1` must be a year"),
    ],
)
def test_what_can_not_be_matched_is_refused(arguments, message):
    good = {"ra1": [1.0], "dec1": [1.0], "ra2": [1.0], "dec2": [1.0]}
    with pytest.raises(ValueError, match=message):
        xmatch(**(good | arguments))


def test_only_the_second_catalogue_has_years_of_single_stars():
    columns = {"ra": [1.0, 2.0], "dec": [1.0, 2.0], "pmra": [1.0, 1.0], "pmdec": [1.0, 1.0]}
    second = {f"{name}2": column for name, column in columns.items()}
    with pytest.raises(ValueError, match=r"xmatch: `epoch1` must be one year for all stars, got .* shape \(2,\)"):
        xmatch(columns["ra"], columns["dec"], **second, epoch1=[2000.0, 2016.0])
    with pytest.raises(ValueError, match="xmatch_cat: `epoch1` must be one year for all stars"):
        xmatch_cat(columns, columns, epoch1=Time([2000.0, 2016.0], format="jyear"))


def test_other_units_and_words_are_refused():
    with pytest.raises(u.UnitConversionError, match="xmatch: `ra1` has the unit 'm'"):
        xmatch([1.0] * u.m, [1.0], [1.0], [1.0])
    with pytest.raises(TypeError, match="xmatch: `ra1` must hold numbers"):
        xmatch(["12h"], [1.0], [1.0], [1.0])


def test_columns_and_files_that_are_not_there(tables, tmp_path):
    _, first, second = tables
    with pytest.raises(KeyError, match="`cat1` has no column 'raj2000'; it has RA, DEC, FIELD"):
        xmatch_cat(first, second, ra1="raj2000")
    with pytest.raises(FileNotFoundError):
        xmatch_cat(tmp_path / "none.fits", second)
    text = tmp_path / "table.csv"
    text.write_text("ra,dec\n1,2\n")
    with pytest.raises(OSError, match=r"`cat2`: .*table.csv can't be read as FITS"):
        xmatch_cat(first, text)
    with pytest.raises(TypeError, match="`cat1` must be the path of a file, a table"):
        xmatch_cat(3, second)
