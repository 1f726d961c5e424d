"""Ctrl-C in a training and kills in a save: what is left is whole."""

import os
import shutil
import signal
import threading

import keras
import numpy as np
import pytest

from astroNN.models import ApogeeCNN, load_folder
from astroNN.models.training.interruption import StepBoundary

# Kills -------------------------------------------------------------------------------------------------------

KILLED = """
import os, signal, sys
from pathlib import Path
import numpy as np
from astroNN.shared import files
moment = int(os.environ["MOMENT"])
count = 0
def at(function):
    # Counts the calls that touch the disk, and dies before the one that was chosen.
    def wrapped(*args, **kwargs):
        global count
        count += 1
        if count == moment:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*args, **kwargs)
    return wrapped
path = Path("run")
for name in ("rename", "replace", "fsync", "rmdir", "unlink"):
    setattr(os, name, at(getattr(os, name)))
with files.atomic_folder(path, "replace") as draft:
    for source in Path("new").iterdir():
        (draft.folder / source.name).write_bytes(source.read_bytes())
print(count)
"""


def test_a_kill_at_any_moment_of_a_replacing_save_leaves_a_whole_folder(run_python, untrained, tmp_path, tools):
    """The folder is put in place by `atomic_folder`, whose every step is a moment to die at."""
    old, new = untrained(seed=1), untrained(seed=2)
    old.save(tmp_path / "old")
    new.save(tmp_path / "new")
    seen = set()
    moments = iter(range(1, 100))
    for moment in moments:
        shutil.rmtree(tmp_path / "run", ignore_errors=True)
        shutil.copytree(tmp_path / "old", tmp_path / "run")
        done = run_python(KILLED, tmp_path, check=False, MOMENT=str(moment), KERAS_BACKEND="numpy")
        loaded = load_folder(tmp_path / "run")
        which = "old" if tools.equal_weights(loaded, old) else "new"
        assert tools.equal_weights(loaded, old if which == "old" else new)
        assert loaded.folder_name == "run"
        seen.add(which)
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL, done.stderr
        # What is left behind is in nobody's way: the next save takes the name.
        new.save(tmp_path / "run", if_exists="replace")
        assert tools.equal_weights(load_folder(tmp_path / "run"), new)
    assert done.returncode == 0
    assert moment > 8  # files flushed, folders renamed, the old one deleted
    assert seen == {"old", "new"}


def test_between_the_two_renames_the_old_folder_is_found(untrained, tmp_path, tools):
    from astroNN.shared.files import previous_folder

    net = untrained()
    net.save(tmp_path / "run").rename(previous_folder(tmp_path / "run"))
    loaded = load_folder(tmp_path / "run")
    assert tools.equal_weights(loaded, net)
    assert loaded.save(tmp_path / "run", if_exists="replace") == tmp_path / "run"
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize("moment", ["batch", "epoch"])
def test_after_ctrl_c_the_network_can_be_saved_and_used(stars, tools, tmp_path, moment):
    class Impatient(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if moment == "batch" and batch == 2:
                raise KeyboardInterrupt

        def on_epoch_end(self, epoch, logs=None):
            if moment == "epoch":
                raise KeyboardInterrupt

    net = tools.small(ApogeeCNN(), callbacks=Impatient(), max_epochs=3)
    with pytest.raises(KeyboardInterrupt):
        net.fit(stars.spectra, stars.labels)
    loaded = load_folder(net.save(tmp_path / "run"))
    assert tools.equal_weights(loaded, net)
    assert np.isfinite(net.predict(stars.spectra[:3])).all()
    net.callbacks = None
    net.max_epochs = 1
    net.fit(stars.spectra, stars.labels)
    assert np.isfinite(net.history.history["loss"]).all()


@pytest.mark.slow
def test_an_interrupted_second_training_keeps_no_old_calibration(stars, folder):
    class Impatient(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            raise KeyboardInterrupt

    net = load_folder(folder)
    net.verbose, net.callbacks = 0, Impatient()
    assert net.calibration is not None
    with pytest.raises(KeyboardInterrupt):
        net.fit(stars.spectra, stars.labels)
    assert net.calibration is None


# When Ctrl-C is answered -------------------------------------------------------------------------------------


def press_ctrl_c():
    os.kill(os.getpid(), signal.SIGINT)


def test_ctrl_c_waits_for_the_end_of_the_step():
    for hook in ("on_train_batch_begin", "on_test_batch_begin", "on_epoch_begin", "on_epoch_end"):
        with pytest.raises(KeyboardInterrupt), StepBoundary(0) as boundary:
            getattr(boundary, hook)(0)
            press_ctrl_c()
            step_is_finished = True
            getattr(boundary, hook)(1)
            step_is_finished = False
        assert step_is_finished
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_second_ctrl_c_stops_at_once():
    with pytest.raises(KeyboardInterrupt), StepBoundary(0):
        press_ctrl_c()
        try:
            press_ctrl_c()
        except KeyboardInterrupt:
            raise
        raise AssertionError("went on")


def test_ctrl_c_in_the_last_step_is_not_swallowed():
    with pytest.raises(KeyboardInterrupt), StepBoundary(0):
        press_ctrl_c()


def test_ctrl_c_of_a_user_who_handles_it_is_left_alone():
    def own(number, frame):
        pass

    signal.signal(signal.SIGINT, own)
    try:
        with StepBoundary(0):
            assert signal.getsignal(signal.SIGINT) is own
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def test_a_training_in_another_thread_runs(stars, tools):
    net, errors = tools.small(tools.Linear(), max_epochs=1), []

    def train():
        try:
            net.fit(stars.spectra, stars.labels)
        except Exception as error:
            errors.append(error)

    thread = threading.Thread(target=train)
    thread.start()
    thread.join()
    assert not errors and net.history.epoch == [0]
