"""Inputs of a catalogue that can't be used are told before any work, or left out."""

import h5py
import numpy as np
import pytest

from astroNN.models import ApogeeCVAE
from tests.catalogue.conftest import N_PIXELS, N_STARS, made, read, spectra_of


def test_another_grid_is_refused_before_any_work(network, survey, tmp_path):
    with h5py.File(survey / "other.h5", "w") as file:
        file["spectra"] = np.ones((10, N_PIXELS + 1))
    with pytest.raises(ValueError, match=r"other\.h5.*\(61,\).*grid"):
        made(network, survey, tmp_path / "out.fits")
    assert not list(tmp_path.glob("*out*"))


@pytest.mark.parametrize(
    "settings, error, words",
    [
        ({"inputs": []}, ValueError, "`inputs` is empty"),
        ({"inputs": "nothing*.h5"}, FileNotFoundError, "named like"),
        ({"inputs": "nothing.h5"}, FileNotFoundError, "no file 'nothing.h5'"),
        ({"inputs": 3}, TypeError, "got a int"),
        ({"out": "catalogue.txt"}, ValueError, r"\.fits, \.h5"),
        ({"engine": "spark"}, ValueError, "None or 'dask'"),
        ({"sampling": "quick"}, ValueError, "sampling"),
        ({"spectra": "flux"}, ValueError, "no data set 'flux'; it has"),
        ({"errors": "sigma"}, ValueError, "no data set 'sigma'"),
        ({"folder": "nowhere"}, FileNotFoundError, "`folder` 'nowhere'"),
        ({"if_exists": "append"}, ValueError, "if_exists"),
        ({"dr": 99}, ValueError, "99"),
        ({"max_missing": -3}, ValueError, "max_missing"),
        ({"client": "tcp://127.0.0.1:1"}, ValueError, "engine='dask'"),
        ({"keep": ["row"]}, ValueError, "column 'row' of its own"),
        ({"keep": "teff"}, ValueError, "'teff' is a label"),
    ],
)
def test_refusals(network, survey, tmp_path, settings, error, words):
    given = {"folder": network, "inputs": survey, "out": tmp_path / "out.fits"} | settings
    with pytest.raises(error, match=words):
        made(**given)
    assert not (tmp_path / "out.fits").exists()


def test_the_catalogue_is_no_input(network, survey, tmp_path):
    with pytest.raises(ValueError, match="`out` .*field1.h5' is one of the inputs"):
        made(network, survey / "field1.h5", survey / "field1.h5", if_exists="replace")
    made(network, survey, survey / "out.h5")
    assert made(network, survey, survey / "out.h5", if_exists="replace").n_files == len(N_STARS)


def test_a_reader_that_gives_something_else(network, tmp_path):
    (tmp_path / "a.fits").write_text("1")
    for reader, words in (
        (lambda path: np.ones(N_PIXELS + 1), r"spectrum .*a\.fits.*\(61,\).*grid"),
        (lambda path: (np.ones(N_PIXELS), np.ones(N_PIXELS)), "tuple of 2"),
        (lambda path: (np.ones(N_PIXELS), None, np.ones(3, bool)), "mask"),
    ):
        with pytest.raises(ValueError, match=words):
            made(network, tmp_path / "a.fits", tmp_path / "out.fits", reader=reader, restart=True)


def test_masks_of_another_shape_are_told_before_any_work(network, survey, tmp_path):
    with h5py.File(survey / "field4.h5", "a") as file:
        del file["mask"]
        file["mask"] = np.zeros(1)
    with pytest.raises(ValueError, match=r"'mask' in .*field4\.h5"):
        made(network, survey, tmp_path / "out.fits")
    assert not list(tmp_path.glob(".out*/*.npz"))


def test_a_file_without_stars_is_left_out(network, survey, tmp_path):
    with h5py.File(survey / "empty.h5", "w") as file:
        file["spectra"] = np.ones((0, N_PIXELS))
    with pytest.warns(UserWarning, match="no star in .*empty.h5"):
        assert made(network, survey, tmp_path / "out.fits").n_rows == sum(N_STARS)


def test_folder_without_spectra(network, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="empty"):
        made(network, tmp_path / "empty", tmp_path / "out.fits")


def test_table_without_paths(network, tmp_path):
    (tmp_path / "list.csv").write_text("name,x\na,1\n")
    with pytest.raises(ValueError, match="column 'path'"):
        made(network, tmp_path / "list.csv", tmp_path / "out.fits")


def test_an_existing_catalogue_stays(network, survey, tmp_path):
    (tmp_path / "out.fits").write_text("mine")
    with pytest.raises(FileExistsError):
        made(network, survey, tmp_path / "out.fits")
    assert (tmp_path / "out.fits").read_text() == "mine"
    made(network, survey, tmp_path / "out.fits", if_exists="replace")
    assert len(read(tmp_path / "out.fits")[1]) == sum(N_STARS)


def test_files_named_twice_are_used_once(network, survey, tmp_path):
    with pytest.warns(UserWarning, match="more than once"):
        summary = made(network, [survey, survey / "field1.h5"], tmp_path / "out.fits")
    assert summary.n_rows == sum(N_STARS)


def test_an_autoencoder_is_refused(survey, tmp_path):
    x = spectra_of(0, 100)
    net = ApogeeCVAE()
    net.seed, net.verbose, net.max_epochs, net.num_hidden, net.latent_dim = 1, 0, 1, [8, 4], 2
    net.fit(x)
    with pytest.raises(TypeError, match="autoencoder"):
        made(net.save(tmp_path / "vae"), survey, tmp_path / "out.fits")
