"""Arrays that are not in memory: data sets of HDF5, memory maps, arrays of zarr and dask."""

import math
import threading

import numpy as np

from astroNN.shared.sources.rows import Rows

__all__ = ["ArrayRows", "is_stored"]

#: packages whose arrays several threads may read at once
_STORES = ("dask", "h5py", "zarr")
#: of everything else: netCDF4, for one, crashes when two threads read, be it from two files
_ONE_AT_A_TIME = threading.RLock()


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
        # Of masked arrays dask tells only here; what is hidden becomes NaN, which integers don't have.
        is_masked = isinstance(getattr(array, "_meta", None), np.ma.MaskedArray)
        dtype = np.result_type(array.dtype, "float32") if is_masked else array.dtype
        super().__init__(name, array.shape, dtype, _chunk_rows(array))
        self._array = array

    def read(self, start, stop):
        if is_stored(self._array):
            return self._read(start, stop)
        with _ONE_AT_A_TIME:
            return self._read(start, stop)

    def _read(self, start, stop):
        block = self._array[start:stop]
        if hasattr(block, "compute"):
            block = block.compute()  # dask; `asarray` would lose its mask
        if isinstance(block, np.ma.MaskedArray):
            return block.astype(np.result_type(block.dtype, "float32")).filled(np.nan)
        # A part of a memory map is read where it is looked at, which would be in the thread that trains.
        return np.array(block) if isinstance(self._array, np.memmap) else np.asarray(block)


def is_stored(array):
    """Whether something is an array of h5py, zarr or dask, or a memory map.

    Parameters
    ----------
    array : object
        Whatever was given.

    Returns
    -------
    bool
        False for arrays in memory, and for those of other libraries.
    """
    return isinstance(array, np.memmap) or type(array).__module__.split(".")[0] in _STORES


def _chunk_rows(array):
    """Rows in a chunk of what is stored in chunks, else 1."""
    chunks = getattr(array, "shards", None) or getattr(array, "chunks", None)
    if not chunks:
        return 1
    return max(chunks[0]) if isinstance(chunks[0], tuple) else chunks[0]  # dask has a tuple of sizes for every axis
