"""Keras callbacks: the training history in memory, and a stop when the loss becomes invalid."""

import csv
import math
from pathlib import Path

import keras

from astroNN.shared.files import atomic_file

__all__ = ["ErrorOnNaN", "VirtualCSVLogger", "VirutalCSVLogger"]


class VirutalCSVLogger(keras.callbacks.Callback):
    """Keep the history of every epoch in memory, and write it as CSV when asked to.

    The spelling is the established one; `VirtualCSVLogger` is the same class.

    Parameters
    ----------
    filename : str, optional
        Name of the file, default ``"training_history.csv"``.
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
    """

    def __init__(self, filename="training_history.csv", separator=",", append=False):
        super().__init__()
        self.filename = filename
        self.sep = separator
        self.append = append
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
            column.append(_number(logs.get(name, math.nan)))
        self.epoch.append(epoch)

    def savefile(self, folder_name=None):
        """Write the history.

        Parameters
        ----------
        folder_name : str or Path, optional
            Folder for the file, created if it is missing. Default: the current one.

        Returns
        -------
        Path
            Where the file stands.

        Raises
        ------
        ValueError
            If it is to be added to a file with other columns.
        """
        path = Path(self.filename) if folder_name is None else Path(folder_name) / Path(self.filename).name
        path.parent.mkdir(parents=True, exist_ok=True)
        kept, columns = self._kept(path)
        with atomic_file(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as stream:
            stream.write(kept)
            writer = csv.writer(stream, delimiter=self.sep)
            if not kept:
                writer.writerow(["epoch", *columns])
            for row, epoch in enumerate(self.epoch):
                writer.writerow([epoch, *(self.history[name][row] for name in columns)])
        return path

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
        Name of the logged value that is watched, default ``"loss"``.

    Raises
    ------
    ValueError
        In training, at the end of the batch in which the value became NaN or infinite.
    """

    def __init__(self, monitor="loss"):
        super().__init__()
        self.monitor = monitor

    def on_batch_end(self, batch, logs=None):
        value = (logs or {}).get(self.monitor)
        if value is not None and not math.isfinite(_number(value)):
            self.model.stop_training = True
            raise ValueError(
                f"Batch {batch}: Invalid loss, terminating training (`{self.monitor}` is {_number(value)}). "
                "Look for outliers in the spectra and labels, or lower the learning rate."
            )


def _number(value):
    return float(keras.ops.convert_to_numpy(value)) if hasattr(value, "shape") else float(value)
