"""Release and folder of Gaia files."""

import warnings

import pytest

from astroNN.gaia import gaia_default_dr, gaia_env
from astroNN.shared import folders

pytestmark = pytest.mark.one_backend


def test_the_default_release():
    assert gaia_default_dr() == 3
    assert gaia_default_dr(1) == 1


def test_the_folder_is_that_of_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("GAIA_TOOLS_DATA", str(tmp_path))
    assert gaia_env() == str(tmp_path)


def test_without_it_one_warning_says_what_to_set(monkeypatch):
    monkeypatch.delenv("GAIA_TOOLS_DATA", raising=False)
    monkeypatch.setattr(folders, "_warned", set())
    with pytest.warns(UserWarning, match=r"GAIA_TOOLS_DATA is not set: downloads go to .*\.astroNN.gaia.*Set it to"):
        assert gaia_env() is None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert gaia_env() is None


def test_no_warning_for_those_who_want_none(monkeypatch):
    monkeypatch.delenv("GAIA_TOOLS_DATA", raising=False)
    monkeypatch.setattr(folders, "_warned", set())
    monkeypatch.setattr("astroNN.config.ENVVAR_WARN_FLAG", False, raising=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert gaia_env() is None
