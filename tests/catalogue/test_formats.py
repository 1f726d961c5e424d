"""Units of catalogues: astropy reads them back, silently, from every format that has units."""

import io
import warnings

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.table import Table

from astroNN.catalogue import predict_catalogue
from astroNN.catalogue._formats import written
from astroNN.models import load_folder
from tests.catalogue.conftest import spectra_of

UNITS = {
    "teff": "K",
    "logg": "dex",
    "gravity": "dex(cm / s2)",
    "motion": "uas / yr",
    "parallax": "1 / mas",
}


def made(tmp_path, end, units=UNITS):
    path = tmp_path / f"out{end}"
    rows = np.zeros(3, [(name, "f4") for name in [*UNITS, "bare"]])
    for number, name in enumerate(rows.dtype.names):
        rows[name] = number + np.arange(3.0)
    types = {name: rows.dtype[name] for name in rows.dtype.names}
    with written(path, path, types, units, {"NETWORK": "ApogeeBCNN"}, len(rows)) as write:
        write(rows[:2])
        write(rows[2:])
    return path, rows


@pytest.mark.parametrize("end", [".fits", ".h5"])
def test_units_are_read_back_without_a_warning(tmp_path, end):
    path, rows = made(tmp_path, end)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = Table.read(path)
    assert table.colnames == list(rows.dtype.names) and table.meta["NETWORK"] == "ApogeeBCNN"
    for name in rows.dtype.names:
        assert table[name].unit == (u.Unit(UNITS[name]) if name in UNITS else None), name
        np.testing.assert_array_equal(table[name], rows[name])


def test_units_of_the_header_are_those_of_the_standard(tmp_path):
    path, rows = made(tmp_path, ".fits")
    with fits.open(path) as hdus:
        hdus.verify("exception")
        table = hdus["CATALOGUE"]
        for column in table.columns:
            np.testing.assert_array_equal(table.data[column.name], rows[column.name])
            u.Unit(column.unit or "", format="fits")  # raises for what the standard does not have
        assert (table.columns["teff"].unit, table.columns["logg"].unit) == ("K", None)
        assert table.header.comments["TTYPE2"] == "in dex"
    content = path.read_bytes()
    assert len(content) % 2880 == 0 and fits.getheader(io.BytesIO(content), 1)["NAXIS2"] == 3


def test_a_catalogue_of_abundances_is_read_without_a_warning(network, tmp_path):
    net = load_folder(network)
    net.targetname = ["teff", "Fe"]
    np.save(tmp_path / "x.npy", spectra_of(3, 5))
    predict_catalogue(net.save(tmp_path / "run"), tmp_path / "x.npy", tmp_path / "out.fits", verbose=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = Table.read(tmp_path / "out.fits")
    assert table["teff"].unit == u.K
    assert table["Fe"].unit == table["Fe_err"].unit == u.dex
