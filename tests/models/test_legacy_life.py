"""A network that came out of a folder of version 1 lives on as any other."""

import json

import keras
import numpy as np
import pytest

from astroNN.models import load_folder

from ..helpers.old_folders import (
    ARCHIVE,
    HDF5,
    N_LABELS,
    N_PIXELS,
    PARAMETERS,
    SOUND,
    OldLayer,
    flat,
    named,
    sound_layers,
    write_archive,
    write_hdf5,
    write_parameters,
)

pytestmark = pytest.mark.one_backend


@pytest.fixture
def folder(tmp_path):
    write_parameters(tmp_path / "old_run", SOUND)
    write_hdf5(tmp_path / "old_run" / HDF5, sound_layers())
    return tmp_path / "old_run"


@pytest.fixture
def spectra():
    return np.random.default_rng(4).normal(0.5, 1, (6, N_PIXELS)).astype("float32")


def test_saved_again_it_has_today_s_format_and_loads_the_same(folder, spectra, tools, tmp_path):
    old = load_folder(folder)
    path = old.save(tmp_path / "new_run")
    parameters = json.loads((path / PARAMETERS).read_text())
    assert parameters["format_version"] == 2
    assert (path / "model.weights.h5").is_file()
    assert not (path / HDF5).exists()
    new = load_folder(path)
    assert tools.equal_weights(old, new)
    for key in ("id", "hidden", "dropout_rate", "l2", "inv_tau", "length_scale", "targetname", "batch_size"):
        assert parameters[key] == SOUND[key], key
    old.seed = new.seed = 11
    for ours, theirs in zip(keras.tree.flatten(old.predict(spectra)), keras.tree.flatten(new.predict(spectra)),
                            strict=True):  # fmt: skip
        np.testing.assert_array_equal(ours, theirs)
    assert sorted(p.name for p in folder.iterdir()) == sorted([PARAMETERS, HDF5])


def test_inside_the_folder_no_name_is_needed_and_a_banner_tells_what_was_loaded(folder, monkeypatch, capsys, caplog):
    monkeypatch.chdir(folder)
    with caplog.at_level("INFO", logger="astroNN"):
        net = load_folder()
    assert net.folder_name == "old_run"
    told = capsys.readouterr().out + caplog.text
    assert "Loaded astroNN model, model type: Bayesian Convolutional Neural Network -> ApogeeBCNN" in told


def test_the_parameters_of_the_current_folder_are_not_taken_for_those_of_another(folder, tmp_path, monkeypatch):
    write_parameters(tmp_path / "empty", {})
    (tmp_path / "empty" / PARAMETERS).unlink()
    monkeypatch.chdir(folder)
    with pytest.raises(FileNotFoundError, match=PARAMETERS):
        load_folder(tmp_path / "empty")


@pytest.mark.parametrize("archive", [False, True])
def test_it_can_be_trained_on_with_an_optimizer_of_today(folder, spectra, archive):
    """The old one, Custom>Adam with lr and decay, is not looked at; nor is its state, 7 everywhere."""
    if archive:
        (folder / HDF5).unlink()
        write_archive(folder / ARCHIVE, sound_layers())
    net = load_folder(folder)
    net.verbose, net.max_epochs, net.val_size = 0, 1, 0.0
    means = dict(net.labels_mean)
    # The arrays are random numbers: scaled down, no predicted variance is beyond float32.
    net.keras_model.set_weights([0.2 * array for array in net.get_weights()])
    before = [array.copy() for array in net.get_weights()]
    history = net.fit(spectra, np.ones((len(spectra), N_LABELS)))
    assert np.isfinite(history.history["loss"]).all()
    assert type(net.keras_model.optimizer) is keras.optimizers.Adam
    # One step of Adam moves no weight by more than the rate, whatever the slope.
    change = max(np.abs(a - b).max() for a, b in zip(before, net.get_weights(), strict=True))
    assert 0 < change < 1.01 * net.lr
    np.testing.assert_array_equal(net.labels_mean["output"], means["output"])


def image_network(tmp_path, identifier, heads, **changes):
    rng = np.random.default_rng(6)
    shapes = [("Conv2D", None, (3, 3, 1, 2)), ("Conv2D", None, (3, 3, 2, 4)), ("Dense", None, (16, 6)),
              ("Dense", None, (6, 5)), *(("Dense", head, (5, 3)) for head in heads)]  # fmt: skip
    layers = [
        OldLayer(kind, name, {"kernel": rng.normal(size=shape), "bias": rng.normal(size=shape[-1:])})
        for kind, name, shape in shapes
    ]
    for layer in layers:
        layer.arrays = {key: array.astype("float32") for key, array in layer.arrays.items()}
    parameters = SOUND | {
        "id": identifier, "input": {"input": [8, 8, 1]}, "labels": {"output": 3}, "hidden": [6, 5],
        "filterlen": [3, 3], "pool_length": [4, 4], "task": "classification", "input_mean": {"input": [127.5]},
        "input_std": {"input": [127.5]}, "input_norm_mode": {"input": "255"}, "labels_mean": {"output": [0.0]},
        "labels_std": {"output": [1.0]}, "labels_norm_mode": {"output": "0"}, "targetname": ["a", "b", "c"],
    }  # fmt: skip
    folder = write_parameters(tmp_path / "old", flat(parameters | changes))
    write_hdf5(folder / HDF5, named(layers, first=1))
    return folder


def test_images_of_1_0_keep_the_range_from_minus_one_to_one(tmp_path):
    net = load_folder(image_network(tmp_path, "Cifar10CNN", [None]))
    images = np.random.default_rng(1).integers(0, 256, (4, 8, 8, 1)).astype("float32")
    pred = net.predict(images)
    read = net._read_inputs({"input": images}, {}, np.arange(4))["input"]
    np.testing.assert_allclose(read, (images - 127.5) / 127.5, rtol=1e-6, atol=1e-6)
    again = load_folder(net.save(tmp_path / "new"))
    assert (again.input_mean["input"], again.input_std["input"]) == (127.5, 127.5)
    np.testing.assert_array_equal(again.predict(images), pred)


def test_a_classifier_of_1_0_without_its_activations_has_those_of_its_task(tmp_path):
    net = load_folder(image_network(tmp_path, "MNIST_BCNN", ["output", "variance_output"]))
    assert (net.activation, net._last_layer_activation) == ("relu", "softmax")
    images = np.zeros((2, 8, 8, 1), "float32")
    probabilities = net.keras_model_predict.predict({"input": images}, verbose=0)["output"]
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, rtol=1e-5)


def test_statistics_that_were_masked_are_those_of_no_normalisation(tmp_path):
    net = load_folder(image_network(tmp_path, "Cifar10CNN", [None], input_mean={"input": None},
                                    input_std={"input": [None]}))  # fmt: skip
    assert (net.input_mean["input"], net.input_std["input"]) == (0.0, 1.0)
