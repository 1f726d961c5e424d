"""Arrays that are not in memory: data sets of HDF5, memory maps, arrays of zarr and dask."""

import math

import numpy as np

from astroNN.shared.sources.rows import Rows

__all__ = ["ArrayRows"]


class ArrayRows(Rows):
    """Rows of anything that gives them by slices.

    Parameters
    ----------
    array : object
        With ``shape``, ``dtype`` and slices of rows: a data set of h5py, a memory map, an array of zarr or dask.
    name : str
        For errors.

    Raises
    ------
    ValueError
        If the file of a data set is closed, or the number of rows is not known.

    Examples
    --------
    >>> rows = ArrayRows(np.arange(12).reshape(4, 3), "numbers")
    >>> rows[[3, 1]].tolist()
    [[9, 10, 11], [3, 4, 5]]
    """

    def __init__(self, array, name):
        if type(array).__module__.startswith("h5py") and not array:
            raise ValueError(f"{name}: the HDF5 file is closed. Keep it open as long as its data are used.")
        if any(isinstance(n, float) and math.isnan(n) for n in array.shape):
            raise ValueError(
                f"{name}: the number of rows is not known (shape {array.shape}). Call `compute_chunk_sizes()` of the "
                "dask array first."
            )
        super().__init__(name, array.shape, array.dtype, _chunk_rows(array))
        self._array = array

    def read(self, start, stop):
        block = np.asarray(self._array[start:stop])
        # A part of a memory map is read where it is looked at, which would be in the thread that trains.
        return np.array(block) if isinstance(self._array, np.memmap) else block


def _chunk_rows(array):
    """Rows in a chunk of what is stored in chunks, else 1."""
    chunks = getattr(array, "shards", None) or getattr(array, "chunks", None)
    if not chunks:
        return 1
    return max(chunks[0]) if isinstance(chunks[0], tuple) else chunks[0]  # dask has a tuple of sizes for every axis
