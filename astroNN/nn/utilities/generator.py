"""Batches for Keras: of arrays in memory, or normalised as they are read, so that no second copy is made."""

import math
import random

import keras
import numpy as np

from astroNN.shared.checks import check_rows

__all__ = ["BatchGenerator", "GeneratorBase", "GeneratorMaster"]


class BatchGenerator(keras.utils.PyDataset):
    """Shuffled, normalised batches of a set of stars.

    Parameters
    ----------
    read_inputs : callable
        Array of row numbers to a dictionary of normalised inputs.
    rows : array of int
        Rows of the user's arrays that take part.
    targets : array or dict of arrays
        Normalised labels, for all rows of the user's arrays, in the structure of the network's output.
    columns : dict of arrays, optional
        Further inputs that are small and normalised already (label errors), for all rows of the user's arrays.
    sample_weight : array, optional
        One weight per row of the user's arrays.
    batch_size : int, optional
        Stars a batch, default 64; the last batch holds the remainder.
    rng : numpy.random.Generator, optional
        Shuffles the stars into new batches before each epoch. Default: the given order.
    first_epoch : int, optional
        Begin with the order of this epoch, counted from 0 (default).
    """

    def __init__(self, read_inputs, rows, targets, *, columns=None, sample_weight=None, batch_size=64, rng=None,
                 first_epoch=0):  # fmt: skip
        super().__init__()
        self._read_inputs = read_inputs
        self._rows = np.array(rows)
        self._columns = columns or {}
        self._targets = targets
        self._sample_weight = sample_weight
        self._batch_size = batch_size
        self._rng = rng
        for _ in range(first_epoch + 1):
            self._shuffle()

    def __len__(self):
        return math.ceil(len(self._rows) / self._batch_size)

    def __getitem__(self, index):
        return self.read(self.batch_rows(index))

    def batch_rows(self, index):
        """Row numbers of one batch, as they come in it.

        Parameters
        ----------
        index : int
            Number of the batch in the epoch.

        Returns
        -------
        array of int
            Rising, if the stars are shuffled.
        """
        # Keras may ask for a batch more than once: this must not change anything.
        rows = self._rows[index * self._batch_size : (index + 1) * self._batch_size]
        # Which rows make a batch is random; HDF5 data sets can be read only in increasing order.
        return rows if self._rng is None else np.sort(rows)

    def n_rows(self, index):
        """How many stars are in one batch.

        Parameters
        ----------
        index : int
            Number of the batch in the epoch.

        Returns
        -------
        int
            The batch size; fewer in the last batch.
        """
        return min(self._batch_size, len(self._rows) - index * self._batch_size)

    def read(self, rows):
        """What Keras takes, for some rows.

        Parameters
        ----------
        rows : array of int
            Row numbers.

        Returns
        -------
        tuple
            Inputs, targets and, if there are any, weights.
        """
        return self._batch(rows, self._read_inputs(rows))

    def _batch(self, rows, inputs):
        """What Keras takes, from rows and their normalised inputs."""
        x = inputs | {name: column[rows] for name, column in self._columns.items()}
        y = keras.tree.map_structure(lambda target: target[rows], self._targets)
        if self._sample_weight is None:
            return x, y
        return x, y, self._sample_weight[rows]

    def on_epoch_end(self):
        self._shuffle()

    def close(self):
        """Let go of what was read; batches asked for later read it again."""

    def _shuffle(self):
        if self._rng is not None:
            self._rows = self._rng.permutation(self._rows)


class GeneratorBase(keras.utils.PyDataset):
    """Batches of arrays, in a new random order every epoch.

    A network of ours needs none: `fit` makes its batches itself. This is for loops and Keras models of your own.
    Override `__getitem__` where a batch is to hold anything else than rows of `data`.

    Parameters
    ----------
    data : array, or dict, list or tuple of such
        Rows belong together; any nesting. What gives rows by an index array in increasing order (an HDF5 data set)
        counts as an array.
    batch_size : int, optional
        Rows a batch, default 64; the last batch holds the remainder.
    shuffle : bool, optional
        Draw new batches every epoch (default). Within a batch, rows are in increasing order.
    steps_per_epoch : int, optional
        Batches an epoch, at most those that the data give, which is the default.
    np_rng : numpy.random.Generator or int, optional
        Draws the order. Default: one seeded by the state of Python's `random`, which
        ``keras.utils.set_random_seed`` sets.
    **kwargs
        ``workers``, ``use_multiprocessing`` and ``max_queue_size`` of `keras.utils.PyDataset`.

    Attributes
    ----------
    idx_list : array of int
        All rows, in the order of this epoch.

    Raises
    ------
    ValueError
        If the row counts differ, or `batch_size` or `steps_per_epoch` is out of range.

    Examples
    --------
    >>> batches = GeneratorBase({"input": np.arange(5.0)}, batch_size=2, shuffle=False)
    >>> [batch["input"].tolist() for batch in batches]
    [[0.0, 1.0], [2.0, 3.0], [4.0]]
    """

    def __init__(self, data, *, batch_size=64, shuffle=True, steps_per_epoch=None, np_rng=None, **kwargs):
        super().__init__(**kwargs)
        self.data = data
        self.n_rows = _count_rows(data)
        self.batch_size = _checked("batch_size", batch_size, None)
        n_batches = math.ceil(self.n_rows / self.batch_size)
        self.steps_per_epoch = (
            n_batches if steps_per_epoch is None else _checked("steps_per_epoch", steps_per_epoch, n_batches)
        )
        self.shuffle = shuffle
        self.np_rng = np.random.default_rng(random.getrandbits(64) if np_rng is None else np_rng)
        self.reset()

    def __len__(self):
        return self.steps_per_epoch

    def __getitem__(self, index):
        return self.get_idx_item(self.data, self.batch_rows(index))

    def batch_rows(self, index):
        """Row numbers of one batch, as they come in it.

        Parameters
        ----------
        index : int
            Number of the batch in the epoch; negative ones count from the end.

        Returns
        -------
        array of int
            Rising, if rows are shuffled.

        Raises
        ------
        IndexError
            If there is no such batch.
        """
        if not -len(self) <= index < len(self):
            # Without this a `for` loop would never end.
            raise IndexError(f"Batch {index} was asked for; there are {len(self)}.")
        start = index % len(self) * self.batch_size
        rows = self.idx_list[start : start + self.batch_size]
        # Which rows make a batch is random; HDF5 data sets can be read only in increasing order.
        return np.sort(rows) if self.shuffle else rows

    def get_idx_item(self, data, idx):
        """Rows of an array, or of every array of a dictionary, list or tuple.

        Parameters
        ----------
        data : array, or dict, list or tuple of such
            Any nesting.
        idx : array of int
            Row numbers.

        Returns
        -------
        array, or dict, list or tuple of such
            Of the structure of `data`.
        """
        return keras.tree.map_structure(lambda array: array[idx], data)

    def on_epoch_end(self):
        self.reset()

    def reset(self):
        """Put the rows into a new order, if they are shuffled."""
        self.idx_list = self._get_exploration_order(np.arange(self.n_rows))

    def _get_exploration_order(self, idx_list):
        """Copy of a list of row numbers, shuffled if the generator is to shuffle."""
        return self.np_rng.permutation(idx_list) if self.shuffle else np.array(idx_list)


class GeneratorMaster(GeneratorBase):
    """Batches of images and spectra, with an axis for channels: the base of generators of established scripts.

    Parameters
    ----------
    batch_size, shuffle, steps_per_epoch, data : int, bool, int, array or dict of arrays
        As in `GeneratorBase`.
    manual_reset : bool, optional
        Keep the order at the end of an epoch; `reset` draws a new one. Default False.
    **kwargs
        As in `GeneratorBase`, with ``np_rng``.
    """

    def __init__(self, batch_size, shuffle, steps_per_epoch, data, manual_reset=False, **kwargs):
        super().__init__(data, batch_size=batch_size, shuffle=shuffle, steps_per_epoch=steps_per_epoch, **kwargs)
        self.manual_reset = manual_reset

    def input_d_checking(self, inputs, idx):
        """Rows of inputs, each with an axis for channels.

        Parameters
        ----------
        inputs : dict of arrays, or array
            Of shape (n_rows, n_pixels), (n_rows, height, width) or (n_rows, height, width, n_channels).
        idx : array of int
            Row numbers.

        Returns
        -------
        dict of arrays, or array
            Shape (n, n_pixels, 1), (n, height, width, 1) or (n, height, width, n_channels).

        Raises
        ------
        ValueError
            If an input has another number of dimensions.
        """
        if not isinstance(inputs, dict):
            return _with_channels("the data", inputs[idx])
        return {name: _with_channels(f"input '{name}'", array[idx]) for name, array in inputs.items()}

    def on_epoch_end(self):
        if not self.manual_reset:
            self.reset()


def _with_channels(name, rows):
    if rows.ndim not in (2, 3, 4):
        raise ValueError(
            f"Unsupported data dimension of {name}: a batch has the shape {rows.shape}. Spectra must have the shape "
            "(n_rows, n_pixels), images (n_rows, height, width) or (n_rows, height, width, n_channels)."
        )
    return rows if rows.ndim == 4 else rows[..., None]


def _count_rows(data):
    arrays = keras.tree.flatten_with_path(data)
    if not arrays or not all(hasattr(array, "shape") and len(array.shape) for _, array in arrays):
        raise ValueError("Generator: `data` must be an array, or a dictionary, list or tuple of arrays, with rows.")
    check_rows(**{"/".join(map(str, ("data", *path))): array for path, array in arrays})
    n_rows = len(arrays[0][1])
    if not n_rows:
        raise ValueError("Generator: `data` has no rows.")
    return n_rows


def _checked(argument, value, most):
    # A float, as division gives it, will do.
    whole = isinstance(value, int | float | np.number) and not isinstance(value, bool) and value == np.floor(value)
    if not whole or value < 1 or (most is not None and value > most):
        limit = "at least 1" if most is None else f"from 1 to {most} (rows divided by batch size, rounded up)"
        raise ValueError(f"Generator: `{argument}` must be a whole number, {limit}, got {value!r}.")
    return int(value)
