"""Keras callbacks: the training history in memory, and a stop when the loss becomes invalid."""

import csv
import math
from pathlib import Path

import keras
import numpy as np

from astroNN.shared.files import atomic_file

__all__ = ["ErrorOnNaN", "VirtualCSVLogger", "VirutalCSVLogger"]


class VirutalCSVLogger(keras.callbacks.Callback):
    """Keep the history of every epoch in memory, and write it as CSV when asked to.

    The spelling is the established one; `VirtualCSVLogger` is the same class.

    Parameters
    ----------
    filename : str, optional
        Name of the file, default ``"training_history.csv"``. After `savefile` the attribute `filename` says where
        the file stands.
    separator : str, optional
        Between columns, default a comma.
    append : bool, optional
        Add to an existing file, whose header is kept, instead of replacing it. Default False.

    Attributes
    ----------
    epoch : list of int
        Epochs seen, in order.
    history : dict of lists
        Name of a logged value to its values, one per epoch; NaN for an epoch that lacks it.
    sep, append
        The parameters `separator` and `append`.
    append_header : bool
        Whether the last `savefile` wrote a header; it doesn't when it adds to a file that has one.

    Examples
    --------
    >>> logger = VirutalCSVLogger()
    >>> logger.on_epoch_end(0, {"loss": 2.0})
    >>> logger.on_epoch_end(1, {"loss": 1.0, "val_loss": 3.0})
    >>> logger.keys, logger.history["val_loss"]
    (['loss', 'val_loss'], [nan, 3.0])
    """

    def __init__(self, filename="training_history.csv", separator=",", append=False):
        super().__init__()
        self.filename = filename
        self._given = self._written = filename
        self.sep = separator
        self.append = append
        self.append_header = True
        self.epoch = []
        self.history = {}

    @property
    def keys(self):
        """Names of the logged values, sorted: the columns after ``epoch``."""
        return sorted(self.history)

    def on_epoch_end(self, epoch, logs=None):
        logs = logs or {}
        for name in set(logs) | set(self.history):
            # A value may appear late (validation every few epochs): earlier epochs are filled, so that rows align.
            column = self.history.setdefault(name, [math.nan] * len(self.epoch))
            column.append(_logged(logs.get(name, math.nan)))
        self.epoch.append(epoch)

    def savefile(self, folder_name=None):
        """Write the history.

        Parameters
        ----------
        folder_name : str or Path, optional
            Folder for the file, created if it is missing, as are folders in `filename` (``"runs/history.csv"``).
            Default: the current one.

        Returns
        -------
        Path
            Where the file stands.

        Raises
        ------
        ValueError
            If it is to be added to a file with other columns.
        """
        path = Path(self.filename) if folder_name is None else Path(folder_name) / self._inside()
        path.parent.mkdir(parents=True, exist_ok=True)
        kept, columns = self._kept(path)
        with atomic_file(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as stream:
            stream.write(kept)
            writer = csv.writer(stream, delimiter=self.sep)
            if not kept:
                writer.writerow(["epoch", *columns])
            for row, epoch in enumerate(self.epoch):
                writer.writerow([epoch, *(self.history[name][row] for name in columns)])
        self._given, self.filename, self.append_header = self._name(), str(path), not kept
        self._written = self.filename
        return path

    def _name(self):
        """`filename` as the user gave it, before `savefile` put the folder in front."""
        return self._given if self.filename == self._written else self.filename

    def _inside(self):
        """Path below a folder: that given, unless it leads out of every folder."""
        name = Path(self._name())
        return name.name if name.is_absolute() or ".." in name.parts else name

    def _kept(self, path):
        """Text that stays in the file, and the columns after ``epoch``."""
        if not (self.append and path.exists() and path.stat().st_size):
            return "", self.keys
        with open(path, newline="", encoding="utf-8") as stream:
            text = stream.read()
        _, *columns = next(csv.reader([text.splitlines()[0]], delimiter=self.sep))
        if set(columns) != set(self.keys):
            raise ValueError(
                f"VirutalCSVLogger: {path} has the columns {columns}, the history {self.keys}: it can't be added. "
                "Give another `filename`, or append=False to replace the file."
            )
        return text if text.endswith("\n") else text + "\r\n", columns


VirtualCSVLogger = VirutalCSVLogger


class ErrorOnNaN(keras.callbacks.Callback):
    """Stop a training whose loss is no longer a finite number.

    Parameters
    ----------
    monitor : str, optional
        Name of the logged value that is watched, default ``"loss"``. One that is known only at the end of an epoch,
        such as ``"val_loss"``, is looked at there.

    Raises
    ------
    ValueError
        In training, at the end of the batch (or epoch) in which the value became NaN or infinite; the attribute
        ``stop_training`` of the model is True then.

    Examples
    --------
    >>> callback = ErrorOnNaN()
    >>> callback.set_model(keras.Sequential([keras.layers.Dense(1)]))
    >>> callback.on_batch_end(12, {"loss": float("nan")})  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    ValueError: Batch 12: Invalid loss, terminating training (`loss` is nan). Look for ...
    """

    def __init__(self, monitor="loss"):
        super().__init__()
        self.monitor = monitor

    def on_batch_end(self, batch, logs=None):
        self._check(f"Batch {batch}", logs)

    def on_epoch_end(self, epoch, logs=None):
        self._check(f"Epoch {epoch}", logs)

    def _check(self, where, logs):
        value = (logs or {}).get(self.monitor)
        if value is not None and not np.isfinite(_array(value)).all():
            self.model.stop_training = True
            raise ValueError(
                f"{where}: Invalid loss, terminating training (`{self.monitor}` is {_array(value)}). "
                "Look for outliers in the spectra and labels, or lower the learning rate."
            )


def _array(value):
    """Array of numpy, also from a tensor of any backend on any device."""
    return keras.ops.convert_to_numpy(value) if keras.ops.is_tensor(value) else np.asarray(value)


def _logged(value):
    """A number as a float; what else another callback may put into the logs (a list, a text) as it is."""
    array = _array(value)
    return float(array.item()) if array.size == 1 and array.dtype.kind in "buif" else value
