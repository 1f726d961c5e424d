import numpy as np
import pytest

from astroNN.apogee import apogee_default_dr, apogeeid_digit


def test_release_comes_from_the_environment_unless_given(monkeypatch):
    monkeypatch.delenv("RESULTS_VERS", raising=False)
    assert apogee_default_dr() == 17
    monkeypatch.setenv("RESULTS_VERS", "l31c.2")
    assert apogee_default_dr() == 14
    assert apogee_default_dr(13) == 13


def test_dr15_is_dr14():
    assert apogee_default_dr(15) == 14


@pytest.mark.parametrize("dr", [np.array(14), np.array(15), np.int16(14)])
def test_a_release_may_be_a_number_of_numpy(dr):
    assert {apogee_default_dr(dr): "found"} == {14: "found"}


@pytest.mark.parametrize("dr", [[17], [13, 14], np.array([17]), np.array([13, 14]), {"dr": 17}])
def test_several_releases_are_an_error_that_says_so(dr):
    with pytest.raises(ValueError, match="`dr` must be one data release, such as 17, got"):
        apogee_default_dr(dr)


def test_an_unknown_reduction_in_the_environment_is_an_error(monkeypatch):
    monkeypatch.setenv("RESULTS_VERS", "l99")
    with pytest.raises(ValueError, match="RESULTS_VERS"):
        apogee_default_dr()


@pytest.mark.parametrize("dtype", ["U18", "S18", object])
def test_digits_of_identifiers_in_every_kind_of_array(dtype):
    digits = apogeeid_digit(np.array(["2M00380508+5608579", "2M00380508-5608579"], dtype=dtype))
    assert digits.tolist() == ["2003805085608579", "2003805085608579"]


@pytest.mark.parametrize("identifier", ["2M00380508+5608579", b"2M00380508+5608579"])
def test_digits_of_one_identifier_are_a_string(identifier):
    assert apogeeid_digit(identifier) == "2003805085608579"
