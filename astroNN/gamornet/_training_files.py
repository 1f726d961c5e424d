"""What a training of the drop-in modules leaves on the disk: metrics, snapshots, and the network at its end.

Every file is whole or not there: it takes its name when it is complete, and an interruption leaves those of the
epochs before as they are.
"""

import csv
import logging
import os
from contextlib import contextmanager
from pathlib import Path

import h5py
import keras

from astroNN.gamornet._keras2_weights import FLAVOUR_MARK
from astroNN.shared.files import atomic_file, discard

__all__ = ["EpochCheckpoints", "LatestSnapshots", "MetricsFile", "file_prefix", "make_folder", "save_whole"]

_COLUMNS = ("accuracy", "loss", "val_accuracy", "val_loss")


def file_prefix(files_save_path):
    """What names of files are put behind, as text; None if nothing is to be written.

    Parameters
    ----------
    files_save_path : str, Path or None
        A text is put in front of the names as it is. A `Path` is a folder. None and ``"/dev/null"``: no files.

    Raises
    ------
    TypeError
        If it is anything else.
    """
    if files_save_path is None or str(files_save_path) in ("/dev/null", os.devnull):
        return None
    if not isinstance(files_save_path, str | Path):
        raise TypeError(
            "`files_save_path` must be the beginning of the names of files, such as 'runs/first_', a folder that "
            f"ends with a slash, or None to write nothing; got {files_save_path!r}."
        )
    prefix = os.path.expanduser(str(files_save_path))
    if isinstance(files_save_path, Path):
        prefix = os.path.join(prefix, "")
    return prefix


def make_folder(prefix):
    """Make the folder of files of this prefix; an OSError if that can't be, or it can't be written."""
    folder = Path(f"{prefix}metrics.csv").absolute().parent
    folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK):
        raise PermissionError(
            f"`files_save_path`: the folder {folder} can't be written. Give another one, or None to write nothing."
        )


def save_whole(model, path, flavour):
    """Write a model with its optimiser as HDF5, from which `keras.models.load_model` brings it back."""
    with atomic_file(path) as temporary:
        with _without_advice(), _compiled_as_before(model):
            model.save(temporary)
        _mark(temporary, flavour)


class MetricsFile(keras.callbacks.Callback):
    """Table of the epochs, written anew after each.

    Parameters
    ----------
    path : str or Path
        Of the file; an existing one is replaced after the first epoch.
    """

    def __init__(self, path):
        super().__init__()
        self.path, self._rows = path, []

    def on_epoch_end(self, epoch, logs=None):
        """Add a row."""
        logs = logs or {}
        self._rows.append([epoch, *(float(logs[name]) if name in logs else "NA" for name in _COLUMNS)])
        with atomic_file(self.path) as temporary, open(temporary, "w", newline="", encoding="ascii") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerows([["epoch", *_COLUMNS], *self._rows])


class EpochCheckpoints(keras.callbacks.Callback):
    """The whole model every so many epochs, as ``<prefix>model_<epoch>.hdf5``; epochs count from 1.

    Parameters
    ----------
    prefix : str
    every : int
        Number of epochs, 1 or more.
    flavour : str
    """

    def __init__(self, prefix, every, flavour):
        super().__init__()
        self.prefix, self.every, self.flavour = prefix, every, flavour

    def on_epoch_end(self, epoch, logs=None):
        """Write a checkpoint if it is due."""
        if (epoch + 1) % self.every == 0:
            save_whole(self.model, f"{self.prefix}model_{epoch + 1:02d}.hdf5", self.flavour)


class LatestSnapshots(keras.callbacks.Callback):
    """The weights after every epoch, as ``<prefix>check-<step>.weights.h5``, of which the latest stay.

    Parameters
    ----------
    prefix : str
    most : int
        How many of this training stay; 0: all.
    flavour : str
    """

    def __init__(self, prefix, most, flavour):
        super().__init__()
        self.prefix, self.most, self.flavour = prefix, most, flavour
        self._written = []

    def on_epoch_end(self, epoch, logs=None):
        """Write a snapshot, then delete the oldest of this training."""
        step = int(keras.ops.convert_to_numpy(self.model.optimizer.iterations))
        path = Path(f"{self.prefix}check-{step}.weights.h5")
        with atomic_file(path) as temporary:
            self.model.save_weights(temporary)
            _mark(temporary, self.flavour)
        self._written.append(path)
        while self.most and len(self._written) > self.most:
            discard(self._written.pop(0))


def _mark(path, flavour):
    """Write down which flavour the weights belong to: their shapes are the same."""
    with h5py.File(path, "r+") as file:
        file.attrs[FLAVOUR_MARK] = flavour


@contextmanager
def _compiled_as_before(model):
    """Keras forgets the optimiser in the settings of a model that it writes as HDF5, and then can't save it again."""
    settings = getattr(getattr(model, "_compile_config", None), "config", {})
    before = dict(settings)
    try:
        yield
    finally:
        settings.update(before)


@contextmanager
def _without_advice():
    """Keras advises against HDF5 at every file; the documented names are of HDF5."""
    logger = logging.getLogger("absl")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
