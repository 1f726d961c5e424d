"""The functions of the earlier package for Keras on whole trainings: their files, and predictions from them."""

import csv

import keras
import numpy as np
import pytest

from astroNN.gamornet import _training_files
from astroNN.gamornet.keras_module import (
    gamornet_build_model_keras,
    gamornet_predict_keras,
    gamornet_train_keras,
    get_model_from_link_keras,
)
from astroNN.shared import _transfer
from tests.gamornet import drop_in
from tests.gamornet.drop_in import SHAPE, galaxies, sample, shrink_networks, unchanged, weights_of
from tests.helpers.http_server import FileServer

pytestmark = pytest.mark.slow  # dozens of networks are built and trained

QUIET = {"epochs": 1, "verbose": 0}


@pytest.fixture(scope="module", autouse=True)
def small_networks():
    with pytest.MonkeyPatch.context() as monkeypatch:
        shrink_networks(monkeypatch)
        yield


@pytest.fixture(scope="module")
def trained(small_networks, tmp_path_factory):
    """A trained network, and where it is saved."""
    folder = tmp_path_factory.mktemp("source")
    model = gamornet_train_keras(*sample(), SHAPE, folder, lr=0.01, **QUIET)
    return model, folder / "trained_model.hdf5"


def test_an_old_script_runs_once_its_import_is_changed(tmp_path, monkeypatch):
    monkeypatch.setattr(drop_in, "EAGER", False)
    monkeypatch.chdir(tmp_path)
    scope = {"sample": sample(), "images": galaxies()[0]}
    exec(
        "from astroNN.gamornet.keras_module import gamornet_predict_keras, gamornet_train_keras, gamornet_tl_keras\n"
        "model = gamornet_train_keras(*sample, (19, 19, 1), './', 1, 1, 64, 0.001, 0.9, 0.1, True)\n"
        "tl = gamornet_tl_keras(*sample, input_shape=(19, 19, 1), load_layers_bools='load_bools_SDSS',\n"
        "    trainable_bools='train_bools_SDSS', model_load_path='model_01.hdf5', files_save_path='tl_', epochs=1)\n"
        "preds = gamornet_predict_keras(images, 'tl_trained_model.hdf5', (19, 19, 1), individual_arrays=True)\n",
        scope,
    )
    disk, indeterminate, bulge = scope["preds"]
    np.testing.assert_allclose(disk + indeterminate + bulge, 1.0, atol=1e-5)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {
        "metrics.csv", "model_01.hdf5", "trained_model.hdf5", "tl_metrics.csv", "tl_trained_model.hdf5",
    }  # fmt: skip


# Files --------------------------------------------------------------------------------------------------------------


def test_files_have_the_documented_names_and_columns(tmp_path):
    prefix = f"{tmp_path}/new/run_"
    model = gamornet_train_keras(*sample(), SHAPE, prefix, epochs=5, checkpoint_freq=2, verbose=0)
    names = sorted(path.name for path in (tmp_path / "new").iterdir())
    assert names == ["run_metrics.csv", "run_model_02.hdf5", "run_model_04.hdf5", "run_trained_model.hdf5"]
    with open(f"{prefix}metrics.csv", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert list(rows[0]) == ["epoch", "accuracy", "loss", "val_accuracy", "val_loss"]
    assert [row["epoch"] for row in rows] == ["0", "1", "2", "3", "4"]
    history = model.history.history
    for name in history:
        np.testing.assert_allclose([float(row[name]) for row in rows], history[name])


def test_a_saved_network_predicts_as_the_trained_one_and_keras_loads_it(trained):
    model, file = trained
    images, _ = galaxies(10, seed=3)
    expected = model.predict(images, verbose=0)
    np.testing.assert_array_equal(gamornet_predict_keras(images, str(file), SHAPE), expected)
    loaded = keras.models.load_model(file)
    np.testing.assert_array_equal(loaded.predict(images, verbose=0), expected)
    assert loaded.optimizer.momentum == 0.9


def test_a_trained_network_can_be_saved_whole_by_keras_and_trained_on(trained, tmp_path):
    model, _ = trained
    model.save(tmp_path / "own.keras")
    loaded = keras.models.load_model(tmp_path / "own.keras")
    assert loaded.optimizer.momentum == 0.9 and int(loaded.optimizer.iterations) == 1
    loaded.fit(*galaxies(), verbose=0)


def test_a_path_is_a_folder_and_the_network_need_not_be_saved(tmp_path):
    gamornet_train_keras(*sample(), SHAPE, tmp_path / "runs", save_model=False, **QUIET)
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["metrics.csv"]


def test_an_interruption_leaves_the_files_of_the_epochs_before(tmp_path, monkeypatch, trained):
    old = trained[1].read_bytes()
    file = tmp_path / "trained_model.hdf5"
    file.write_bytes(old)
    whole = _training_files.save_whole

    def interrupted(model, path, flavour):
        if path.endswith("model_02.hdf5"):
            monkeypatch.setattr(type(model), "save", lambda self, path: (path.write_bytes(b"half"), 1 / 0))
        whole(model, path, flavour)

    monkeypatch.setattr(_training_files, "save_whole", interrupted)
    with pytest.raises(ZeroDivisionError):
        gamornet_train_keras(*sample(), SHAPE, f"{file.parent}/", checkpoint_freq=1, epochs=3, verbose=0)
    assert sorted(path.name for path in file.parent.iterdir()) == ["metrics.csv", "model_01.hdf5", file.name]
    assert file.read_bytes() == old
    assert len((file.parent / "metrics.csv").read_text().splitlines()) == 3


# Predictions --------------------------------------------------------------------------------------------------------


def test_predictions_are_in_the_order_of_the_images_whatever_the_batches(trained):
    model, file = trained
    images, _ = galaxies(11, seed=2)
    alone = np.concatenate([model.predict(image[None], verbose=0) for image in images])
    for batch_size in (1, 4, 64):
        # Sums of some hundred float32, in another order in another batch.
        np.testing.assert_allclose(gamornet_predict_keras(images, file, SHAPE, batch_size), alone, atol=1e-5)
    arrays = gamornet_predict_keras(images, file, SHAPE, individual_arrays=True)
    assert isinstance(arrays, tuple) and all(array.shape == (11,) for array in arrays)
    np.testing.assert_allclose(np.stack(arrays, axis=1), alone, atol=1e-5)


def test_networks_are_built_for_a_survey_or_a_shape():
    assert gamornet_build_model_keras("CANDELS").input_shape == (None, 83, 83, 1)
    assert gamornet_build_model_keras([40, 30, 2]).input_shape == (None, 40, 30, 2)


def test_weights_come_from_an_address_and_leave_no_file(tmp_path, monkeypatch, trained):
    model, file = trained
    monkeypatch.setattr(_transfer, "PAUSES", (0.01,))
    monkeypatch.chdir(tmp_path)
    fresh = gamornet_build_model_keras(SHAPE)
    with FileServer({"weights/model.hdf5": file.read_bytes()}) as server:
        assert get_model_from_link_keras(f"{server.url}weights/model.hdf5", fresh) is fresh
        with pytest.raises(ConnectionError):
            get_model_from_link_keras(f"{server.url}none.hdf5", fresh)
    assert all(unchanged(weights_of(model), weights_of(fresh)))
    assert list(tmp_path.iterdir()) == []


# What must not work -------------------------------------------------------------------------------------------------


def test_files_that_are_damaged_or_of_another_network_are_refused(trained, tmp_path):
    _, file = trained
    with pytest.raises(ValueError, match="layer 13"):
        gamornet_predict_keras(np.zeros((2, 40, 40, 1)), file, (40, 40, 1))
    truncated = tmp_path / "truncated.hdf5"
    truncated.write_bytes(file.read_bytes()[:3000])
    with pytest.raises(ValueError, match="truncated"):
        gamornet_predict_keras(galaxies(5)[0], truncated, SHAPE)
