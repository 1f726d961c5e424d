"""Generators of batches by name, as established scripts make them around networks.

`fit` and `predict` of our networks need none of them.
"""

import math
import threading
import warnings

import numpy as np

from astroNN.nn.utilities.generator import GeneratorMaster

__all__ = [
    "BayesianCNNDataGenerator",
    "BayesianCNNPredDataGenerator",
    "CNNDataGenerator",
    "CNNPredDataGenerator",
    "CVAEDataGenerator",
    "CVAEPredDataGenerator",
]

# Inputs that are a table with a column per label, not spectra: they get no axis for channels.
_TABLES = ("labels_err",)


class CNNDataGenerator(GeneratorMaster):
    """Batches to train a network on.

    Parameters
    ----------
    batch_size : int
        Rows a batch; the last one holds the remainder.
    shuffle : bool
        Draw new batches every epoch.
    steps_per_epoch : int or None
        Batches an epoch; None for all rows.
    data : [inputs, labels]
        Dictionaries of arrays, already normalised; a bare array counts as ``"input"`` or ``"output"``.
    manual_reset : bool, optional
        Keep the order at the end of an epoch; `reset` draws a new one. Default False.
    sample_weight : array, shape (n_rows,), optional
        Weights of the rows.
    **kwargs
        ``np_rng`` and the settings of `keras.utils.PyDataset`, see `astroNN.nn.utilities.generator.GeneratorBase`.

    Returns
    -------
    From ``generator[k]``: ``(x, y)``, or ``(x, y, w)`` with weights. ``x`` is a dictionary of arrays with an axis for
    channels, ``y`` a dictionary of labels.

    Examples
    --------
    >>> spectra, labels = np.ones((5, 7)), np.ones((5, 2))
    >>> batches = CNNDataGenerator(2, False, None, [{"input": spectra}, {"output": labels}])
    >>> [x["input"].shape for x, y in batches]
    [(2, 7, 1), (2, 7, 1), (1, 7, 1)]
    """

    def __init__(self, batch_size, shuffle, steps_per_epoch, data, manual_reset=False, sample_weight=None, **kwargs):
        inputs, labels = _split(data, "[inputs, labels]", 2)
        self.inputs, self.labels = _named(inputs, "input"), _named(labels, "output")
        self.sample_weight = None if sample_weight is None else np.asarray(sample_weight)
        weights = [] if sample_weight is None else [self.sample_weight]
        data = [self.inputs, self.labels, *weights]
        super().__init__(batch_size, shuffle, steps_per_epoch, data, manual_reset, **kwargs)

    def __getitem__(self, index):
        rows = self.batch_rows(index)
        batch = _network_input(self, rows), self._targets(rows)
        return batch if self.sample_weight is None else (*batch, self.sample_weight[rows])

    def _targets(self, rows):
        return self.get_idx_item(self.labels, rows)


class CNNPredDataGenerator(GeneratorMaster):
    """Batches to predict from: every row once, the remainder in the last batch.

    Parameters
    ----------
    batch_size : int
        Rows a batch.
    shuffle : bool
        False for predictions in the order of the data; else that of `idx_list`, increasing within a batch.
    steps_per_epoch : int or None
        Accepted for established scripts. Batches always cover all rows; a warning tells if this number would not.
    data : [inputs]
        A dictionary of arrays, already normalised; a bare array counts as ``"input"``.
    manual_reset : bool, optional
        As in `CNNDataGenerator`.
    pbar : tqdm, optional
        Progress bar, moved on by the rows of each batch when it is first read: it ends at the number of rows,
        however often Keras reads a batch.
    key_name : str, optional
        Of a bare array. Default ``"input"``.
    **kwargs
        As in `CNNDataGenerator`.

    Returns
    -------
    From ``generator[k]``: a dictionary of arrays with an axis for channels.

    Examples
    --------
    >>> batches = CNNPredDataGenerator(2, False, None, [{"input": np.ones((5, 7))}])
    >>> [x["input"].shape for x in batches]
    [(2, 7, 1), (2, 7, 1), (1, 7, 1)]
    """

    def __init__(
        self, batch_size, shuffle, steps_per_epoch, data, manual_reset=False, pbar=None, *, key_name="input", **kwargs
    ):
        (inputs,) = _split(data, "[inputs]", 1)
        self.inputs = _named(inputs, key_name)
        self.pbar = pbar
        self._counted, self._lock = set(), threading.Lock()
        super().__init__(batch_size, shuffle, None, [self.inputs], manual_reset, **kwargs)
        if steps_per_epoch is not None and steps_per_epoch * self.batch_size < self.n_rows:
            warnings.warn(
                f"{type(self).__name__}: {steps_per_epoch} batches of {self.batch_size} leave out some of the "
                f"{self.n_rows} rows; all {math.ceil(self.n_rows / self.batch_size)} batches are made.",
                stacklevel=2,
            )

    def __getitem__(self, index):
        rows = self.batch_rows(index)
        batch = _network_input(self, rows)
        self._advance(index % len(self), len(rows))
        return batch

    def _advance(self, index, n_rows):
        # Keras reads the first batches twice, to learn their shapes, and may read from several threads.
        with self._lock:
            if self.pbar is not None and index not in self._counted:
                self._counted.add(index)
                self.pbar.update(n_rows)


class BayesianCNNDataGenerator(CNNDataGenerator):
    """Batches to train a Bayesian network on.

    As `CNNDataGenerator`; the input ``"labels_err"``, shape (n_rows, n_labels), keeps its shape.

    Parameters
    ----------
    batch_size, shuffle, steps_per_epoch, data : int, bool, int, list
        As in `CNNDataGenerator`.
    manual_reset, sample_weight, **kwargs : optional
        As there.
    """


class BayesianCNNPredDataGenerator(CNNPredDataGenerator):
    """Batches to predict from with a Bayesian network.

    Parameters
    ----------
    batch_size, shuffle, steps_per_epoch, data : int, bool, int, list
        As in `CNNPredDataGenerator`.
    manual_reset, pbar, key_name, **kwargs : optional
        As there.
    """


class CVAEDataGenerator(CNNDataGenerator):
    """Batches to train an autoencoder on.

    As `CNNDataGenerator`, with spectra or images to reconstruct in place of labels, which get an axis for channels,
    too.

    Parameters
    ----------
    batch_size, shuffle, steps_per_epoch, data : int, bool, int, list
        As in `CNNDataGenerator`.
    manual_reset, sample_weight, **kwargs : optional
        As there.
    """

    def _targets(self, rows):
        return self.input_d_checking(self.labels, rows)


class CVAEPredDataGenerator(CNNPredDataGenerator):
    """Batches to encode with an autoencoder.

    Parameters
    ----------
    batch_size, shuffle, steps_per_epoch, data : int, bool, int, list
        As in `CNNPredDataGenerator`.
    manual_reset, pbar, key_name, **kwargs : optional
        As there.
    """


def _network_input(generator, rows):
    images = {name: array for name, array in generator.inputs.items() if name not in _TABLES}
    tables = {name: array for name, array in generator.inputs.items() if name in _TABLES}
    return generator.input_d_checking(images, rows) | generator.get_idx_item(tables, rows)


def _split(data, needed, length):
    if not isinstance(data, list | tuple) or len(data) != length:
        got = f"{len(data)} items" if isinstance(data, list | tuple) else type(data).__name__
        raise ValueError(f"Generator: `data` must be a list {needed}, got {got}.")
    return data


def _named(arrays, name):
    return arrays if isinstance(arrays, dict) else {name: np.asarray(arrays)}
