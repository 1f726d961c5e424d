"""Batches for Keras, normalised as they are read, so that no second copy of the spectra is made."""

import math

import keras
import numpy as np

__all__ = ["BatchGenerator"]


class BatchGenerator(keras.utils.PyDataset):
    """Shuffled, normalised batches of a set of stars.

    Parameters
    ----------
    read_inputs : callable
        Array of row numbers to a dictionary of normalised inputs.
    rows : array of int
        Rows of the user's arrays that take part.
    columns : dict of arrays, optional
        Further inputs that are small and normalised already (label errors), for all rows of the user's arrays.
    targets : array or dict of arrays
        Normalised labels, for all rows of the user's arrays, in the structure of the network's output.
    sample_weight : array, optional
        One weight per row of the user's arrays.
    batch_size : int
        Stars a batch; the last batch holds the remainder.
    rng : numpy.random.Generator, optional
        Shuffles the stars into new batches before each epoch. Default: the given order.
    """

    def __init__(self, read_inputs, rows, targets, *, columns=None, sample_weight=None, batch_size=64, rng=None):
        super().__init__()
        self._read_inputs = read_inputs
        self._rows = np.array(rows)
        self._columns = columns or {}
        self._targets = targets
        self._sample_weight = sample_weight
        self._batch_size = batch_size
        self._rng = rng
        self._shuffle()

    def __len__(self):
        return math.ceil(len(self._rows) / self._batch_size)

    def __getitem__(self, index):
        # Keras may ask for a batch more than once: this must not change anything.
        rows = self._rows[index * self._batch_size : (index + 1) * self._batch_size]
        if self._rng is not None:
            # Which rows make a batch is random; HDF5 data sets can be read only in increasing order.
            rows = np.sort(rows)
        x = self._read_inputs(rows) | {name: column[rows] for name, column in self._columns.items()}
        y = keras.tree.map_structure(lambda target: target[rows], self._targets)
        if self._sample_weight is None:
            return x, y
        return x, y, self._sample_weight[rows]

    def on_epoch_end(self):
        self._shuffle()

    def _shuffle(self):
        if self._rng is not None:
            self._rows = self._rng.permutation(self._rows)
