"""Folders that a training renews while it runs: always whole, never in the place of anything else."""

import signal

import numpy as np
import pytest

from astroNN.models import ApogeeBCNN, load_folder

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


def test_the_checkpoint_of_a_finished_training_is_the_network(stars, tools, undisturbed, tmp_path):
    net = tools.linear(checkpoint=tmp_path / "run", checkpoint_epochs=3)
    net.fit(stars.spectra, stars.labels)
    assert net.folder_name is None  # `save` and `autosave` choose their own folder
    loaded = load_folder(tmp_path / "run", custom_models=tools.Linear)
    assert tools.equal_weights(loaded, undisturbed)
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_checkpoints_are_written_as_often_as_asked(stars, tools, tmp_path):
    net = tools.linear(checkpoint=tmp_path / "run", checkpoint_epochs=2)
    tools.interrupted(net, stars, epoch=3)
    state = load_folder(tmp_path / "run", custom_models=tools.Linear)._training_state
    assert state.epoch == 2


def test_the_calibration_is_in_the_last_checkpoint(tools, tmp_path):
    stars = tools.make_stars()
    net = tools.small(ApogeeBCNN(), checkpoint=tmp_path / "run", mc_num=5)
    net.fit(stars.spectra, stars.labels)
    loaded = load_folder(tmp_path / "run")
    np.testing.assert_array_equal(loaded.calibration.factor, net.calibration.factor)


def test_nothing_that_stands_at_the_place_of_the_checkpoint_is_lost(stars, tools, undisturbed, tmp_path):
    other = undisturbed.save(tmp_path / "other")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    for folder in (other, tmp_path / "mine"):
        with pytest.raises(FileExistsError, match="nothing was written"):
            tools.linear(checkpoint=folder).fit(stars.spectra, stars.labels)
    assert tools.equal_weights(load_folder(other, custom_models=tools.Linear), undisturbed)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError):
        tools.linear(checkpoint=tmp_path / "file" / "run").fit(stars.spectra, stars.labels)
    # One's own is renewed, also by a second training.
    net = tools.linear(max_epochs=1, checkpoint=tmp_path / "run")
    net.fit(stars.spectra, stars.labels)
    net.fit(stars.spectra, stars.labels)
    assert tools.equal_weights(load_folder(tmp_path / "run", custom_models=tools.Linear), net)


def test_a_full_disk_does_not_end_the_training(stars, tools, undisturbed, tmp_path, monkeypatch):
    def full_disk(*_):
        raise OSError(28, "No space left on device")

    net = tools.linear(checkpoint=tmp_path / "run")
    monkeypatch.setattr("astroNN.models.persistence.folder.model_card", full_disk)
    with pytest.warns(UserWarning, match="could not be written.*No space left"):
        net.fit(stars.spectra, stars.labels)
    assert tools.equal_weights(net, undisturbed)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("setting", "value"), [("checkpoint_epochs", 0), ("keep_best", 1.0)])
def test_settings_that_can_not_work_are_named(stars, tools, setting, value):
    with pytest.raises(ValueError, match=setting):
        tools.linear(**{setting: value}).fit(stars.spectra, stars.labels)


KILLED = """
import os, signal, sys
import keras
import numpy as np
from pathlib import Path
from astroNN.models import ApogeeBCNN, load_folder

rng = np.random.default_rng(0)
spectra = rng.normal(1.0, 0.05, (128, 40)).astype("float32")
labels = np.stack([spectra[:, :6].sum(1), spectra[:, 10:16].sum(1)], axis=1)
mode = sys.argv[1] if len(sys.argv) > 1 else os.environ["MODE"]


class Death(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_begin(self, batch, logs=None):
        if (self.epoch, batch) == (2, 1):
            os.kill(os.getpid(), signal.SIGKILL)


folder = Path("checkpoint")
net = load_folder(folder) if folder.exists() else ApogeeBCNN()
net.verbose, net.seed, net.max_epochs, net.val_size, net.batch_size, net.mc_num = 0, 3, 4, 0.0, 64, 4
net.num_hidden, net.targetname, net.reduce_lr_patience, net.keep_best = [8, 6], ["a", "b"], 1, "output_loss"
if mode != "straight":
    net.checkpoint = folder
if mode == "killed":
    net.callbacks = Death()
net.fit(spectra, labels, resume=folder.exists())
prediction, spread = net.predict(spectra)
np.savez(mode + ".npz", *net.get_weights(), prediction=prediction, total=spread["total"], best=net.best_epoch)
np.save(mode + "_loss.npy", net.history.history["loss"])
"""


@pytest.mark.slow
def test_a_training_killed_by_force_ends_like_one_that_nobody_killed(run_python, tmp_path):
    """Dropout, a falling rate and the best weights included."""
    run_python(KILLED, tmp_path, MODE="straight")
    done = run_python(KILLED, tmp_path, check=False, MODE="killed")
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert load_folder(tmp_path / "checkpoint")._training_state.epoch == 2
    run_python(KILLED, tmp_path, MODE="resumed")
    straight, resumed = np.load(tmp_path / "straight.npz"), np.load(tmp_path / "resumed.npz")
    assert straight["best"] == resumed["best"]
    for name in straight.files:
        # Threads may add up in another order in another process: to rounding, through some steps of Adam.
        np.testing.assert_allclose(resumed[name], straight[name], rtol=1e-4, atol=1e-5, err_msg=name)
    losses = np.load(tmp_path / "straight_loss.npy"), np.load(tmp_path / "resumed_loss.npy")
    np.testing.assert_allclose(*losses, rtol=1e-4)
