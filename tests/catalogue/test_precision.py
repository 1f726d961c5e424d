"""The type in which a catalogue's Monte Carlo passes run."""

import numpy as np
import pytest
from astropy.table import Table

from astroNN.catalogue import predict_catalogue
from astroNN.cli import main
from astroNN.models import load_folder
from tests.catalogue.conftest import spectra_of


def test_half_precision_reaches_the_passes_and_the_header(network, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("spectra.npy", spectra_of(3, 70))
    settings = ["--precision", "bfloat16", "--quiet"]
    assert main(["predict", str(network), "spectra.npy", "--out", "half.fits", *settings]) == 0
    net = load_folder(network)
    net.verbose, net.mc_precision = 0, "bfloat16"
    expected, _ = net.predict(spectra_of(3, 70))
    found = Table.read("half.fits")
    np.testing.assert_array_equal(np.stack([found["teff"], found["other"]], axis=1), expected)
    assert found.meta["PRECIS"] == "bfloat16"
    net.mc_precision = "float32"
    assert not np.array_equal(net.predict(spectra_of(3, 70))[0], expected)


def test_an_unknown_precision_is_refused(network, tmp_path):
    with pytest.raises(ValueError, match="`precision` must be one of .*got 'half'"):
        predict_catalogue(network, tmp_path, tmp_path / "a.fits", precision="half")
