"""Trainings that are cut off and go on: they end as if nothing had happened."""

import json
import shutil
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from astroNN.models import ApogeeCNN, load_folder

N_EPOCHS = 4


@pytest.fixture(scope="module")
def stars(tools):
    """Two batches for training."""
    return tools.make_stars(96)


@pytest.fixture(scope="module")
def undisturbed(stars, tools):
    net = tools.linear()
    net.fit(stars.spectra, stars.labels)
    return net


# In the same session -----------------------------------------------------------------------------------------


def test_after_ctrl_c_a_training_goes_on_as_if_nothing_had_happened(stars, tools, undisturbed):
    assert len(set(undisturbed.history.history["learning_rate"])) > 1
    net = tools.interrupted(tools.linear(), stars)
    assert net.history.epoch == [0, 1]
    net.fit(stars.spectra, stars.labels, resume=True)
    assert tools.equal_weights(net, undisturbed)
    tools.same_history(undisturbed.history, net.history)
    assert net.virtual_cvslogger.epoch == list(range(N_EPOCHS))


def test_a_finished_training_goes_on_when_more_epochs_are_allowed(stars, tools, undisturbed):
    net = tools.linear(max_epochs=2)
    net.fit(stars.spectra, stars.labels)
    net.max_epochs = N_EPOCHS
    net.fit(stars.spectra, stars.labels, resume=True)
    assert tools.equal_weights(net, undisturbed)
    tools.same_history(undisturbed.history, net.history)


def test_resuming_what_is_finished_changes_nothing(stars, tools):
    net = tools.linear(max_epochs=2)
    net.fit(stars.spectra, stars.labels)
    weights = net.get_weights()
    history = net.fit(stars.spectra, stars.labels, resume=True)
    assert history.epoch == [0, 1]
    for before, after in zip(weights, net.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)


def test_a_fit_without_resume_starts_a_training_of_its_own_from_the_weights_that_are_there(stars, tools):
    net = tools.interrupted(tools.linear(lr=0.0), stars)
    weights = net.get_weights()
    assert net.fit(stars.spectra, stars.labels).epoch == list(range(N_EPOCHS))
    for before, after in zip(weights, net.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)


def test_early_stopping_remembers_how_long_it_has_waited(stars, tools):
    """Nothing is ever good enough: with a patience of 4 epoch 4 is the last, counted from 0, interrupted or not."""
    settings = {
        "max_epochs": 6,
        "early_stopping": True,
        "early_stopping_min_delta": 1e6,
        "early_stopping_patience": 4,
    }
    net = tools.interrupted(tools.linear(**settings), stars)
    assert net.fit(stars.spectra, stars.labels, resume=True).epoch == [0, 1, 2, 3, 4]
    # What early stopping has ended is not begun again.
    assert net.fit(stars.spectra, stars.labels, resume=True).epoch == [0, 1, 2, 3, 4]
    net.early_stopping_patience = 5
    assert net.fit(stars.spectra, stars.labels, resume=True).epoch == [0, 1, 2, 3, 4, 5]


def test_only_the_training_that_stopped_can_be_resumed(stars, tools):
    net = tools.linear()
    with pytest.raises(ValueError, match="no training to go on with"):
        net.fit(stars.spectra, stars.labels, resume=True)
    tools.interrupted(net, stars)
    for labels in (stars.labels[:-10], stars.labels[::-1]):
        with pytest.raises(ValueError, match="are not those"):
            net.fit(stars.spectra[: len(labels)], labels, resume=True)
    net.seed = 6
    with pytest.raises(ValueError, match="are not those"):
        net.fit(stars.spectra, stars.labels, resume=True)
    net.seed = 5
    net.fit_on_batch(stars.spectra, stars.labels)
    with pytest.raises(ValueError, match="no training to go on with"):
        net.fit(stars.spectra, stars.labels, resume=True)


@pytest.mark.filterwarnings("ignore:Only 19 validation stars")
def test_a_refused_resumption_leaves_the_calibration(stars, untrained):
    net = untrained()
    calibration = net.calibration = object()
    with pytest.raises(ValueError, match="no training to go on with"):
        net.fit(stars.spectra, stars.labels, resume=True)
    assert net.calibration is calibration


# From a folder -----------------------------------------------------------------------------------------------


def test_an_interrupted_training_that_was_saved_goes_on_elsewhere(stars, tools, undisturbed, tmp_path):
    folder = tools.interrupted(tools.linear(), stars).save(tmp_path / "run")
    net = load_folder(folder, custom_models=tools.Linear)
    net.verbose = 0
    assert (net.lr, net.reduce_lr_patience, net.max_epochs) == (0.05, 1, N_EPOCHS)
    net.fit(stars.spectra, stars.labels, resume=True)
    assert tools.equal_weights(net, undisturbed)
    tools.same_history(undisturbed.history, net.history)


def test_the_state_of_a_finished_training_is_written_on_request_alone(stars, tools, undisturbed, tmp_path):
    plain = undisturbed.save(tmp_path / "plain")
    assert not (plain / "training_state.h5").exists()
    net = tools.linear(max_epochs=2)
    net.fit(stars.spectra, stars.labels)
    net = load_folder(net.save(tmp_path / "run", training_state=True), custom_models=tools.Linear)
    net.verbose, net.max_epochs = 0, N_EPOCHS
    net.fit(stars.spectra, stars.labels, resume=True)
    assert tools.equal_weights(net, undisturbed)
    assert not (
        tools.interrupted(tools.linear(), stars).save(tmp_path / "b", training_state=False) / "training_state.h5"
    ).exists()
    fresh = load_folder(plain, custom_models=tools.Linear)
    with pytest.raises(ValueError, match="training_state=True"):
        fresh.save(tmp_path / "none", training_state=True)


def test_a_loaded_network_that_was_not_resumed_keeps_its_state_when_saved(stars, tools, undisturbed, tmp_path):
    first = tools.interrupted(tools.linear(), stars).save(tmp_path / "first")
    second = load_folder(first, custom_models=tools.Linear).save(tmp_path / "second")
    net = load_folder(second, custom_models=tools.Linear)
    net.verbose = 0
    net.fit(stars.spectra, stars.labels, resume=True)
    assert tools.equal_weights(net, undisturbed)


def test_another_optimizer_or_other_frozen_layers_are_refused_by_name(stars, tools, tmp_path):
    folder = tools.interrupted(tools.linear(optimizer=keras.optimizers.SGD(0.05, momentum=0.9)), stars).save(
        tmp_path / "run"
    )
    net = load_folder(folder, custom_models=tools.Linear)
    net.verbose = 0
    with pytest.raises(ValueError, match="run by the optimizer SGD"):
        net.fit(stars.spectra, stars.labels, resume=True)
    net.optimizer = keras.optimizers.SGD(0.05, momentum=0.9)
    net.recompile()
    net.fit(stars.spectra, stars.labels, resume=True)
    straight = tools.linear(optimizer=keras.optimizers.SGD(0.05, momentum=0.9))
    straight.fit(stars.spectra, stars.labels)
    # Compiled anew, it no longer runs step by step: sums may be rounded otherwise.
    for resumed, whole in zip(net.get_weights(), straight.get_weights(), strict=True):
        np.testing.assert_allclose(resumed, whole, rtol=1e-4, atol=1e-6)


def test_frozen_layers_are_frozen_in_the_loaded_network_too(cnn, untrained, tools, stars, tmp_path):
    net = untrained(ApogeeCNN(), max_epochs=1)
    report = net.transfer_weights(cnn, exclusion_output=True)
    loaded = load_folder(net.save(tmp_path / "run"))
    loaded.verbose = 0
    frozen = {layer.name for layer in loaded.keras_model.layers if layer.weights and not layer.trainable}
    assert frozen == set(report.moved)
    before = {name: loaded.get_layer(name).get_weights() for name in frozen}
    loaded.fit(stars.spectra, stars.labels)
    for name, weights in before.items():
        for old, new in zip(weights, loaded.get_layer(name).get_weights(), strict=True):
            np.testing.assert_array_equal(old, new)


@pytest.fixture(scope="module")
def sound(stars, tools, tmp_path_factory):
    return tools.interrupted(tools.linear(), stars).save(tmp_path_factory.mktemp("half_way") / "run")


@pytest.fixture
def half_way(sound, tmp_path):
    """Folder of an interrupted training, to be spoilt."""
    return Path(shutil.copytree(sound, tmp_path / "run"))


def changed_json(folder, **changes):
    path = folder / "astroNN_model_parameter.json"
    parameters = json.loads(path.read_text())
    parameters["training_state"] |= changes
    path.write_text(json.dumps(parameters))


@pytest.mark.parametrize(
    "changes",
    [
        {"epoch": -1}, {"epoch": 10**9}, {"epoch": True}, {"epoch": None}, {"history": {"loss": [1.0]}},
        {"history": {"loss": ["x", 1.0]}}, {"callbacks": {"plateau": []}}, {"callbacks": {"plateau": {"best": {}}}},
        {"optimizer": 3}, {"sha256": "0"},
    ],
    ids=str,
)  # fmt: skip
def test_a_forged_or_damaged_state_is_refused(half_way, tools, changes):
    changed_json(half_way, **changes)
    with pytest.raises(ValueError, match="damaged|checksum"):
        load_folder(half_way, custom_models=tools.Linear)


@pytest.mark.parametrize("key", ["optimizer/00099", "weights:output/kernel", "elsewhere/0", "optimizer/00002"])
def test_arrays_that_do_not_belong_to_the_training_are_refused(half_way, tools, key):
    from astroNN.shared.files import filehash

    path = half_way / "training_state.h5"
    with h5py.File(path, "a") as file:
        if key in file:
            del file[key]
        file[key] = np.zeros((1000, 7))
    changed_json(half_way, sha256=filehash(path))
    with pytest.raises(ValueError, match="does not belong"):
        load_folder(half_way, custom_models=tools.Linear)


def test_a_state_file_that_was_deleted_to_save_room_is_missed_with_a_warning(half_way, tools, stars):
    (half_way / "training_state.h5").unlink()
    with pytest.warns(UserWarning, match="can't be resumed"):
        net = load_folder(half_way, custom_models=tools.Linear)
    assert np.isfinite(net.predict(stars.spectra)).all()
