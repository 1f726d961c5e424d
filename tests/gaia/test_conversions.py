"""Magnitudes, parallaxes, distances and luminosities: documented values, laws they obey, and gaps."""

import warnings

import numpy as np
import pandas as pd
import pytest
from astropy import units as u
from astropy.table import Column, MaskedColumn, QTable, Table

from astroNN import gaia

pytestmark = pytest.mark.one_backend

M = -9999.0
DEX5 = 5 / np.log(10)


# Values -------------------------------------------------------------------------------------------------------


def test_the_documented_values():
    assert gaia.mag_to_fakemag(10, 5) == 500
    assert gaia.mag_to_absmag(10, 5) == pytest.approx(3.49485, abs=1e-5)
    distance, error = gaia.fakemag_to_pc(300, 10, 100)
    assert (distance.unit, error.unit) == (u.pc, u.pc)
    assert (distance.value, error.value) == pytest.approx((1000 / 3, 1000 / 9))
    distances = gaia.absmag_to_pc([1, M], [2, 1])
    assert distances.unit == u.pc
    np.testing.assert_allclose(distances.value, [15.8489, M], rtol=1e-5)
    assert gaia.fakemag_to_parallax(300, 10) == 3 * u.mas
    with pytest.warns(UserWarning, match="of 1 of 1 stars"):
        assert gaia.extinction_correction(10, -90) == 10
    with pytest.warns(UserWarning, match="of 1 of 1 stars"):
        assert gaia.extinction_correction(-99.99, -90) == M


def test_a_sun_at_ten_parsec_has_the_luminosity_of_the_sun():
    for band, absmag in gaia.solar_absmag_bands.items():
        assert gaia.absmag_to_logsol(absmag, band) == 0
        assert gaia.logsol_to_absmag(0, band) == absmag
        # At 10 pc, parallax 100 mas, apparent and absolute magnitude are the same.
        assert gaia.fakemag_to_logsol(gaia.mag_to_fakemag(absmag, 100.0), band) == pytest.approx(0, abs=1e-12)
    # Five magnitudes brighter: a hundred times as luminous, by definition.
    assert gaia.absmag_to_logsol(3.27 - 5) == pytest.approx(2)


def test_there_and_back_again():
    rng = np.random.default_rng(0)
    mag, parallax = rng.uniform(3, 18, 1000), rng.uniform(0.01, 300, 1000)
    fakemag, absmag = gaia.mag_to_fakemag(mag, parallax), gaia.mag_to_absmag(mag, parallax)
    close = {"rtol": 1e-12, "atol": 1e-11}
    np.testing.assert_allclose(gaia.fakemag_to_parallax(fakemag, mag).to_value(u.mas), parallax, **close)
    np.testing.assert_allclose(gaia.fakemag_to_pc(fakemag, mag).to_value(u.pc), 1000 / parallax, **close)
    np.testing.assert_allclose(gaia.absmag_to_pc(absmag, mag).to_value(u.pc), 1000 / parallax, **close)
    np.testing.assert_allclose(gaia.fakemag_to_mag(fakemag, 1000 / parallax), mag, **close)
    np.testing.assert_allclose(gaia.fakemag_to_absmag(fakemag), absmag, **close)
    np.testing.assert_allclose(gaia.absmag_to_fakemag(absmag), fakemag, **close)
    for band in gaia.solar_absmag_bands:
        np.testing.assert_allclose(
            gaia.logsol_to_fakemag(gaia.fakemag_to_logsol(fakemag, band), band), fakemag, rtol=1e-10
        )
        np.testing.assert_allclose(gaia.logsol_to_absmag(gaia.absmag_to_logsol(absmag, band), band), absmag, **close)


# Errors -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("convert", "first", "second"),
    [
        (gaia.mag_to_fakemag, 12.3, 2.5),
        (gaia.mag_to_absmag, 12.3, 2.5),
        (gaia.fakemag_to_mag, 730.0, 400.0),
    ],
)
def test_errors_are_those_of_many_draws(convert, first, second):
    error = 0.01 * second
    _, found = convert(first, second, error)
    draws = np.asarray(convert(first, np.random.default_rng(1).normal(second, error, 100_000)))
    assert found == pytest.approx(draws.std(), rel=5 / np.sqrt(2 * 100_000) + 3 * 0.01**2)


@pytest.mark.parametrize("convert", [gaia.fakemag_to_pc, gaia.fakemag_to_parallax])
def test_errors_of_fakemags_are_those_of_many_draws(convert):
    _, found = convert(300.0, 10.0, 3.0)
    draws = convert(np.random.default_rng(1).normal(300.0, 3.0, 100_000), 10.0)
    assert found.unit == draws.unit
    assert found.value == pytest.approx(draws.value.std(), rel=5 / np.sqrt(2 * 100_000) + 3 * 0.01**2)


def test_a_negative_parallax_has_a_fakemag_and_a_positive_error():
    assert gaia.mag_to_fakemag(10.0, -1.0, 2.0) == (-100.0, 200.0)


def test_the_error_of_a_parallax_of_zero_is_that_of_any_other():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fakemag, error = gaia.mag_to_fakemag(10.0, [0.0, 1e-300, -0.0], [0.5, 0.5, 500.0 * 1e-3])
    np.testing.assert_allclose(fakemag, [0, 1e-298, 0], atol=1e-290)
    np.testing.assert_allclose(error, 0.5 * 10**2)  # d(plx 10^(m / 5)) / d(plx)
    assert gaia.mag_to_fakemag(10.0, 0.0 * u.uas, 500.0 * u.uas) == (0.0, pytest.approx(50))


def test_the_error_of_a_distance_says_nothing_of_a_parallax_that_has_none():
    fakemag, error = gaia.mag_to_fakemag(10.0, [5.0, 0.0, -5.0] * u.mas, 20 * u.pc)
    np.testing.assert_allclose(fakemag, [500, 0, -500])
    np.testing.assert_allclose(error, [50, M, M])


def test_an_error_of_zero_stays_zero():
    assert gaia.mag_to_absmag(10.0, 5.0, 0.0)[1] == 0


# Units --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parallax", "error"),
    [
        (5.0, 0.5),
        (5.0 * u.mas, 0.5),
        (5.0 * u.mas, 500 * u.uas),
        (5000.0 * u.uas, 500.0),
        (5e-3 * u.arcsec, 0.5 * u.mas),
        (200.0 * u.pc, 20.0),
        (200.0 * u.pc, 20.0 * u.pc),
        (0.2 * u.kpc, 20.0 * u.pc),
        (200.0 * u.pc, 0.5 * u.mas),
        (5.0 * u.mas, 20.0 * u.pc),
    ],
)
def test_parallaxes_and_their_errors_in_any_unit(parallax, error):
    assert gaia.mag_to_fakemag(10.0, parallax, error) == pytest.approx((500, 50))
    assert gaia.mag_to_absmag(10.0, parallax, error) == pytest.approx((3.49485, DEX5 * 0.1), abs=1e-5)


@pytest.mark.parametrize("distance", [200.0, 200.0 * u.pc, 0.2 * u.kpc, 5 * u.mas])
@pytest.mark.parametrize("error", [20.0 * u.pc, 0.5 * u.mas])
def test_distances_in_any_unit(distance, error):
    assert gaia.fakemag_to_mag(500.0, distance) == pytest.approx(10)
    assert gaia.fakemag_to_mag(500.0, distance, error) == pytest.approx((10, DEX5 * 0.1))


def test_a_list_of_quantities_counts_with_its_unit():
    np.testing.assert_allclose(gaia.mag_to_fakemag(10.0, [5000.0 * u.uas, 1.0 * u.mas]), [500, 100])


@pytest.mark.parametrize("unit", [u.K, u.km / u.s, u.mag])
def test_units_that_do_not_convert_are_refused_by_name(unit):
    with pytest.raises(u.UnitConversionError, match=r"mag_to_fakemag: `parallax`.*parallax \(such as mas\)"):
        gaia.mag_to_fakemag(10.0, 5.0 * unit)
    with pytest.raises(u.UnitConversionError, match="`parallax_err`"):
        gaia.mag_to_absmag(10.0, 5.0, 1.0 * unit)
    with pytest.raises(u.UnitConversionError, match="fakemag_to_mag: `pc`"):
        gaia.fakemag_to_mag(10.0, 5.0 * unit)


# Gaps ---------------------------------------------------------------------------------------------------------

BAD_MAGNITUDES = [M, np.nan, -99.99, -999.0]
BAD_PARALLAXES = [M, np.nan]
#: function, arguments that are fine
ALL = [
    (gaia.mag_to_fakemag, (10.0, 5.0)),
    (gaia.mag_to_absmag, (10.0, 5.0)),
    (gaia.absmag_to_pc, (1.0, 10.0)),
    (gaia.fakemag_to_absmag, (300.0,)),
    (gaia.absmag_to_fakemag, (1.0,)),
    (gaia.fakemag_to_pc, (300.0, 10.0)),
    (gaia.fakemag_to_parallax, (300.0, 10.0)),
    (gaia.fakemag_to_mag, (300.0, 100.0)),
    (gaia.fakemag_to_logsol, (300.0,)),
    (gaia.absmag_to_logsol, (1.0,)),
    (gaia.logsol_to_fakemag, (1.0,)),
    (gaia.logsol_to_absmag, (1.0,)),
    (gaia.extinction_correction, (10.0, 0.5)),
]


def gap_cases():
    for convert, arguments in ALL:
        for place in range(len(arguments)):
            if convert is gaia.extinction_correction and place == 1:
                continue  # an unknown extinction counts as none
            for gap in (M, np.nan, int(M), np.float32(M)):
                yield pytest.param(convert, arguments, place, gap, id=f"{convert.__name__}-{place}-{gap!r}")


@pytest.mark.parametrize(("convert", "arguments", "place", "gap"), list(gap_cases()))
def test_a_gap_in_any_argument_is_the_magic_number_alone_and_in_a_column(convert, arguments, place, gap):
    given = list(arguments)
    given[place] = gap
    alone = convert(*given)
    assert alone == M and type(alone) is float
    good = convert(*arguments)
    columns = [np.array([argument, argument]) for argument in arguments]
    columns[place] = np.array([arguments[place], gap], dtype=float)
    found = convert(*columns)
    np.testing.assert_allclose(u.Quantity(found).value, [u.Quantity(good).value, M])
    assert getattr(found, "unit", None) == getattr(good, "unit", None)


@pytest.mark.parametrize("mag", BAD_MAGNITUDES)
@pytest.mark.parametrize("parallax", [5.0, *BAD_PARALLAXES])
def test_with_an_error_a_gap_gives_two_magic_numbers(mag, parallax):
    for convert in (gaia.mag_to_fakemag, gaia.mag_to_absmag):
        assert convert(mag, parallax, 0.1) == (M, M)
        values, errors = convert([10.0, mag], [5.0, parallax], [0.1, 0.1])
        assert values[1] == errors[1] == M and (values[0] > 0) and (errors[0] > 0)


@pytest.mark.parametrize("convert", [gaia.fakemag_to_pc, gaia.fakemag_to_parallax, gaia.fakemag_to_mag])
@pytest.mark.parametrize("fakemag", [0.0, -3.0, M, np.nan])
def test_a_fakemag_that_is_no_luminosity_gives_the_magic_number(convert, fakemag):
    assert convert(fakemag, 10.0, 1.0) == (M, M)
    assert gaia.fakemag_to_absmag(fakemag) == gaia.fakemag_to_logsol(fakemag) == M


def test_an_error_that_is_missing_leaves_the_value():
    assert gaia.mag_to_fakemag(10.0, 5.0, np.nan) == (500.0, M)
    distance, error = gaia.fakemag_to_pc([300.0], 10.0, [M])
    assert distance[0].value == pytest.approx(1000 / 3) and error[0] == M * u.pc


def test_magic_numbers_keep_their_value_in_any_unit():
    parallax = [5.0, M] * u.uas  # -9999 in whatever unit, not -9.999 mas
    np.testing.assert_allclose(gaia.mag_to_fakemag(10.0, parallax), [0.5, M])


# Forms of data ------------------------------------------------------------------------------------------------


def test_a_column_and_a_number_meet_in_either_place():
    np.testing.assert_allclose(gaia.mag_to_fakemag([10.0, M], 5.0), [500, M])
    np.testing.assert_allclose(gaia.mag_to_fakemag(10.0, [5.0, M]), [500, M])
    np.testing.assert_allclose(gaia.mag_to_absmag(np.full((2, 1), 10.0), np.full(3, 100.0)), np.full((2, 3), 10.0))


@pytest.mark.parametrize("form", ["list", "float32", "integers", "big-endian", "Table", "QTable", "masked", "pandas"])
def test_columns_of_any_table(form):
    magnitudes, parallaxes = [10.0, 15.0, 5.0], [5.0, -9999.0, 2.0]
    columns = {
        "list": lambda: (magnitudes, parallaxes),
        "float32": lambda: (np.float32(magnitudes), np.float32(parallaxes)),
        "integers": lambda: (np.int16(magnitudes), np.int16(parallaxes)),
        "big-endian": lambda: (np.array(magnitudes, ">f8"), np.array(parallaxes, ">f4")),
        "Table": lambda: Table({"m": magnitudes, "p": parallaxes}, units={"p": "mas"}).itercols(),
        "QTable": lambda: QTable({"m": magnitudes, "p": parallaxes}, units={"p": "mas"}).itercols(),
        "masked": lambda: (magnitudes, MaskedColumn([5.0, 7.0, 2.0], mask=[False, True, False])),
        "pandas": lambda: (pd.Series(magnitudes, index=[7, 3, 9]), pd.Series(parallaxes)),
    }[form]()
    found = gaia.mag_to_fakemag(*columns)
    assert type(found) is np.ndarray
    np.testing.assert_allclose(found, [500, M, 20], rtol=1e-6)


def test_the_unit_of_a_column_counts():
    table = Table({"parallax": [5000.0]}, units={"parallax": "uas"})
    np.testing.assert_allclose(gaia.mag_to_fakemag(10.0, table["parallax"]), [500])


def test_what_the_user_gave_is_left_as_it_was():
    mag, parallax = np.array([10.0, M]), np.array([5.0, M])
    gaia.mag_to_absmag(mag, parallax, parallax)
    np.testing.assert_array_equal(mag, [10.0, M])
    np.testing.assert_array_equal(parallax, [5.0, M])


def test_an_empty_column_gives_an_empty_one():
    assert gaia.mag_to_fakemag([], []).shape == (0,)


# What can't be --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("parallax", [-5.0, 0.0, [5.0, -5.0, 0.0]])
def test_a_negative_parallax_has_no_absolute_magnitude(parallax):
    n = np.size(parallax)
    with pytest.raises(ValueError, match=rf"mag_to_absmag: [12] of {n} values of `parallax` are zero, negative"):
        gaia.mag_to_absmag(10.0, parallax)


@pytest.mark.parametrize("error", [None, 1.0, 0.1 * u.mas])
def test_a_distance_of_zero_has_no_fakemag(error):
    with pytest.raises(
        ValueError, match="mag_to_fakemag: 1 of 3 values of `parallax` are infinite, or distances of zero"
    ):
        gaia.mag_to_fakemag(10.0, [200.0, 0.0, M] * u.pc, error)
    with pytest.raises(ValueError, match="1 of 1 values of `parallax` are infinite"):
        gaia.mag_to_fakemag(10.0, 0.0 * u.pc, error)


def test_a_negative_distance_is_refused():
    with pytest.raises(ValueError, match="fakemag_to_mag: 1 of 1 values of `pc`"):
        gaia.fakemag_to_mag(300.0, -100.0)


def test_negative_errors_are_refused():
    with pytest.raises(ValueError, match=r"`parallax_err` holds negative errors \(the lowest is -0.5\)"):
        gaia.mag_to_fakemag(10.0, 5.0, -0.5)


def test_words_are_refused():
    with pytest.raises(TypeError, match="mag_to_fakemag: `mag` must hold numbers"):
        gaia.mag_to_fakemag("ten", 5.0)


def test_an_unknown_band_is_refused_with_those_known():
    for convert in (gaia.fakemag_to_logsol, gaia.absmag_to_logsol, gaia.logsol_to_absmag, gaia.logsol_to_fakemag):
        with pytest.raises(ValueError, match="`band` 'W1' is not known; known are U, B, V"):
            convert(1.0, "W1")


def test_columns_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="shape"):
        gaia.mag_to_fakemag([1.0, 2.0], [1.0, 2.0, 3.0])


# Extinction ---------------------------------------------------------------------------------------------------


def test_an_unknown_extinction_counts_as_none_and_a_warning_counts_the_stars():
    with pytest.warns(UserWarning, match="of 2 of 4 stars is not known") as told:
        corrected = gaia.extinction_correction([10.0, 11.0, 12.0, np.nan], [0.5, -9999.0, np.nan, 0.1])
    np.testing.assert_allclose(corrected, [9.5, 11, 12, M])
    assert told[0].filename == __file__
    assert gaia.extinction_correction(10.0, -0.5) == 10.5  # noise may make it negative
    with pytest.warns(UserWarning, match="of 2 of 2 stars"):
        gaia.extinction_correction([10.0, 11.0], -90.0)


# Units of what is no parallax ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("converted", "expected"),
    [
        (lambda: gaia.mag_to_fakemag(10_000 * u.mmag, 5.0), 500.0),
        (lambda: gaia.mag_to_fakemag([10.0] * u.ABmag, 5.0), [500.0]),
        (lambda: gaia.mag_to_absmag(Column([10.0], unit="mag"), 5.0), [3.4948500]),
        (lambda: gaia.extinction_correction([10.0] * u.mag, [500.0] * u.mmag), [9.5]),
        (lambda: gaia.fakemag_to_absmag(0.5 * u.arcsec), 3.4948500),
        (lambda: gaia.fakemag_to_pc(500 * u.mas, 10 * u.mag)[()].value, 200.0),
        (lambda: gaia.absmag_to_logsol(3270 * u.mmag), 0.0),
        (lambda: gaia.logsol_to_absmag(0.0 * u.dex), 3.27),
    ],
)
def test_units_are_converted(converted, expected):
    np.testing.assert_allclose(converted(), expected, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize(
    ("convert", "argument"),
    [
        (lambda: gaia.mag_to_fakemag(10 * u.pc, 5.0), "mag"),
        (lambda: gaia.extinction_correction(10.0, 1 * u.K), "extinction"),
        (lambda: gaia.fakemag_to_logsol(500 * u.pc), "fakemag"),
        (lambda: gaia.fakemag_to_pc(500.0, 10.0, 5 * u.pc), "fakemag_err"),
        (lambda: gaia.absmag_to_pc(1 * u.s, 10.0), "absmag"),
        (lambda: gaia.logsol_to_fakemag(1 * u.Lsun), "logsol"),
    ],
)
def test_units_that_do_not_convert_are_refused(convert, argument):
    with pytest.raises(u.UnitConversionError, match=f"`{argument}` has the unit"):
        convert()


@pytest.mark.parametrize("function", [gaia.mag_to_fakemag, gaia.mag_to_absmag])
def test_negative_distances_are_refused(function):
    with pytest.raises(ValueError, match="1 of 2 values of `parallax` are negative distances"):
        function([10.0, 10.0], [-200.0, 200.0] * u.pc)


@pytest.mark.parametrize("function", [gaia.fakemag_to_pc, gaia.fakemag_to_parallax])
def test_negative_errors_of_fakemags_are_refused(function):
    with pytest.raises(ValueError, match="`fakemag_err` holds negative errors"):
        function(300.0, 10.0, -100.0)
