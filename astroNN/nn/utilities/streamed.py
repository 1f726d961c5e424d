"""Batches of stars that are not in memory: blocks of neighbours are read, and mixed with those of other blocks."""

import math
from contextlib import contextmanager

import numpy as np

from astroNN.nn.utilities.generator import BatchGenerator
from astroNN.shared.sources import ReadAhead, Rows

__all__ = ["StreamedBatches", "errors_of_reading"]

_BLOCK_BYTES = 2**23  # read in one go: a disk, or a network, does little else by then than to transfer
_WINDOW_BYTES = 12 * _BLOCK_BYTES  # in which stars are mixed; two or three windows are in memory
_LARGEST_BLOCK = 8 * _BLOCK_BYTES  # up to which blocks grow to hold the whole chunks of a file


class StreamedBatches(BatchGenerator):
    """Shuffled, normalised batches of stars whose spectra are in files.

    Rows that are neighbours in the file make a block. Every epoch puts the blocks into a new random order; a dozen or
    so make a window, and the stars of a window are shuffled. A batch takes the next stars of a window while a thread
    reads the one behind. So every row is read once an epoch, in large pieces.

    Parameters
    ----------
    load : callable
        Array of row numbers, rising, to a function from places among these rows to a dictionary of normalised
        inputs. It reads the rows, and is called in a thread.
    rows : array of int
        Rows of the user's arrays that take part, rising.
    targets : array or dict of arrays
        As in `BatchGenerator`.
    arrays : list of array or Rows
        What `load` reads from; only their sizes are used.
    seed : list of int, optional
        Each epoch shuffles by this seed and its number. Default: the given order.
    first_epoch : int, optional
        Begin with the order of this epoch, counted from 0 (default).
    n_epochs : int, optional
        Nothing is read ahead for epochs from this one on. Default: there is always another one.
    **settings
        ``columns``, ``sample_weight`` and ``batch_size`` of `BatchGenerator`.

    Attributes
    ----------
    failure : Exception or None
        What went wrong while reading.
    """

    def __init__(self, load, rows, targets, arrays, *, seed=None, first_epoch=0, n_epochs=math.inf, **settings):
        super().__init__(None, rows, targets, **settings)
        self.failure = None
        self._load, self._seed, self._epoch, self._n_epochs = load, seed, first_epoch, n_epochs
        self._sources = sources = [array for array in arrays if isinstance(array, Rows)]
        self._block_rows = block_rows(sources)
        # Of a block only rows that take part are read: of validation stars, say, one in ten.
        n_blocks = len(np.unique(self._rows // self._block_rows))
        block_bytes = max(1, len(self._rows) * sum(source.row_bytes for source in sources) // n_blocks)
        # In the given order nothing is mixed, and small windows will do.
        fewest, most_bytes = (1, 2 * _BLOCK_BYTES) if seed is None else (2, _WINDOW_BYTES)
        self._blocks_per_window = max(fewest, most_bytes // block_bytes)
        self._reader = ReadAhead(self._load_window)
        self._plan()

    def batch_rows(self, index):
        return self._windows.order[index * self._batch_size : (index + 1) * self._batch_size]

    def read(self, rows):
        try:
            return self._batch(rows, self._inputs_alone(rows) if self._reader.is_closed else self._inputs(rows))
        except Exception as error:
            self.failure = error
            raise
        finally:
            if self._reader.is_closed:
                self._close_sources()

    def _inputs_alone(self, rows):
        """Inputs of some rows without the rest of their windows: after closing nothing is kept."""
        order = np.argsort(rows)
        return self._load(rows[order])(np.argsort(order))

    def _inputs(self, rows):
        windows = self._windows
        numbers = windows.of_block[rows // self._block_rows]
        needed = np.unique(numbers).tolist()
        following = range(needed[-1] + 1, min(needed[-1] + 2, len(windows.rows)))
        loaded = self._reader.get(*([(windows.epoch, number) for number in keys] for keys in (needed, following)))
        parts, places = [], []
        for number, inputs_at in zip(needed, loaded, strict=True):
            places.append(np.flatnonzero(numbers == number))
            parts.append(inputs_at(np.searchsorted(windows.rows[number], rows[places[-1]])))
        if len(parts) == 1:
            return parts[0]
        order = np.argsort(np.concatenate(places))
        return {name: np.concatenate([part[name] for part in parts])[order] for name in parts[0]}

    def on_epoch_end(self):
        if self._seed is None:
            self._reader.get([])  # the next epoch is the same, and a whole training away
            return
        self._epoch += 1
        self._plan()
        # What the next epoch begins with is read while Keras looks at the validation stars.
        self._reader.get([], [(self._epoch, 0)] if self._epoch < self._n_epochs else [])

    def close(self):
        self._reader.close()
        self._close_sources()

    def _close_sources(self):
        for source in self._sources:
            source.close()

    def _plan(self):
        self._windows = _Windows(self._rows, self._block_rows, self._blocks_per_window, self._seed, self._epoch)

    def _load_window(self, key):
        epoch, number = key
        windows = self._windows
        # An epoch that is over is no longer asked for.
        return self._load(windows.rows[number]) if windows.epoch == epoch else None


class _Windows:
    """Which rows an epoch visits, in which order.

    Attributes
    ----------
    epoch : int
        Its number.
    rows : list of arrays of int
        Of each window, rising.
    order : array of int
        All rows, as they are visited: window by window.
    of_block : array of int
        Window to which a block of the file belongs.
    """

    def __init__(self, rows, block_rows, blocks_per_window, seed, epoch):
        self.epoch = epoch
        rng = None if seed is None else np.random.default_rng([*seed, epoch])
        blocks = np.split(rows, np.flatnonzero(np.diff(rows // block_rows)) + 1)
        order = np.arange(len(blocks)) if rng is None else rng.permutation(len(blocks))
        chosen = [np.sort(order[k : k + blocks_per_window]) for k in range(0, len(order), blocks_per_window)]
        self.rows = [np.concatenate([blocks[k] for k in numbers]) for numbers in chosen]
        self.order = np.concatenate(self.rows if rng is None else [rng.permutation(rows) for rows in self.rows])
        self.of_block = np.full(rows[-1] // block_rows + 1, -1)
        for number, window in enumerate(self.rows):
            self.of_block[window // block_rows] = number


@contextmanager
def errors_of_reading(*generators):
    """Context in which an error while reading batches is raised as it was: engines wrap it in their own.

    Parameters
    ----------
    *generators : BatchGenerator or None
        What Keras reads from.

    Yields
    ------
    None
        Nothing; batches are read in the ``with`` block.
    """
    try:
        yield
    except Exception as error:
        failures = [getattr(batches, "failure", None) for batches in generators]
        failure = next((failure for failure in failures if failure is not None), error)
        if failure is error:
            raise
        raise failure from error


def block_rows(sources):
    """Rows of a block: a few megabytes, and whole chunks of the file that has the largest ones.

    Parameters
    ----------
    sources : list of Rows
        What is read together.

    Returns
    -------
    int
    """
    row_bytes = sum(source.row_bytes for source in sources)
    wanted = max(1, _BLOCK_BYTES // row_bytes)
    chunk = max(source.chunk_rows for source in sources)
    if chunk * row_bytes > _LARGEST_BLOCK:
        return wanted
    return chunk * math.ceil(wanted / chunk)
