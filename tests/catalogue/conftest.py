"""A tiny network in a folder, files of spectra, and what `predict` gives for them."""

import warnings

import h5py
import numpy as np
import pytest

from astroNN.catalogue import predict_catalogue
from astroNN.models import ApogeeBCNN, load_folder
from astroNN.shared.tables import read_table

N_PIXELS = 60
N_STARS = (200, 130, 65, 1)


def spectra_of(number, n_stars):
    return np.random.default_rng(number).normal(1.0, 0.05, (n_stars, N_PIXELS)).astype("float32")


@pytest.fixture(scope="session")
def network(tmp_path_factory):
    """Folder of a trained network with two labels, of which one has a unit."""
    x = spectra_of(0, 600)
    y = np.stack([4000 + 1000 * x[:, :6].sum(axis=1), x[:, 10:16].sum(axis=1)], axis=1)
    net = ApogeeBCNN(lr=0.01)
    net.seed, net.verbose, net.max_epochs, net.mc_num = 1, 0, 2, 20
    net.num_hidden, net.targetname = [16, 8], ["teff", "other"]
    net.fit(x, y)
    return net.save(tmp_path_factory.mktemp("networks") / "run")


@pytest.fixture
def survey(tmp_path):
    """Folder of four HDF5 files with masks, errors and identifiers."""
    folder = tmp_path / "survey"
    folder.mkdir()
    for number, n_stars in enumerate(N_STARS, 1):
        write_h5(folder / f"field{number}.h5", number, n_stars)
    return folder


def write_h5(path, number, n_stars):
    mask = np.random.default_rng(100 + number).random((n_stars, N_PIXELS)) < 0.02
    if n_stars > 4:
        mask[3], mask[4, :20] = True, True
    with h5py.File(path, "w") as file:
        file["spectra"] = spectra_of(number, n_stars)
        file["mask"] = mask.astype("uint8")
        file["spectra_err"] = np.full((n_stars, N_PIXELS), 0.01, "float32")
        file["APOGEE_ID"] = [f"2M{number:02d}{k:04d}" for k in range(n_stars)]
        file["RA"] = np.linspace(0.0, 359.0, n_stars)
        file["visit"] = np.arange(n_stars) % 3
        file["teff_true"] = np.zeros(n_stars)


def made(*arguments, **settings):
    return predict_catalogue(*arguments, **{"verbose": 0} | settings)


def read(path):
    table = read_table(path, "test")
    return {name: np.ma.getdata(table[name]) for name in table.colnames}, table


def predicted(network, path, with_mask=True):
    """What `predict` gives for all spectra of a file at once."""
    net = load_folder(network)
    net.verbose = 0
    with h5py.File(path) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        mask = file["mask"][:].astype(bool) if with_mask else None
        return net.predict(file["spectra"][:], mask=mask)


def rows_of(columns, path):
    names = np.array([name.decode() if isinstance(name, bytes) else str(name) for name in columns["file"]])
    return np.flatnonzero(names == str(path))
