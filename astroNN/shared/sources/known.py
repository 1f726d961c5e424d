"""Which of the things that people give are not in memory."""

import os

import h5py
import numpy as np

from astroNN.shared.sources.arrays import ArrayRows
from astroNN.shared.sources.files import FileRows
from astroNN.shared.sources.rows import Rows

__all__ = ["as_sources", "is_path"]

#: packages of arrays that are in memory although they are none of numpy
_IN_MEMORY = ("astropy", "jax", "jaxlib", "pandas", "scipy")


def as_sources(argument, data):
    """Data with sources of rows in place of what is not in memory; everything else as it is.

    Parameters
    ----------
    argument : str
        Name of the user's argument, for errors.
    data : object, or dict of such
        Sources are made of paths and lists of paths, data sets of h5py, memory maps, arrays of zarr and dask, and
        other objects with a shape, a dtype of numpy, and slices.

    Returns
    -------
    object, or dict of such
        `Rows` where something was not in memory.

    Raises
    ------
    FileNotFoundError, OSError, KeyError, ValueError
        If files can't be used; see `FileRows`.
    """
    if isinstance(data, dict):
        return {name: as_sources(f"{argument}['{name}']", entry) for name, entry in data.items()}
    if is_path(data):
        return FileRows([data])
    if isinstance(data, list | tuple) and data and all(map(is_path, data)):
        return FileRows(data)
    return ArrayRows(data, f"`{argument}`") if _is_outside(data) else data


def is_path(data):
    """Whether something names a file.

    Parameters
    ----------
    data : object
        Whatever was given.

    Returns
    -------
    bool
        True for str and path-like objects, whether the file exists or not.
    """
    return isinstance(data, str | os.PathLike)


def _is_outside(data):
    if isinstance(data, h5py.Dataset) and not data:
        return True  # its file is closed, which `ArrayRows` tells
    if isinstance(data, h5py.Dataset | np.memmap):
        return len(data.shape or ()) > 0  # single numbers and empty data sets are told by the checks
    looks_like_rows = isinstance(getattr(data, "dtype", None), np.dtype) and hasattr(data, "shape")
    if not looks_like_rows or isinstance(data, np.ndarray | np.generic | Rows) or hasattr(data, "iloc"):
        return False
    return type(data).__module__.split(".")[0] not in _IN_MEMORY and hasattr(data, "__getitem__")
